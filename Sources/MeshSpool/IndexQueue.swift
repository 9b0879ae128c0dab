import GRDB
package import MeshModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Which parcels of those that are here a question is about.
package struct QueueFilter: Sendable, Hashable {
    /// Of this flow only.
    package var flow: FlowName?
    /// Of this origin only.
    package var origin: NodeName?
    /// For these collectors only.
    package var collectors: Set<NodeName>?
    /// In this state only: arriving or held.
    package var state: ParcelState?
    /// Only those that the operator has wait.
    package var isHeldBack: Bool

    /// Chooses; what is left out means any.
    package init(
        flow: FlowName? = nil,
        origin: NodeName? = nil,
        collectors: Set<NodeName>? = nil,
        state: ParcelState? = nil,
        isHeldBack: Bool = false
    ) {
        (self.flow, self.origin, self.collectors) = (flow, origin, collectors)
        (self.state, self.isHeldBack) = (state, isHeldBack)
    }
}

/// Parcels that are here, go the same way and are about as old.
package struct QueueAge: Sendable, Hashable {
    /// The flow.
    package var flow: FlowName
    /// The node that opened them.
    package var origin: NodeName
    /// The node that is to land them.
    package var collector: NodeName
    /// The neighbour that gave them; `nil`: captured here.
    package var giver: NodeName?
    /// The place in the list of ages that was asked with.
    package var bucket: Int
    /// How many.
    package var count: Int
    /// Their size together.
    package var bytes: ByteCount
    /// When the first of them came.
    package var oldest: UnixMilliseconds
}

// Questions about what is here and under way. Each reads a bounded number of rows, or adds up in
// the database.
extension Index {
    /// Parcels that are held or arriving, in the order in which they came, from a number on.
    package func queue(
        _ filter: QueueFilter,
        after number: Int64,
        limit: Int
    ) throws -> [ParcelRow] {
        var conditions = ["state IN ('arriving', 'held')", "number > ?"]
        var values: [(any SQLValue)?] = [number]
        if let flow = filter.flow {
            conditions.append("flow = ?")
            values.append(flow.text)
        }
        if let origin = filter.origin {
            conditions.append("origin = ?")
            values.append(origin.text)
        }
        if let collectors = filter.collectors {
            let marks = collectors.map { _ in "?" }.joined(separator: ", ")
            conditions.append("collector IN (\(marks))")
            values += collectors.sorted().map(\.text)
        }
        if let state = filter.state {
            conditions.append("state = ?")
            values.append(state.rawValue)
        }
        if filter.isHeldBack { conditions.append("is_held_back = 1") }
        return try self.parcels(
            conditions.joined(separator: " AND "),
            values,
            order: "number",
            limit: limit
        )
    }

    /// How many parcels of its group go before a parcel, in an order; counts up to `limit`.
    package func countWaiting(
        before row: ParcelRow,
        first order: FileOrder,
        limit: Int
    ) throws -> Int {
        let (column, direction) = Self.key(of: order)
        let key: any DatabaseValueConvertible =
            switch order {
            case .newest, .oldest: row.modified
            case .smallest, .largest: row.size.rawValue
            case .name: Data(row.path)
            }
        let group = row.group
        return try self.database.read { db in
            try Int.fetchOne(
                db.cachedStatement(
                    sql: """
                        SELECT count(*) FROM (
                            SELECT 1 FROM parcel
                            WHERE state IN ('arriving', 'held') AND flow = ? AND origin = ?
                                AND giver IS ? AND is_small = ? AND class = ? AND collector = ?
                                AND is_held_back = 0 AND is_onward = 1
                                AND (\(column), number) \(direction == "DESC" ? ">" : "<") (?, ?)
                            LIMIT ?)
                        """
                ),
                arguments: [
                    group.flow.text, group.origin.text, group.giver?.text, group.isSmall ? 1 : 0,
                    Int64(group.parcelClass), group.collector.text, key, row.number, limit + 1,
                ]
            ) ?? 0
        }
    }

    /// What is held or arriving, added up by the way it goes and by age.
    ///
    /// - Parameters:
    ///   - now: What ages are counted from.
    ///   - ages: Upper ends of the buckets, ascending, in milliseconds; what is older is in a last
    ///     bucket.
    /// - Returns: Sums of which none is zero.
    /// - Throws: `DatabaseError`.
    /// - Complexity: Reads every parcel that is here; keep it off the engine.
    package func ages(at now: UnixMilliseconds, upTo ages: [Int64]) throws -> [QueueAge] {
        struct Way: Hashable {
            var flow, origin, collector: String
            var giver: String?
            var bucket: Int
        }
        var sums: [Way: (count: Int, bytes: Int64, oldest: Int64)] = [:]
        // Added up here: SQLite would sort all rows first, in memory.
        try self.database.read { db in
            try db.visit(
                """
                SELECT flow, origin, collector, giver, size, arrived_at
                FROM parcel WHERE state IN ('arriving', 'held')
                """
            ) { row in
                let arrived = row.integer(5)
                let way = Way(
                    flow: row.text(0),
                    origin: row.text(1),
                    collector: row.text(2),
                    giver: row.textIfAny(3),
                    bucket: ages.firstIndex { now.rawValue - arrived <= $0 } ?? ages.count
                )
                let sum = sums[way] ?? (0, 0, .max)
                sums[way] = (sum.count + 1, sum.bytes + row.integer(4), min(sum.oldest, arrived))
                return true
            }
        }
        return sums.compactMap { way, sum in
            guard let flow = FlowName(way.flow), let origin = NodeName(way.origin),
                let collector = NodeName(way.collector)
            else { return nil }
            return QueueAge(
                flow: flow,
                origin: origin,
                collector: collector,
                giver: way.giver.flatMap { NodeName($0) },
                bucket: way.bucket,
                count: sum.count,
                bytes: ByteCount(sum.bytes),
                oldest: UnixMilliseconds(sum.oldest)
            )
        }
    }
}
