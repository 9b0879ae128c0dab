import GRDB
package import MeshModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Parcels that wait together: whatever decides about one decides about all of them.
package struct ParcelGroup: Hashable, Sendable {
    /// How urgent they are: 0 is the most urgent.
    package var parcelClass: UInt8
    /// The flow.
    package var flow: FlowName
    /// The node that opened them.
    package var origin: NodeName
    /// The node that is to land them.
    package var collector: NodeName
    /// The neighbour that gave them; `nil`: captured here.
    package var giver: NodeName?
    /// Whether each travels whole, in one message.
    package var isSmall: Bool

    /// Gathers what parcels have in common.
    package init(
        parcelClass: UInt8,
        flow: FlowName,
        origin: NodeName,
        collector: NodeName,
        giver: NodeName?,
        isSmall: Bool
    ) {
        self.parcelClass = parcelClass
        self.flow = flow
        self.origin = origin
        self.collector = collector
        self.giver = giver
        self.isSmall = isSmall
    }
}

extension ParcelRow {
    /// The parcels that this one waits with.
    package var group: ParcelGroup {
        ParcelGroup(
            parcelClass: self.parcelClass,
            flow: self.stream.flow,
            origin: self.stream.origin,
            collector: self.collector,
            giver: self.giver,
            isSmall: self.isSmall
        )
    }
}

/// A parcel in its place among those that wait.
package struct WaitingParcel: Hashable, Sendable {
    /// The local number.
    package var number: Int64
    /// The name of the parcel.
    package var id: ParcelID
    /// Bytes of the file.
    package var size: Int64
    /// When the file was modified, in nanoseconds since 1970.
    package var modified: Int64
    /// The origin's path.
    package var path: [UInt8]
}

/// Parcels that are here, in sum.
package struct LiveLot: Hashable, Sendable {
    /// The node that is to land them.
    package var collector: NodeName
    /// The node that opened them.
    package var origin: NodeName
    /// The neighbour that gave them; `nil`: captured here.
    package var giver: NodeName?
    /// Where they stand.
    package var state: ParcelState
    /// How many.
    package var count: UInt64
    /// Bytes of the files.
    package var bytes: Int64
}

// Which parcels wait, and in what order. Only those of other collectors: what lands here waits
// elsewhere.
extension Index {
    /// Every group that has parcels to hand on.
    package func waitingGroups() throws -> [ParcelGroup] {
        try self.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT DISTINCT class, flow, origin, collector, giver, is_small FROM parcel
                    WHERE state IN ('arriving', 'held') AND collector <> ?
                    """,
                arguments: [self.node.text]
            ).compactMap { row in
                guard let flow = FlowName(row[1] as String),
                    let origin = NodeName(row[2] as String),
                    let collector = NodeName(row[3] as String)
                else { return nil }
                return ParcelGroup(
                    parcelClass: UInt8(truncatingIfNeeded: row[0] as Int64),
                    flow: flow,
                    origin: origin,
                    collector: collector,
                    giver: (row[4] as String?).flatMap { NodeName($0) },
                    isSmall: row[5]
                )
            }
        }
    }

    /// The next parcels of a group, in an order.
    ///
    /// - Parameters:
    ///   - group: Which parcels.
    ///   - order: What goes first; ties go by local number.
    ///   - last: The parcel that they come after; `nil` begins.
    ///   - limit: How many at most.
    /// - Returns: Parcels that are not held back.
    /// - Throws: `DatabaseError`.
    package func waiting(
        in group: ParcelGroup,
        first order: FileOrder,
        after last: WaitingParcel?,
        limit: Int
    ) throws -> [WaitingParcel] {
        let (column, direction) = Self.key(of: order)
        var values: [(any SQLValue)?] = [
            group.flow.text, group.origin.text, group.giver?.text, group.isSmall ? 1 : 0,
            Int64(group.parcelClass), group.collector.text,
        ]
        var after = ""
        if let last {
            after = "AND (\(column), number) \(direction == "DESC" ? "<" : ">") (?, ?)"
            let key: any SQLValue =
                switch order {
                case .newest, .oldest: last.modified
                case .smallest, .largest: last.size
                case .name: last.path
                }
            values += [key, last.number]
        }
        return try self.single { db in
            try db.all(
                """
                SELECT number, parcel_id, size, modified, path FROM parcel
                WHERE state IN ('arriving', 'held') AND flow = ? AND origin = ?
                    AND giver IS ? AND is_small = ? AND class = ? AND collector = ?
                    AND is_held_back = 0 AND is_onward = 1 \(after)
                ORDER BY \(column) \(direction), number \(direction) LIMIT \(limit)
                """,
                values
            ) { row in
                row.digest(1).map { id in
                    WaitingParcel(
                        number: row.integer(0),
                        id: ParcelID(id),
                        size: row.integer(2),
                        modified: row.integer(3),
                        path: row.bytes(4)
                    )
                }
            }.compactMap(\.self)
        }
    }

    /// Older versions of a file that are still held here, and could give way to a newer one.
    package func olderVersions(of row: ParcelRow) throws -> [ParcelRow] {
        try self.parcels(
            """
            path = ? AND origin = ? AND flow = ? AND state = 'held'
                AND (incarnation_number, sequence) < (?, ?)
            """,
            [
                Data(row.path), row.stream.origin.text, row.stream.flow.text,
                Int64(bitPattern: row.stream.incarnation.number),
                Int64(bitPattern: row.sequence.rawValue),
            ],
            limit: 64
        )
    }

    /// Bytes of the files that are held here or on their way here, by collector, origin and giver.
    package func bytesHeld() throws -> [(
        collector: NodeName, origin: NodeName, giver: NodeName?, bytes: Int64
    )] {
        try self.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT collector, origin, giver, CAST(total(size) AS INTEGER) FROM parcel
                    WHERE state IN ('arriving', 'held') AND mode = 1 AND is_in_source = 0
                    GROUP BY collector, origin, giver
                    """
            ).compactMap { row in
                guard let collector = NodeName(row[0] as String),
                    let origin = NodeName(row[1] as String)
                else { return nil }
                return (collector, origin, (row[2] as String?).flatMap { NodeName($0) }, row[3])
            }
        }
    }

    /// How many parcels are held here or on their way here, by where they come from and go to.
    package func liveLots() throws -> [LiveLot] {
        try self.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT collector, origin, giver, state, count(*), CAST(total(size) AS INTEGER)
                    FROM parcel WHERE state IN ('arriving', 'held')
                    GROUP BY collector, origin, giver, state
                    """
            ).compactMap { row in
                guard let collector = NodeName(row[0] as String),
                    let origin = NodeName(row[1] as String),
                    let state = ParcelState(rawValue: row[3])
                else { return nil }
                return LiveLot(
                    collector: collector,
                    origin: origin,
                    giver: (row[2] as String?).flatMap { NodeName($0) },
                    state: state,
                    count: UInt64(row[4] as Int64),
                    bytes: row[5]
                )
            }
        }
    }

    static func key(of order: FileOrder) -> (column: String, direction: String) {
        switch order {
        case .newest: ("modified", "DESC")
        case .oldest: ("modified", "ASC")
        case .smallest: ("size", "ASC")
        case .largest: ("size", "DESC")
        case .name: ("path", "ASC")
        }
    }
}
