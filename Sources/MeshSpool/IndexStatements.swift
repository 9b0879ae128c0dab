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
        if statement.kind == .custody, !message.destination.isEmpty {
            // Custody counts only where it was meant to be heard: two nodes beside each other that
            // both hold a parcel must not each give it up for the other.
            return try self.route(digest, message, by: nil, db)
        }
        let isKnownHere = try message.destination.isEmpty || self.knowsAny(of: statement, db)
        let isNew = try !isKnownHere || self.insert(statement, digest, message, db)
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
        } else if isKnownHere, statement.signer != self.node {
            // Only what is kept here can be shown to whoever signed it.
            try self.rememberPeer(
                statement.signer.text,
                number: statement.signerIncarnation.number,
                random: statement.signerIncarnation.random,
                batch: statement.batch.number,
                at: message.at,
                db
            )
        }
        // Whoever gave the parcel is the first choice for word of it.
        var giver: String?
        var custodians: Set<String> = []
        if isNew || message.issued {
            for leaf in statement.leaves {
                let row = try self.apply(leaf, of: statement, digest, message, db)
                giver = giver ?? row?.giver
                // What never was held here was in the giver's custody: it hears who has it now.
                guard statement.kind == .custody, row?.wasArriving == true else { continue }
                row?.giver.map { _ = custodians.insert($0) }
            }
        }
        if message.issued, !message.neighbour.isEmpty {
            try self.post(digest, to: message.neighbour, by: giver, at: message.at, db)
        } else if !message.destination.isEmpty {
            try self.route(digest, message, by: giver, db)
        }
        guard !message.issued else { return }
        let informed = [message.neighbour, statement.signer.text]
        for custodian in custodians.subtracting(informed).sorted() {
            try self.post(digest, to: custodian, by: nil, at: message.at, db)
        }
    }

    /// What a statement says of one parcel; returns who gave that parcel, and how it stood.
    private func apply(
        _ leaf: StatementLeaf,
        of statement: SignedStatement,
        _ digest: Digest,
        _ message: ProtoStatementRecord,
        _ db: Database
    ) throws -> (giver: String?, wasArriving: Bool)? {
        let row = try Row.fetchOne(
            db.cachedStatement(
                sql: """
                    SELECT number, giver, closing, passage, state, is_small FROM parcel
                    WHERE parcel_id = ?
                    """
            ),
            arguments: [Data(leaf.parcel.bytes)]
        )
        guard let row else {
            if statement.kind.isTerminal { try self.see(statement, leaf, db) }
            return nil
        }
        let parcel: Int64 = row[0]
        guard message.issued || self.accepts(leaf, of: statement, row) else { return nil }
        try db.run(
            "INSERT OR IGNORE INTO parcel_statement (parcel, digest) VALUES (?, ?)",
            [parcel, Data(digest.bytes)]
        )
        try self.move(
            parcel,
            isSmall: row[5],
            by: statement,
            leaf: leaf,
            issued: message.issued,
            at: message.at,
            db
        )
        return (row[1], row[4] == "arriving")
    }

    /// Whether somebody else's word counts for the parcel that is here.
    ///
    /// It must be about the same closing. And custody goes forward only: what comes from a node that
    /// the parcel has passed was said before it came here, and that node has given it up.
    private func accepts(_ leaf: StatementLeaf, of statement: SignedStatement, _ row: Row) -> Bool {
        let closing = (row[2] as Data?).map { ClosingID(ofClosing: [UInt8]($0)) }
        if let closing, let stated = leaf.closing, stated != closing { return false }
        guard statement.kind == .custody else { return true }
        if closing != nil, leaf.closing == nil { return false }
        let signer = statement.signer
        return (row[1] as String?) != signer.text
            && !Self.decodePassage(row[3]).contains { PassageLine(encoded: $0)?.node == signer }
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

    private func move(
        _ parcel: Int64,
        isSmall: Bool,
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
                    is_damaged = 0, unknown_at = NULL, \(Self.noContent)
                WHERE number = ? AND state IN ('arriving', 'held')
                """,
                [statement.signer.text, at, parcel]
            )
            if db.changesCount > 0 { return isSmall ? () : try self.release(parcel, db) }
            // Somebody further on has it, as the origin is told who has asked.
            try db.run(
                """
                UPDATE parcel SET passed_to = ?, passed_at = ?, unknown_at = NULL
                WHERE number = ? AND state = 'passed' AND giver IS NULL
                """,
                [statement.signer.text, at, parcel]
            )
        case .damaged where issued:
            break
        case .lost where statement.reason == "unknown":
            // It may be on its way all the same: nobody but the origin acts on it.
            try db.run(
                """
                UPDATE parcel SET state = 'held', is_damaged = 1, unknown_at = ?
                WHERE number = ? AND giver IS NULL AND state = 'passed'
                """,
                [at, parcel]
            )
        case .damaged, .lost:
            // The origin has the file: it makes the blobs anew.
            try db.run(
                """
                UPDATE parcel SET state = 'held', is_damaged = 1, unknown_at = NULL
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
                    is_damaged = 0, \(Self.noContent)
                WHERE number = ?3 AND (state <> 'ended' OR (?1 = 'landed' AND ending <> 'landed'))
                """,
                [statement.kind.rawValue, at, parcel]
            )
            if db.changesCount > 0, !isSmall { try self.release(parcel, db) }
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
