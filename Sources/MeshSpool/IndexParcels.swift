import GRDB
package import MeshModel
import MeshProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Questions about parcels and what they hold.
extension Index {
    /// The parcel of that name, if it was ever here.
    package func parcel(_ id: ParcelID) throws -> ParcelRow? {
        try self.parcels("parcel_id = ?", [Data(id.bytes)], limit: 1).first
    }

    /// The parcels of those names that were ever here.
    package func parcels(_ ids: some Collection<ParcelID>) throws -> [ParcelID: ParcelRow] {
        var rows: [ParcelID: ParcelRow] = [:]
        rows.reserveCapacity(ids.count)
        var rest = ids[...]
        while !rest.isEmpty {
            let asked = rest.prefix(Self.parcelsPerQuestion)
            rest = rest.dropFirst(asked.count)
            // Always as many parameters, so that the statement is prepared once.
            let blanks = Array(
                repeating: DatabaseValue.null,
                count: Self.parcelsPerQuestion - asked.count
            )
            let found = try self.parcels(
                Self.parcelQuestion,
                StatementArguments(asked.map { Data($0.bytes).databaseValue } + blanks),
                limit: Self.parcelsPerQuestion
            )
            for row in found { rows[row.id] = row }
        }
        return rows
    }

    private static let parcelsPerQuestion = 32
    private static let parcelQuestion =
        "parcel_id IN ("
        + Array(repeating: "?", count: Index.parcelsPerQuestion).joined(separator: ",")
        + ")"

    /// Parcels to hand on or to land, in the order in which they came.
    ///
    /// Only those with a higher local number; either those whose collector is this node, or the
    /// others.
    package func live(after number: Int64, isHere: Bool, limit: Int) throws -> [ParcelRow] {
        try self.parcels(
            """
            state IN ('arriving', 'held') AND number > ? AND collector \(isHere ? "=" : "<>") ?
            """,
            [number, self.node.text],
            order: "number",
            limit: limit
        )
    }

    /// Parcels captured here whose blobs are not all made, or must be made anew.
    package func unfinishedCaptures() throws -> [ParcelRow] {
        try self.parcels(
            """
            state IN ('arriving', 'held') AND giver IS NULL
                AND (state = 'arriving' OR is_damaged = 1)
            """,
            [],
            order: "number",
            limit: Int(Int32.max)
        )
    }

    /// The damaged small parcel that was captured here from a version of a file.
    package func damagedSmall(
        flow: FlowName,
        path: [UInt8],
        stamp: FileStamp
    ) throws -> ParcelRow? {
        try self.parcels(
            "path = ? AND flow = ? AND giver IS NULL AND is_small = 1 AND is_damaged = 1",
            [Data(path), flow.text],
            order: "number DESC",
            limit: Int(Int32.max)
        ).first { $0.stamp?.isSameVersion(as: stamp) ?? false }
    }

    /// Parcels that a neighbour gave and that are not complete or are damaged.
    package func unfinishedArrivals() throws -> [ParcelRow] {
        try self.parcels(
            """
            state IN ('arriving', 'held') AND giver IS NOT NULL
                AND (state = 'arriving' OR is_damaged = 1)
            """,
            [],
            order: "number",
            limit: Int(Int32.max)
        )
    }

    /// Parcels by the path that their origin gave, or by the beginning of their id; newest first.
    package func find(path: [UInt8], limit: Int) throws -> [ParcelRow] {
        try self.parcels("path = ?", [Data(path)], order: "number DESC", limit: limit)
    }

    /// Parcels whose id begins with these bytes.
    package func find(idPrefix: [UInt8], limit: Int) throws -> [ParcelRow] {
        let low = idPrefix + Array(repeating: 0, count: max(0, 32 - idPrefix.count))
        let high = idPrefix + Array(repeating: 0xFF, count: max(0, 32 - idPrefix.count))
        return try self.parcels(
            "parcel_id BETWEEN ? AND ?",
            [Data(low), Data(high)],
            order: "number",
            limit: limit
        )
    }

    /// The parcel that carries a sequence of a stream, if one is known here.
    ///
    /// One that was refused because another has the sequence does not count; of others that ended
    /// without landing ``hasSeen(_:_:)`` tells.
    package func parcel(of stream: FlowStream, _ sequence: SequenceNumber) throws -> ParcelID? {
        try self.single { db in
            let bytes = try Data.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT parcel_id FROM parcel WHERE origin = ? AND flow = ?
                            AND incarnation_number = ? AND incarnation_random = ? AND sequence = ?
                            AND ifnull(ending, '') NOT IN ('refused', 'abandoned')
                        """
                ),
                arguments: Self.key(stream, sequence)
            )
            return bytes.flatMap { ParcelID(bytes: $0) }
        }
    }

    /// Entries of a parcel from `first` on, with where their blobs lie.
    package func entries(of parcel: Int64, from first: UInt64, limit: Int) throws -> [LocatedEntry]
    {
        try self.single { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT entry.number, entry.encoded, blob.segment, blob.byte_offset,
                            blob.byte_length
                        FROM entry LEFT JOIN blob ON blob.blob_id = entry.blob_id
                        WHERE entry.parcel = ? AND entry.number >= ?
                        ORDER BY entry.number LIMIT ?
                        """
                ),
                arguments: [parcel, Int64(bitPattern: first), limit]
            ).map { row in
                LocatedEntry(
                    number: UInt64(bitPattern: row[0] as Int64),
                    entry: [UInt8](row[1] as Data),
                    location: Self.location(row, at: 2)
                )
            }
        }
    }

    /// Where a blob lies, if it is here.
    package func blob(_ id: BlobID) throws -> BodyLocation? {
        try self.single { db in
            try Row.fetchOne(
                db.cachedStatement(
                    sql: "SELECT segment, byte_offset, byte_length FROM blob WHERE blob_id = ?"
                ),
                arguments: [Data(id.bytes)]
            ).flatMap { Self.location($0, at: 0) }
        }
    }

    /// How many parcels there are, by flow, state and ending.
    package func counts() throws -> [ParcelCount] {
        try self.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT flow, state, ending, count(*), CAST(total(size) AS INTEGER) FROM parcel
                    GROUP BY flow, state, ending ORDER BY flow, state, ending
                    """
            ).compactMap { row in
                guard let flow = FlowName(row[0] as String),
                    let state = ParcelState(rawValue: row[1])
                else { return nil }
                return ParcelCount(
                    flow: flow,
                    state: state,
                    ending: row[2],
                    count: row[3],
                    bytes: ByteCount(row[4] as Int64)
                )
            }
        }
    }

    /// How many parcels are known to be damaged here.
    package func damagedCount() throws -> Int {
        try self.database.read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM parcel
                    WHERE state IN ('arriving', 'held') AND is_damaged = 1
                    """
            ) ?? 0
        }
    }

    static func key(_ stream: FlowStream, _ sequence: SequenceNumber) -> StatementArguments {
        [
            stream.origin.text, stream.flow.text, Int64(bitPattern: stream.incarnation.number),
            Int64(bitPattern: stream.incarnation.random), Int64(bitPattern: sequence.rawValue),
        ]
    }

    static func location(_ row: Row, at column: Int) -> BodyLocation? {
        guard let segment: Int64 = row[column] else { return nil }
        return BodyLocation(
            segment: SegmentNumber(UInt32(truncatingIfNeeded: segment)),
            offset: UInt64(bitPattern: row[column + 1] as Int64),
            length: UInt32(truncatingIfNeeded: row[column + 2] as Int64)
        )
    }

    func parcels(
        _ condition: String,
        _ arguments: StatementArguments,
        order: String = "number",
        limit: Int
    ) throws -> [ParcelRow] {
        try self.single { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT \(Self.parcelColumns) FROM parcel WHERE \(condition)
                        ORDER BY \(order) LIMIT \(limit)
                        """
                ),
                arguments: arguments
            ).map(Self.parcel)
        }
    }

    /// Read by place: to look a column up by its name costs more than the row.
    private static let parcelColumns = """
        number, parcel_id, origin, flow, incarnation_number, incarnation_random, sequence,
        collector, class, size, path, giver, stamp, opening, opening_signature, closing,
        closing_signature, passage, is_small, body_segment, body_offset, body_length, reserved,
        entries_known, state, ending, is_damaged, arrived_at, closed_at, held_at, passed_at,
        passed_to, ended_at, modified, mode, next_hop, is_held_back, unknown_at
        """

    private static func parcel(_ row: Row) throws -> ParcelRow {
        guard let id = ParcelID(bytes: row[1] as Data),
            let origin = NodeName(row[2] as String),
            let flow = FlowName(row[3] as String),
            let collector = NodeName(row[7] as String),
            let state = ParcelState(rawValue: row[24])
        else { throw SpoolRowError.malformed }
        func unsigned(_ column: Int) -> UInt64 { UInt64(bitPattern: row[column] as Int64) }
        func time(_ column: Int) -> UnixMilliseconds? {
            (row[column] as Int64?).map { UnixMilliseconds($0) }
        }
        func bytes(_ column: Int) -> [UInt8]? { (row[column] as Data?).map { [UInt8]($0) } }
        func node(_ column: Int) -> NodeName? {
            (row[column] as String?).flatMap { NodeName($0) }
        }
        return ParcelRow(
            number: row[0],
            id: id,
            stream: FlowStream(
                origin: origin,
                flow: flow,
                incarnation: Incarnation(number: unsigned(4), random: unsigned(5))
            ),
            sequence: SequenceNumber(unsigned(6)),
            collector: collector,
            parcelClass: UInt8(truncatingIfNeeded: row[8] as Int64),
            size: ByteCount(row[9] as Int64),
            path: bytes(10) ?? [],
            giver: node(11),
            stamp: bytes(12).flatMap { FileStamp(bytes: $0) },
            isSmall: row[18],
            body: Self.location(row, at: 19),
            opening: bytes(13) ?? [],
            openingSignature: bytes(14) ?? [],
            closing: bytes(15),
            closingSignature: bytes(16),
            passage: Self.decodePassage(row[17]),
            reserved: ByteCount(row[22] as Int64),
            entriesKnown: unsigned(23),
            state: state,
            ending: row[25],
            isDamaged: row[26],
            arrivedAt: UnixMilliseconds(row[27] as Int64),
            closedAt: time(28),
            heldAt: time(29),
            passedAt: time(30),
            passedTo: node(31),
            endedAt: time(32),
            unknownAt: time(37),
            modified: row[33],
            mode: AdmissionMode(rawValue: row[34]) ?? .whole,
            nextHop: node(35),
            isHeldBack: row[36]
        )
    }
}
