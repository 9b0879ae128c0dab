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
    func applyStatement(
        _ message: ProtoStatementRecord,
        _ statement: SignedStatement,
        _ digest: Digest,
        _ db: Database
    ) throws {
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
            let found = try self.rows(of: statement.leaves, db)
            let told = try self.apply(statement, digest, message, to: found, db)
            giver = told.lazy.compactMap(\.giver).first
            // What never was held here was in the giver's custody: it hears who has it now.
            if statement.kind == .custody {
                for row in told where row.isArriving { row.giver.map { _ = custodians.insert($0) } }
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

    /// What of a parcel decides whether a statement counts for it, and what follows.
    private struct StatedRow {
        let number: Int64
        let giver: String?
        let closing: [UInt8]?
        let passage: [UInt8]
        let isArriving: Bool
        let isSmall: Bool
    }

    /// Those of a statement's parcels that are known here.
    private func rows(
        of leaves: [StatementLeaf],
        _ db: Database
    ) throws -> [ParcelID: StatedRow] {
        var rows: [ParcelID: StatedRow] = [:]
        rows.reserveCapacity(leaves.count)
        try Self.byBatches(of: leaves.map { $0.parcel.bytes }) { ids in
            try db.visit(
                """
                SELECT parcel_id, number, giver, closing, passage, state, is_small FROM parcel
                WHERE parcel_id IN \(Self.batch)
                """,
                ids
            ) { row in
                guard let id = row.digest(0) else { throw SpoolRowError.malformed }
                rows[ParcelID(id)] = StatedRow(
                    number: row.integer(1),
                    giver: row.textIfAny(2),
                    closing: row.bytesIfAny(3),
                    passage: row.bytes(4),
                    isArriving: row.text(5) == ParcelState.arriving.rawValue,
                    isSmall: row.bool(6)
                )
                return true
            }
        }
        return rows
    }

    /// What a statement says of its parcels; returns those for which it counts.
    ///
    /// One statement names as many as 128: they change together, for a statement of SQL a parcel
    /// and index costs more than the rows do.
    private func apply(
        _ statement: SignedStatement,
        _ digest: Digest,
        _ message: ProtoStatementRecord,
        to rows: [ParcelID: StatedRow],
        _ db: Database
    ) throws -> [StatedRow] {
        var told: [StatedRow] = []
        var ended: [StatementLeaf] = []
        for leaf in statement.leaves {
            guard let row = rows[leaf.parcel] else {
                ended.append(leaf)
                continue
            }
            guard message.issued || self.accepts(leaf, of: statement, row) else { continue }
            told.append(row)
            ended.append(leaf)
        }
        if statement.kind.isTerminal { try self.see(statement, ended, db) }
        try Self.byBatches(of: told.map(\.number)) { parcels in
            try db.run(
                """
                INSERT OR IGNORE INTO parcel_statement (parcel, digest)
                SELECT number, ? FROM parcel WHERE number IN \(Self.batch)
                """,
                [digest.bytes] + parcels
            )
        }
        try self.move(told, by: statement, issued: message.issued, at: message.at, db)
        if statement.kind.isTerminal {
            let parcels = ended.filter { rows[$0.parcel] != nil }.map { $0.parcel.bytes }
            try Self.byBatches(of: parcels) {
                try db.run("DELETE FROM intent WHERE parcel_id IN \(Self.batch)", $0)
            }
        }
        return told
    }

    /// Whether somebody else's word counts for the parcel that is here.
    ///
    /// It must be about the same closing. And custody goes forward only: what comes from a node that
    /// the parcel has passed was said before it came here, and that node has given it up.
    private func accepts(
        _ leaf: StatementLeaf,
        of statement: SignedStatement,
        _ row: StatedRow
    ) -> Bool {
        let closing = row.closing.map { ClosingID(ofClosing: $0) }
        if let closing, let stated = leaf.closing, stated != closing { return false }
        guard statement.kind == .custody else { return true }
        if closing != nil, leaf.closing == nil { return false }
        let signer = statement.signer
        return row.giver != signer.text
            && !Self.decodePassage(row.passage).contains {
                PassageLine(encoded: $0)?.node == signer
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

    /// Moves parcels to where a statement says that they are.
    private func move(
        _ rows: [StatedRow],
        by statement: SignedStatement,
        issued: Bool,
        at: Int64,
        _ db: Database
    ) throws {
        // Parcels change together; what a large one gives up is its own.
        let smalls = rows.filter(\.isSmall).map(\.number)
        try Self.byBatches(of: smalls) { numbers in
            try self.move(numbers, by: statement, issued: issued, at: at, db)
        }
        for row in rows where !row.isSmall {
            let one: [(any SQLValue)?] =
                [row.number] + repeatElement(nil, count: Self.batchSize - 1)
            let hasLeft = try self.move(one, by: statement, issued: issued, at: at, db)
            if hasLeft { try self.release(row.number, db) }
        }
    }

    /// Moves a batch of parcels; returns whether any of them has no content here any more.
    ///
    /// `OR FAIL`, for what fails rolls back the whole transaction in any case: otherwise SQLite would
    /// copy every page that a statement is about to change, to take back that statement alone.
    @discardableResult
    private func move(
        _ parcels: [(any SQLValue)?],
        by statement: SignedStatement,
        issued: Bool,
        at: Int64,
        _ db: Database
    ) throws -> Bool {
        switch statement.kind {
        case .custody where issued:
            try db.run(
                """
                UPDATE OR FAIL parcel SET state = 'held', is_damaged = 0, reserved = 0,
                    held_at = ifnull(held_at, ?)
                WHERE number IN \(Self.batch) AND state IN ('arriving', 'held')
                """,
                [at] + parcels
            )
        case .custody:
            // Somebody further on has it, as the origin is told who has asked.
            try db.run(
                """
                UPDATE OR FAIL parcel SET passed_to = ?, passed_at = ?, unknown_at = NULL
                WHERE number IN \(Self.batch) AND state = 'passed' AND giver IS NULL
                """,
                [statement.signer.text, at] + parcels
            )
            try db.run(
                """
                UPDATE OR FAIL parcel SET state = 'passed', passed_to = ?, passed_at = ?, reserved = 0,
                    is_damaged = 0, unknown_at = NULL, \(Self.noContent)
                WHERE number IN \(Self.batch) AND state IN ('arriving', 'held')
                """,
                [statement.signer.text, at] + parcels
            )
            return db.changesCount > 0
        case .damaged where issued:
            break
        case .lost where statement.reason == "unknown":
            // It may be on its way all the same: nobody but the origin acts on it.
            try db.run(
                """
                UPDATE OR FAIL parcel SET state = 'held', is_damaged = 1, unknown_at = ?
                WHERE number IN \(Self.batch) AND giver IS NULL AND state = 'passed'
                """,
                [at] + parcels
            )
        case .damaged, .lost:
            // The origin has the file: it makes the blobs anew.
            try db.run(
                """
                UPDATE OR FAIL parcel SET state = 'held', is_damaged = 1, unknown_at = NULL
                WHERE number IN \(Self.batch) AND giver IS NULL AND state IN ('held', 'passed')
                """,
                parcels
            )
            // Who has passed it on takes it again, so that what is made anew comes through.
            try db.run(
                """
                UPDATE OR FAIL parcel SET state = 'arriving'
                WHERE number IN \(Self.batch) AND giver IS NOT NULL AND state = 'passed'
                """,
                parcels
            )
        case .secured:
            break
        default:
            try db.run(
                """
                UPDATE OR FAIL parcel SET state = 'ended', ending = ?1, ended_at = ?, reserved = 0,
                    is_damaged = 0, \(Self.noContent)
                WHERE number IN \(Self.batch)
                    AND (state <> 'ended' OR (?1 = 'landed' AND ending <> 'landed'))
                """,
                [statement.kind.rawValue, at] + parcels
            )
            let hasLeft = db.changesCount > 0
            try self.openAnew(parcels, after: statement, db)
            return hasLeft
        }
        return false
    }

    /// Has the next scan open files whose parcels ended through no fault of theirs.
    private func openAnew(
        _ parcels: [(any SQLValue)?],
        after statement: SignedStatement,
        _ db: Database
    ) throws {
        if statement.kind == .abandoned || statement.isDoubled {
            // The next scan opens what is there then.
            try db.run(
                "UPDATE source_file SET stamp = x'' WHERE parcel IN \(Self.batch)",
                parcels
            )
        }
        if statement.kind == .refused, statement.reason == "digest" {
            // Opened anew by the next scan, three times at most.
            try db.run(
                """
                UPDATE source_file SET stamp = x'', attempts = attempts + 1
                WHERE parcel IN \(Self.batch) AND attempts < 3
                """,
                parcels
            )
        }
    }

    /// Enters sequences into the seen-set, run by run.
    private func see(
        _ statement: SignedStatement,
        _ leaves: [StatementLeaf],
        _ db: Database
    ) throws {
        // The sequences belong to other parcels, which may still be on their way.
        guard !statement.isDoubled else { return }
        var sequences = RunSet()
        for leaf in leaves where (1..<UInt64(Int64.max)).contains(leaf.sequence.rawValue) {
            sequences.insert(leaf.sequence.rawValue)
        }
        for run in sequences.runs {
            try self.see(
                Int64(run.lowerBound)...Int64(run.upperBound),
                of: statement.stream,
                as: statement.kind.rawValue,
                db
            )
        }
    }

    /// Enters what of a run is not there, joining it with the runs beside it.
    ///
    /// The first word stands; the parcel's own row says when landed beat it.
    private func see(
        _ run: ClosedRange<Int64>,
        of stream: FlowStream,
        as state: String,
        _ db: Database
    ) throws {
        let key: [(any SQLValue)?] = [
            stream.origin.text, stream.flow.text, Int64(bitPattern: stream.incarnation.number),
            Int64(bitPattern: stream.incarnation.random),
        ]
        let place = """
            origin = ? AND flow = ? AND incarnation_number = ? AND incarnation_random = ?
            """
        func known(_ condition: String, _ value: Int64) throws -> SeenRun? {
            try db.first(
                "SELECT first, last, state FROM seen WHERE \(place) AND \(condition) LIMIT 1",
                key + [value]
            ) { SeenRun(first: $0.integer(0), last: $0.integer(1), state: $0.text(2)) }
        }
        var next = run.lowerBound
        while next <= run.upperBound {
            let before = try known("first <= ? ORDER BY first DESC", next)
            if let before, before.last >= next {
                next = before.last + 1
                continue
            }
            let after = try known("first > ? ORDER BY first", next)
            var (first, last) = (next, min(run.upperBound, (after?.first ?? .max) - 1))
            next = last + 1
            if let before, before.last == first - 1, before.state == state { first = before.first }
            if let after, after.first == last + 1, after.state == state {
                last = after.last
                try db.run("DELETE FROM seen WHERE \(place) AND first = ?", key + [after.first])
            }
            try db.run(
                """
                INSERT OR REPLACE INTO seen (origin, flow, incarnation_number, incarnation_random,
                    first, last, state) VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                key + [first, last, state]
            )
        }
    }
}

/// Sequences beside each other that ended in the same way.
private struct SeenRun {
    let first: Int64
    let last: Int64
    let state: String
}

extension SignedStatement {
    /// Whether it ends parcels because others carry their sequences.
    package var isDoubled: Bool {
        (self.kind == .refused || self.kind == .abandoned) && self.reason == "doubled"
    }
}
