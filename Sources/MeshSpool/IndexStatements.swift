import GRDB
package import MeshIdentity
import MeshModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Statements move parcels from state to state, and themselves to whoever waits for them.
extension Index {
    func applyStatement(_ message: ProtoStatementRecord, _ digest: Digest, _ db: Database) throws {
        let statement = try SignedStatement(trusted: [UInt8](message.statement))
        let isNew = try self.insert(statement, digest, message, db)
        if message.issued {
            try db.run(
                """
                INSERT INTO own_batch (incarnation_number, number, digest) VALUES (?, ?, ?)
                ON CONFLICT (incarnation_number) DO UPDATE SET
                    number = excluded.number, digest = excluded.digest
                WHERE excluded.number > own_batch.number
                """,
                [
                    Int64(bitPattern: statement.signerIncarnation.number),
                    Int64(bitPattern: statement.batch.number), Data(statement.batch.digest.bytes),
                ]
            )
            if !message.neighbour.isEmpty {
                try self.post(digest, to: message.neighbour, db)
            }
        } else {
            try self.rememberPeer(
                statement.signer.text,
                number: statement.signerIncarnation.number,
                random: statement.signerIncarnation.random,
                batch: statement.batch.number,
                at: message.at,
                db
            )
        }
        guard isNew || message.issued else { return }
        // Word of an end, or of a loss, goes back the way that the parcel came.
        let travelsBack =
            statement.kind.isTerminal || statement.kind == .damaged || statement.kind == .lost
        var givers: Set<String> = []
        for leaf in statement.leaves {
            guard
                let row = try Row.fetchOne(
                    db.cachedStatement(
                        sql: "SELECT number, giver, state FROM parcel WHERE parcel_id = ?"
                    ),
                    arguments: [Data(leaf.parcel.bytes)]
                )
            else {
                if statement.kind.isTerminal { try self.see(statement, leaf, db) }
                continue
            }
            let parcel: Int64 = row[0]
            try db.run(
                "INSERT OR IGNORE INTO parcel_statement (parcel, digest) VALUES (?, ?)",
                [parcel, Data(digest.bytes)]
            )
            try self.move(
                parcel,
                by: statement,
                leaf: leaf,
                issued: message.issued,
                at: message.at,
                db
            )
            // What never was held here was in the giver's custody: it hears who has it now.
            let isBack = travelsBack || (statement.kind == .custody && row[2] == "arriving")
            if isBack, let giver: String = row[1] { givers.insert(giver) }
        }
        guard !message.issued else { return }
        let informed = [message.neighbour, statement.signer.text]
        for giver in givers.subtracting(informed).sorted() {
            try self.post(digest, to: giver, db)
        }
    }

    private func insert(
        _ statement: SignedStatement,
        _ digest: Digest,
        _ message: ProtoStatementRecord,
        _ db: Database
    ) throws -> Bool {
        try db.run(
            """
            INSERT OR IGNORE INTO statement (digest, signer, kind, batch_number,
                incarnation_number, is_issued, at, bytes, incarnation_random)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                Data(digest.bytes), statement.signer.text, statement.kind.rawValue,
                Int64(bitPattern: statement.batch.number),
                Int64(bitPattern: statement.signerIncarnation.number), message.issued ? 1 : 0,
                message.at, message.statement,
                Int64(bitPattern: statement.signerIncarnation.random),
            ]
        )
        return db.changesCount > 0
    }

    func post(_ digest: Digest, to neighbour: String, _ db: Database) throws {
        // Numbers are never used twice: a call remembers up to which one it has sent.
        try db.run(
            """
            INSERT INTO outbox_end (neighbour, number) VALUES (?, 1)
            ON CONFLICT (neighbour) DO UPDATE SET number = number + 1
            """,
            [neighbour]
        )
        try db.run(
            """
            INSERT OR IGNORE INTO outbox (neighbour, digest, number)
            SELECT neighbour, ?, number FROM outbox_end WHERE neighbour = ?
            """,
            [Data(digest.bytes), neighbour]
        )
    }

    private func move(
        _ parcel: Int64,
        by statement: SignedStatement,
        leaf: StatementLeaf,
        issued: Bool,
        at: Int64,
        _ db: Database
    ) throws {
        switch statement.kind {
        case .custody where issued:
            try db.run(
                """
                UPDATE parcel SET state = 'held', is_damaged = 0, reserved = 0,
                    held_at = ifnull(held_at, ?)
                WHERE number = ? AND state IN ('arriving', 'held')
                """,
                [at, parcel]
            )
        case .custody:
            try db.run(
                """
                UPDATE parcel SET state = 'passed', passed_to = ?, passed_at = ?, reserved = 0,
                    is_damaged = 0
                WHERE number = ? AND state IN ('arriving', 'held')
                """,
                [statement.signer.text, at, parcel]
            )
            if db.changesCount > 0 { try self.release(parcel, db) }
        case .damaged where issued:
            break
        case .damaged, .lost:
            // The origin has the file: it makes the blobs anew.
            try db.run(
                """
                UPDATE parcel SET state = 'held', is_damaged = 1
                WHERE number = ? AND giver IS NULL AND state IN ('held', 'passed')
                """,
                [parcel]
            )
            // Who has passed it on takes it again, so that what is made anew comes through.
            try db.run(
                """
                UPDATE parcel SET state = 'arriving'
                WHERE number = ? AND giver IS NOT NULL AND state = 'passed'
                """,
                [parcel]
            )
        case .secured:
            break
        default:
            try self.see(statement, leaf, db)
            try db.run(
                """
                UPDATE parcel SET state = 'ended', ending = ?1, ended_at = ?2, reserved = 0,
                    is_damaged = 0
                WHERE number = ?3 AND (state <> 'ended' OR (?1 = 'landed' AND ending <> 'landed'))
                """,
                [statement.kind.rawValue, at, parcel]
            )
            if db.changesCount > 0 { try self.release(parcel, db) }
            try db.run("DELETE FROM intent WHERE parcel_id = ?", [Data(leaf.parcel.bytes)])
            if statement.kind == .abandoned || statement.isDoubled {
                // The next scan opens what is there then.
                try db.run("UPDATE source_file SET stamp = x'' WHERE parcel = ?", [parcel])
            }
            if statement.kind == .refused, statement.reason == "digest" {
                // Opened anew by the next scan, three times at most.
                try db.run(
                    """
                    UPDATE source_file SET stamp = x'', attempts = attempts + 1
                    WHERE parcel = ? AND attempts < 3
                    """,
                    [parcel]
                )
            }
        }
    }

    /// Enters a sequence into the seen-set, joining it with the runs beside it.
    private func see(_ statement: SignedStatement, _ leaf: StatementLeaf, _ db: Database) throws {
        // The sequence belongs to another parcel, which may still be on its way.
        guard !statement.isDoubled else { return }
        let stream = statement.stream
        let sequence = Int64(bitPattern: leaf.sequence.rawValue)
        guard sequence > 0, sequence < .max else { return }
        let key: [any DatabaseValueConvertible] = [
            stream.origin.text, stream.flow.text, Int64(bitPattern: stream.incarnation.number),
            Int64(bitPattern: stream.incarnation.random),
        ]
        let place = """
            origin = ? AND flow = ? AND incarnation_number = ? AND incarnation_random = ?
            """
        func run(_ condition: String, _ value: Int64) throws -> Row? {
            try Row.fetchOne(
                db.cachedStatement(
                    sql: "SELECT first, last, state FROM seen WHERE \(place) AND \(condition)"
                ),
                arguments: StatementArguments(key + [value])
            )
        }
        if let row = try run("first <= ? ORDER BY first DESC LIMIT 1", sequence),
            (row[1] as Int64) >= sequence
        {
            return  // The first word stands; the parcel's own row says when landed beat it.
        }
        let state = statement.kind.rawValue
        var first = sequence
        var last = sequence
        if let before = try run("last = ?", sequence - 1), (before[2] as String) == state {
            first = before[0]
        }
        if let after = try run("first = ?", sequence + 1), (after[2] as String) == state {
            last = after[1]
            try db.run(
                "DELETE FROM seen WHERE \(place) AND first = ?",
                StatementArguments(key + [after[0] as Int64])
            )
        }
        try db.run(
            """
            INSERT OR REPLACE INTO seen (origin, flow, incarnation_number, incarnation_random,
                first, last, state) VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            StatementArguments(key + [first, last, state] as [any DatabaseValueConvertible])
        )
    }
}

extension SignedStatement {
    /// Whether it ends parcels because others carry their sequences.
    package var isDoubled: Bool {
        (self.kind == .refused || self.kind == .abandoned) && self.reason == "doubled"
    }
}
