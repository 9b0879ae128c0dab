import GRDB
import MeshIdentity
package import MeshModel
package import MeshProtocol

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A note that waits until the neighbour on its way has made it durable.
package struct WaitingNote: Sendable {
    /// The node that it is for.
    package var destination: NodeName
    /// SHA-256 of the body: with the destination it names the note.
    package var digest: Digest
    /// Its place among those for that destination; never used twice.
    package var number: Int64
    /// What it says.
    package var body: NoteBody
    /// How many hops it may still take.
    package var hops: UInt32
    /// The neighbour that handed it over; `nil`: made here.
    package var cameFrom: NodeName?
    /// The neighbour that is the best way, as far as can be known.
    package var firstChoice: NodeName?
    /// Since when it waits here.
    package var since: UnixMilliseconds
}

// The outbox: what is to be sent follows from the records, and goes when it was noted.
//
// Statements of this node's own, and those that it knows, wait in `outbox`; what it only passes on,
// and tallies and inquiries, in `note`. Both share the numbers of `outbox_end`.
extension Index {
    /// Has a statement that is known here sent to a node.
    func post(
        _ digest: Digest,
        to destination: String,
        by firstChoice: String?,
        at: Int64,
        _ db: Database
    ) throws {
        try db.run(
            """
            INSERT OR IGNORE INTO outbox (neighbour, digest, number, at, first_choice)
            SELECT ?1, digest, ?3, ?4, ?5 FROM statement WHERE digest = ?2
            """,
            [
                destination, Data(digest.bytes), try self.nextNumber(for: destination, db), at,
                firstChoice,
            ]
        )
    }

    /// Passes a statement on to the node that it is for; twice the same note is one row.
    func route(
        _ digest: Digest,
        _ message: ProtoStatementRecord,
        by firstChoice: String?,
        _ db: Database
    ) throws {
        guard message.hops > 0 else { return }
        let number = try self.nextNumber(for: message.destination, db)
        try db.run(
            """
            INSERT OR IGNORE INTO note (destination, digest, number, kind, version, hops,
                came_from, first_choice, at, body) VALUES (?, ?, ?, 'statement', 0, ?, ?, ?, ?, ?)
            """,
            [
                message.destination, Data(digest.bytes), number, Int64(message.hops),
                message.neighbour.isEmpty ? nil : message.neighbour, firstChoice, message.at,
                message.statement,
            ]
        )
        if number.isMultiple(of: 64) { try self.trimNotes(db) }
    }

    /// A neighbour has made a note durable.
    func strike(_ digest: Digest, for destination: String, _ db: Database) throws {
        for sql in [
            "DELETE FROM outbox WHERE neighbour = ? AND digest = ?",
            "DELETE FROM note WHERE destination = ? AND digest = ?",
        ] {
            try db.run(sql, [destination, Data(digest.bytes)])
        }
    }

    /// Numbers are never used twice: a call remembers up to which one it has looked.
    func nextNumber(for destination: String, _ db: Database) throws -> Int64 {
        try db.first(
            """
            INSERT INTO outbox_end (neighbour, number) VALUES (?, 1)
            ON CONFLICT (neighbour) DO UPDATE SET number = number + 1 RETURNING number
            """,
            [destination]
        ) { $0.integer(0) } ?? 1
    }

    /// What is only passed on gives way when there is too much of it, the oldest first.
    ///
    /// Whoever waits for it asks again: see docs/spec/statements.md. What was made here stays.
    private func trimNotes(_ db: Database) throws {
        let foreign = "FROM note INDEXED BY note_by_age WHERE came_from IS NOT NULL"
        while let row = try Row.fetchOne(
            db,
            sql: "SELECT count(*), CAST(total(length(body)) AS INTEGER) \(foreign)"
        ), (row[0] as Int) > self.notesPassingMax || (row[1] as Int) > Limits.notesPassingBytesMax {
            try db.run(
                """
                DELETE FROM note WHERE (destination, digest) IN
                    (SELECT destination, digest \(foreign) ORDER BY at LIMIT 64)
                """
            )
        }
    }

    /// Whether a parcel that a statement speaks of is known here.
    func knowsAny(of statement: SignedStatement, _ db: Database) throws -> Bool {
        try statement.leaves.contains { leaf in
            try db.first("SELECT 1 FROM parcel WHERE parcel_id = ?", [leaf.parcel.bytes]) { _ in
                true
            } ?? false
        }
    }

    /// The nodes that notes were ever posted to, with the last number of each.
    package func outboxEnds() throws -> [(destination: NodeName, number: Int64)] {
        try self.single { db in
            try db.all("SELECT neighbour, number FROM outbox_end ORDER BY neighbour") { row in
                NodeName(row.text(0)).map { ($0, row.integer(1)) }
            }.compactMap(\.self)
        }
    }

    /// Notes for a node that no neighbour has noted, in order, from a number on.
    package func outbox(
        to destination: NodeName,
        after number: Int64,
        limit: Int
    ) throws -> [WaitingNote] {
        try self.single { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT outbox.number, outbox.digest, 'statement', \(Limits.hopsMax), NULL,
                            first_choice, outbox.at, statement.bytes
                        FROM outbox JOIN statement USING (digest)
                        WHERE outbox.neighbour = ?1 AND outbox.number > ?2
                        UNION ALL
                        SELECT number, digest, kind, hops, came_from, first_choice, at, body
                        FROM note WHERE destination = ?1 AND number > ?2
                        ORDER BY 1 LIMIT ?3
                        """
                ),
                arguments: [destination.text, number, limit]
            ).compactMap { row in
                guard let digest = Digest(row[1] as Data) else { return nil }
                let bytes = [UInt8](row[7] as Data)
                let body: NoteBody =
                    switch row[2] as String {
                    case "tally": .tally(bytes)
                    case "inquiry": .inquiry(bytes)
                    default: .statement(bytes)
                    }
                return WaitingNote(
                    destination: destination,
                    digest: digest,
                    number: row[0],
                    body: body,
                    hops: UInt32(clamping: row[3] as Int64),
                    cameFrom: (row[4] as String?).flatMap { NodeName($0) },
                    firstChoice: (row[5] as String?).flatMap { NodeName($0) },
                    since: UnixMilliseconds(row[6] as Int64)
                )
            }
        }
    }

    /// How many notes wait for neighbours to note them.
    package func outboxCount() throws -> Int {
        try self.database.read { db in
            try Int.fetchOne(
                db,
                sql: "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM note)"
            ) ?? 0
        }
    }

    /// How many of them this node only passes on.
    package func passingCount() throws -> Int {
        try self.database.read { db in
            try Int.fetchOne(db, sql: "SELECT count(*) FROM note WHERE came_from IS NOT NULL") ?? 0
        }
    }
}
