import GRDB
package import MeshModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What is known here of another node's lives.
package struct KnownPeer: Sendable {
    /// The latest life of which anything was heard.
    package var incarnation: Incarnation
    /// The highest batch of that life that is held here.
    package var batch: UInt64
    /// The life that it was last met in, since this node's own log began; `nil`: not met yet.
    package var met: Incarnation?
}

/// A parcel that was passed on, and which words of the next hop have said so.
package struct PassedParcel: Sendable {
    /// The parcel.
    package var row: ParcelRow
    /// In which life and batch the next hop stated custody.
    package var custody: [KeptLife]
}

// Lives: of this log, and of those that others keep.
extension Index {
    func applyIncarnation(_ message: ProtoIncarnationRecord, _ db: Database) throws {
        let number = Int64(bitPattern: message.number)
        if message.keepsEarlier {
            try db.run(
                """
                UPDATE incarnation SET kept_batch = ? WHERE number =
                    (SELECT max(number) FROM incarnation WHERE number < ?)
                """,
                [Int64(bitPattern: message.keptBatch), number]
            )
        } else {
            // Something of it is lost: whoever relies on what was stated then shall know.
            try db.run("UPDATE incarnation SET kept_batch = NULL WHERE number < ?", [number])
            try db.run("UPDATE peer SET met_number = NULL, met_random = NULL")
        }
        try db.run(
            """
            INSERT INTO incarnation (number, random, at) VALUES (?, ?, ?)
            ON CONFLICT (number) DO UPDATE SET random = excluded.random, at = excluded.at
            """,
            [number, Int64(bitPattern: message.random), message.at]
        )
    }

    func applyPeer(_ message: ProtoPeerRecord, _ db: Database) throws {
        try self.rememberPeer(
            message.node,
            number: message.incarnationNumber,
            random: message.incarnationRandom,
            batch: message.batch,
            at: message.at,
            db
        )
        try db.run(
            "UPDATE peer SET met_number = ?, met_random = ? WHERE node = ?",
            [
                Int64(bitPattern: message.incarnationNumber),
                Int64(bitPattern: message.incarnationRandom), message.node,
            ]
        )
    }

    func rememberPeer(
        _ node: String,
        number: UInt64,
        random: UInt64,
        batch: UInt64,
        at: Int64,
        _ db: Database
    ) throws {
        try db.run(
            """
            INSERT INTO peer (node, incarnation_number, incarnation_random, batch, at)
            VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (node) DO UPDATE SET
                batch = CASE WHEN incarnation_number = excluded.incarnation_number
                        AND incarnation_random = excluded.incarnation_random
                    THEN max(batch, excluded.batch) ELSE excluded.batch END,
                incarnation_number = excluded.incarnation_number,
                incarnation_random = excluded.incarnation_random, at = excluded.at
            WHERE excluded.incarnation_number >= incarnation_number
            """,
            [
                node, Int64(bitPattern: number), Int64(bitPattern: random),
                Int64(bitPattern: batch), at,
            ]
        )
    }

    /// Earlier lives of this log whose statements still stand, the newest first.
    package func keptLives(limit: Int) throws -> [KeptLife] {
        try self.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT number, random, kept_batch FROM incarnation
                    WHERE kept_batch IS NOT NULL ORDER BY number DESC LIMIT ?
                    """,
                arguments: [limit]
            ).map { Self.life($0, at: 0) }
        }
    }

    /// What is known here of a neighbour's lives.
    package func peer(_ node: NodeName) throws -> KnownPeer? {
        try self.database.read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT incarnation_number, incarnation_random, batch, met_number, met_random
                    FROM peer WHERE node = ?
                    """,
                arguments: [node.text]
            ).map { row in
                let known = Self.life(row, at: 0)
                return KnownPeer(
                    incarnation: known.incarnation,
                    batch: known.batch,
                    met: (row[3] as Int64?).map { number in
                        Incarnation(
                            number: UInt64(bitPattern: number),
                            random: UInt64(bitPattern: row[4] as Int64)
                        )
                    }
                )
            }
        }
    }

    /// The nodes that were met since this node's log began, or began anew.
    package func metPeers() throws -> Set<NodeName> {
        try self.database.read { db in
            let names = try String.fetchAll(
                db,
                sql: "SELECT node FROM peer WHERE met_number IS NOT NULL"
            )
            return Set(names.compactMap { NodeName($0) })
        }
    }

    /// The statement of the highest batch that a node signed in a life, if it is beyond `batch`.
    package func lastStatement(
        of signer: NodeName,
        in life: Incarnation,
        beyond batch: UInt64,
        upTo last: UInt64 = UInt64(Int64.max)
    ) throws -> [UInt8]? {
        try self.database.read { db in
            try Data.fetchOne(
                db,
                sql: """
                    SELECT bytes FROM statement
                    WHERE signer = ? AND incarnation_number = ? AND incarnation_random = ?
                        AND batch_number > ? AND batch_number <= ?
                    ORDER BY batch_number DESC LIMIT 1
                    """,
                arguments: [
                    signer.text, Int64(bitPattern: life.number), Int64(bitPattern: life.random),
                    Int64(bitPattern: batch), Int64(bitPattern: last),
                ]
            ).map { [UInt8]($0) }
        }
    }

    /// A statement that a node signed in a batch of a life.
    package func statement(
        of signer: NodeName,
        in life: Incarnation,
        batch: UInt64
    ) throws -> [UInt8]? {
        guard batch > 0 else { return nil }
        return try self.lastStatement(of: signer, in: life, beyond: batch - 1, upTo: batch)
    }

    /// The parcel of the highest sequence of a stream that is known here.
    package func lastParcel(of stream: FlowStream) throws -> ParcelRow? {
        try self.parcels(
            """
            origin = ? AND flow = ? AND incarnation_number = ? AND incarnation_random = ?
            """,
            [
                stream.origin.text, stream.flow.text,
                Int64(bitPattern: stream.incarnation.number),
                Int64(bitPattern: stream.incarnation.random),
            ],
            order: "sequence DESC",
            limit: 1
        ).first
    }

    /// Parcels that were passed to a node and have not ended, in order, from a local number on.
    package func passed(
        to node: NodeName,
        after number: Int64,
        limit: Int
    ) throws -> [PassedParcel] {
        let rows = try self.parcels(
            "state = 'passed' AND passed_to = ? AND number > ?",
            [node.text, number],
            limit: limit
        )
        return try self.database.read { db in
            try rows.map { row in
                let words = try Row.fetchAll(
                    db.cachedStatement(
                        sql: """
                            SELECT incarnation_number, incarnation_random, batch_number
                            FROM parcel_statement JOIN statement USING (digest)
                            WHERE parcel = ? AND signer = ? AND kind = 'custody'
                            """
                    ),
                    arguments: [row.number, node.text]
                )
                return PassedParcel(row: row, custody: words.map { Self.life($0, at: 0) })
            }
        }
    }

    /// Parcels captured here in a life that have not ended, in order, from a local number on.
    package func ownParcels(
        in life: Incarnation,
        after number: Int64,
        limit: Int
    ) throws -> [ParcelRow] {
        try self.parcels(
            """
            giver IS NULL AND state <> 'ended' AND number > ?
                AND incarnation_number = ? AND incarnation_random = ?
            """,
            [number, Int64(bitPattern: life.number), Int64(bitPattern: life.random)],
            limit: limit
        )
    }

    /// How many parcels that were captured here in other lives have not ended.
    package func ownParcelCount(notIn life: Incarnation) throws -> Int {
        try self.database.read { db in
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM parcel WHERE giver IS NULL AND state <> 'ended'
                        AND (incarnation_number, incarnation_random) <> (?, ?)
                    """,
                arguments: [Int64(bitPattern: life.number), Int64(bitPattern: life.random)]
            ) ?? 0
        }
    }

    private static func life(_ row: Row, at column: Int) -> KeptLife {
        KeptLife(
            incarnation: Incarnation(
                number: UInt64(bitPattern: row[column] as Int64),
                random: UInt64(bitPattern: row[column + 1] as Int64)
            ),
            batch: UInt64(bitPattern: row[column + 2] as Int64)
        )
    }
}
