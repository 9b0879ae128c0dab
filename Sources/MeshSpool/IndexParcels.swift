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
        try self.database.read { db in
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
        try self.database.read { db in
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
        try self.database.read { db in
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
        try self.database.read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: "SELECT * FROM parcel WHERE \(condition) ORDER BY \(order) LIMIT \(limit)"
                ),
                arguments: arguments
            ).map(Self.parcel)
        }
    }

    private static func parcel(_ row: Row) throws -> ParcelRow {
        guard let id = ParcelID(bytes: row["parcel_id"] as Data),
            let origin = NodeName(row["origin"] as String),
            let flow = FlowName(row["flow"] as String),
            let collector = NodeName(row["collector"] as String),
            let state = ParcelState(rawValue: row["state"])
        else { throw SpoolRowError.malformed }
        let incarnation = Incarnation(
            number: UInt64(bitPattern: row["incarnation_number"] as Int64),
            random: UInt64(bitPattern: row["incarnation_random"] as Int64)
        )
        func time(_ column: String) -> UnixMilliseconds? {
            (row[column] as Int64?).map { UnixMilliseconds($0) }
        }
        func bytes(_ column: String) -> [UInt8]? { (row[column] as Data?).map { [UInt8]($0) } }
        let body = (row["body_segment"] as Int64?).map { segment in
            BodyLocation(
                segment: SegmentNumber(UInt32(truncatingIfNeeded: segment)),
                offset: UInt64(bitPattern: row["body_offset"] as Int64),
                length: UInt32(truncatingIfNeeded: row["body_length"] as Int64)
            )
        }
        return ParcelRow(
            number: row["number"],
            id: id,
            stream: FlowStream(origin: origin, flow: flow, incarnation: incarnation),
            sequence: SequenceNumber(UInt64(bitPattern: row["sequence"] as Int64)),
            collector: collector,
            parcelClass: UInt8(truncatingIfNeeded: row["class"] as Int64),
            size: ByteCount(row["size"] as Int64),
            path: bytes("path") ?? [],
            giver: (row["giver"] as String?).flatMap { NodeName($0) },
            stamp: bytes("stamp").flatMap { FileStamp(bytes: $0) },
            isSmall: row["is_small"],
            body: body,
            opening: bytes("opening") ?? [],
            openingSignature: bytes("opening_signature") ?? [],
            closing: bytes("closing"),
            closingSignature: bytes("closing_signature"),
            passage: Self.decodePassage(row["passage"]),
            reserved: ByteCount(row["reserved"] as Int64),
            entriesKnown: UInt64(bitPattern: row["entries_known"] as Int64),
            state: state,
            ending: row["ending"],
            isDamaged: row["is_damaged"],
            arrivedAt: UnixMilliseconds(row["arrived_at"] as Int64),
            closedAt: time("closed_at"),
            heldAt: time("held_at"),
            passedAt: time("passed_at"),
            passedTo: (row["passed_to"] as String?).flatMap { NodeName($0) },
            endedAt: time("ended_at"),
            unknownAt: time("unknown_at"),
            modified: row["modified"],
            mode: AdmissionMode(rawValue: row["mode"]) ?? .whole,
            nextHop: (row["next_hop"] as String?).flatMap { NodeName($0) },
            isHeldBack: row["is_held_back"]
        )
    }
}
