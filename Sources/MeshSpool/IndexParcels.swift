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
        try self.parcels("parcel_id = ?", [id.bytes], limit: 1).first
    }

    /// The parcels of those names that were ever here.
    package func parcels(_ ids: some Collection<ParcelID>) throws -> [ParcelID: ParcelRow] {
        var rows: [ParcelID: ParcelRow] = [:]
        rows.reserveCapacity(ids.count)
        try Self.byBatches(of: ids.map { $0.bytes }) { batch in
            let found = try self.parcels(
                "parcel_id IN \(Self.batch)",
                batch,
                limit: Self.batchSize
            )
            for row in found { rows[row.id] = row }
        }
        return rows
    }

    /// Where those of these parcels stand that were ever here.
    package func states(of ids: [ParcelID]) throws -> [ParcelID: ParcelState] {
        var states: [ParcelID: ParcelState] = [:]
        states.reserveCapacity(ids.count)
        try self.single { db in
            try Self.byBatches(of: ids.map { $0.bytes }) { batch in
                try db.visit(
                    "SELECT parcel_id, state FROM parcel WHERE parcel_id IN \(Self.batch)",
                    batch
                ) { row in
                    guard let id = row.digest(0), let state = ParcelState(rawValue: row.text(1))
                    else { throw SpoolRowError.malformed }
                    states[ParcelID(id)] = state
                    return true
                }
            }
        }
        return states
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
        try self.carriers(of: stream, sequence).first(where: \.counts)?.parcel
    }

    /// Every parcel of a sequence of a stream that is known here, and whether it counts as its one.
    ///
    /// See ``parcel(of:_:)``; sequences lie beside each other in the index, names do not.
    package func carriers(
        of stream: FlowStream,
        _ sequence: SequenceNumber
    ) throws -> [(parcel: ParcelID, counts: Bool)] {
        try self.single { db in
            try db.all(
                """
                SELECT parcel_id, ifnull(ending, '') NOT IN ('refused', 'abandoned') FROM parcel
                WHERE origin = ? AND flow = ? AND incarnation_number = ?
                    AND incarnation_random = ? AND sequence = ?
                """,
                Self.key(stream, sequence)
            ) { row in row.digest(0).map { (ParcelID($0), row.bool(1)) } }.compactMap(\.self)
        }
    }

    /// Entries of a parcel from `first` on, with where their blobs lie.
    package func entries(of parcel: Int64, from first: UInt64, limit: Int) throws -> [LocatedEntry]
    {
        try self.single { db in
            try db.all(
                """
                SELECT entry.number, entry.encoded, blob.segment, blob.byte_offset,
                    blob.byte_length
                FROM entry LEFT JOIN blob ON blob.blob_id = entry.blob_id
                WHERE entry.parcel = ? AND entry.number >= ?
                ORDER BY entry.number LIMIT ?
                """,
                [parcel, Int64(bitPattern: first), limit]
            ) { row in
                LocatedEntry(
                    number: row.unsigned(0),
                    entry: row.bytes(1),
                    location: Self.location(row, at: 2)
                )
            }
        }
    }

    /// Whether a blob is here, be it only in the cache: an entry that names it takes it out of there.
    package func hasBlob(_ id: BlobID) throws -> Bool {
        try self.single { db in
            try db.first(
                """
                SELECT 1 FROM blob WHERE blob_id = ?1
                UNION ALL SELECT 1 FROM cached_blob WHERE blob_id = ?1
                """,
                [id.bytes]
            ) { _ in true } ?? false
        }
    }

    /// Where a blob lies, if it is here and some parcel needs it.
    package func blob(_ id: BlobID) throws -> BodyLocation? {
        try self.single { db in
            try db.first(
                "SELECT segment, byte_offset, byte_length FROM blob WHERE blob_id = ?",
                [id.bytes]
            ) { Self.location($0, at: 0) } ?? nil
        }
    }

    /// How many parcels there are, by flow, state and ending.
    package func counts() throws -> [ParcelCount] {
        struct Kind: Hashable {
            var flow, state: String
            var ending: String?
        }
        var sums: [Kind: (count: Int, bytes: Int64)] = [:]
        // Added up here: SQLite would sort all rows first, in memory.
        try self.database.read { db in
            try db.visit("SELECT flow, state, ending, size FROM parcel") { row in
                let kind = Kind(flow: row.text(0), state: row.text(1), ending: row.textIfAny(2))
                let sum = sums[kind] ?? (0, 0)
                sums[kind] = (sum.count + 1, sum.bytes + row.integer(3))
                return true
            }
        }
        return sums.compactMap { kind, sum in
            guard let flow = FlowName(kind.flow), let state = ParcelState(rawValue: kind.state)
            else { return nil }
            return ParcelCount(
                flow: flow,
                state: state,
                ending: kind.ending,
                count: sum.count,
                bytes: ByteCount(sum.bytes)
            )
        }
    }

    /// The bytes of a flow's files that were captured here, are not in the log, and are not passed on.
    package func bytesInSource(of flow: FlowName) throws -> Int64 {
        try self.single { db in
            try db.first(
                """
                SELECT CAST(total(size) AS INTEGER) FROM parcel
                WHERE state IN ('arriving', 'held') AND is_in_source = 1 AND flow = ?
                """,
                [flow.text]
            ) { $0.integer(0) } ?? 0
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

    static func key(_ stream: FlowStream, _ sequence: SequenceNumber) -> [(any SQLValue)?] {
        [
            stream.origin.text, stream.flow.text, Int64(bitPattern: stream.incarnation.number),
            Int64(bitPattern: stream.incarnation.random), Int64(bitPattern: sequence.rawValue),
        ]
    }

    static func location(_ row: Columns, at column: Int32) -> BodyLocation? {
        guard let segment = row.integerIfAny(column) else { return nil }
        return BodyLocation(
            segment: SegmentNumber(UInt32(truncatingIfNeeded: segment)),
            offset: row.unsigned(column + 1),
            length: UInt32(truncatingIfNeeded: row.integer(column + 2))
        )
    }

    func parcels(
        _ condition: String,
        _ values: [(any SQLValue)?],
        order: String = "number",
        limit: Int
    ) throws -> [ParcelRow] {
        try self.single { db in
            try db.all(
                """
                SELECT \(Self.parcelColumns) FROM parcel WHERE \(condition)
                ORDER BY \(order) LIMIT \(limit)
                """,
                values,
                Self.parcel
            )
        }
    }

    private static let parcelColumns = """
        number, parcel_id, origin, flow, incarnation_number, incarnation_random, sequence,
        collector, class, size, path, giver, stamp, opening, opening_signature, closing,
        closing_signature, passage, is_small, body_segment, body_offset, body_length, reserved,
        entries_known, state, ending, is_damaged, arrived_at, closed_at, held_at, passed_at,
        passed_to, ended_at, modified, mode, next_hop, is_held_back, unknown_at, is_in_source
        """

    private static func parcel(_ row: Columns) throws -> ParcelRow {
        guard let id = row.digest(1), let origin = NodeName(row.text(2)),
            let flow = FlowName(row.text(3)), let collector = NodeName(row.text(7)),
            let state = ParcelState(rawValue: row.text(24))
        else { throw SpoolRowError.malformed }
        func time(_ column: Int32) -> UnixMilliseconds? {
            row.integerIfAny(column).map { UnixMilliseconds($0) }
        }
        func node(_ column: Int32) -> NodeName? { row.textIfAny(column).flatMap { NodeName($0) } }
        return ParcelRow(
            number: row.integer(0),
            id: ParcelID(id),
            stream: FlowStream(
                origin: origin,
                flow: flow,
                incarnation: Incarnation(number: row.unsigned(4), random: row.unsigned(5))
            ),
            sequence: SequenceNumber(row.unsigned(6)),
            collector: collector,
            parcelClass: UInt8(truncatingIfNeeded: row.integer(8)),
            size: ByteCount(row.integer(9)),
            path: row.bytes(10),
            giver: node(11),
            stamp: row.bytesIfAny(12).flatMap { FileStamp(bytes: $0) },
            isInSource: row.bool(38),
            isSmall: row.bool(18),
            body: Self.location(row, at: 19),
            opening: row.bytes(13),
            openingSignature: row.bytes(14),
            closing: row.bytesIfAny(15),
            closingSignature: row.bytesIfAny(16),
            passage: Self.decodePassage(row.bytes(17)),
            reserved: ByteCount(row.integer(22)),
            entriesKnown: row.unsigned(23),
            state: state,
            ending: row.textIfAny(25),
            isDamaged: row.bool(26),
            arrivedAt: UnixMilliseconds(row.integer(27)),
            closedAt: time(28),
            heldAt: time(29),
            passedAt: time(30),
            passedTo: node(31),
            endedAt: time(32),
            unknownAt: time(37),
            modified: row.integer(33),
            mode: AdmissionMode(rawValue: UInt8(truncatingIfNeeded: row.integer(34))) ?? .whole,
            nextHop: node(35),
            isHeldBack: row.bool(36)
        )
    }
}
