import GRDB
package import MeshIdentity
package import MeshModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Which numbers of a stream the collector misses, and since when.
package struct MissingRun: Sendable, Hashable {
    /// The numbers.
    package var run: ClosedRange<UInt64>
    /// When they were first missed; `nil`: since the latest tally came.
    package var since: UnixMilliseconds?
}

/// A stream as its collector knows it.
package struct StreamAccount: Sendable {
    /// The stream.
    package var stream: FlowStream
    /// The highest number of the latest tally; `nil` before the first.
    package var highest: SequenceNumber?
    /// When the latest tally came.
    package var tallied: UnixMilliseconds?
    /// Numbers that are neither ended nor known here, nor in the origin's hands.
    package var missing: [MissingRun]
    /// Numbers that have landed.
    package var landed: UInt64
    /// Parcels that are under way here.
    package var underWay: UInt64
}

/// The file of an origin's that landed last.
package struct LastLanding: Sendable {
    /// Its path at the origin.
    package var path: [UInt8]
    /// When it landed.
    package var at: UnixMilliseconds
}

// Tallies and inquiries: what an origin has given, what the collector knows of it.
extension Index {
    // MARK: Records

    /// A tally or an inquiry: kept here, or passed on.
    func applyWord(_ message: ProtoNoteRecord, _ db: Database) throws {
        let isTally = !message.tally.isEmpty
        let body = isTally ? message.tally : message.inquiry
        guard message.destination.isEmpty || message.destination == self.node.text else {
            return try self.routeWord(message, body, isTally: isTally, db)
        }
        // An inquiry is answered by statements, which have records of their own.
        guard isTally else { return }
        let tally = try Tally(trusted: [UInt8](body))
        try db.run(
            """
            INSERT INTO tally (origin, flow, incarnation_number, incarnation_random, stated_at, at,
                body) VALUES (?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (origin, flow, incarnation_number, incarnation_random) DO UPDATE SET
                stated_at = excluded.stated_at, at = excluded.at, body = excluded.body
            WHERE excluded.stated_at > stated_at
            """,
            arguments: StatementArguments(
                Self.place(tally.stream) + [tally.at.rawValue, message.at, body]
                    as [(any DatabaseValueConvertible)?]
            )
        )
        if db.changesCount > 0 { try self.noticeGaps(tally, at: message.at, db) }
    }

    private func routeWord(
        _ message: ProtoNoteRecord,
        _ body: Data,
        isTally: Bool,
        _ db: Database
    ) throws {
        guard message.hops > 0 else { return }
        let (stream, version) = try Self.subject(body, isTally: isTally)
        let kind = isTally ? "tally" : "inquiry"
        let life = stream.incarnation
        let subject = "\(kind) \(stream.origin) \(stream.flow) \(life.number) \(life.random)"
        try db.run(
            "DELETE FROM note WHERE destination = ? AND subject = ? AND version < ?",
            [message.destination, subject, version.rawValue]
        )
        try db.run(
            """
            INSERT OR IGNORE INTO note (destination, digest, number, kind, subject, version, hops,
                came_from, at, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                message.destination, Data(Digest.sha256([UInt8](body)).bytes),
                try self.nextNumber(for: message.destination, db), kind, subject,
                version.rawValue, Int64(message.hops),
                message.neighbour.isEmpty ? nil : message.neighbour, message.at, body,
            ]
        )
    }

    /// What a newer word of the same kind replaces.
    private static func subject(_ body: Data, isTally: Bool) throws -> (
        FlowStream, UnixMilliseconds
    ) {
        if isTally {
            let tally = try Tally(trusted: [UInt8](body))
            return (tally.stream, tally.at)
        }
        let inquiry = try Inquiry(trusted: [UInt8](body))
        return (inquiry.stream, inquiry.at)
    }

    /// Notes since when numbers are missing.
    private func noticeGaps(_ tally: Tally, at: Int64, _ db: Database) throws {
        let old = try self.noticed(tally.stream, db)
        try db.run(
            "DELETE FROM gap WHERE \(Self.isOfStream)",
            arguments: StatementArguments(Self.place(tally.stream))
        )
        var fresh = try self.missing(tally, db)
        var rows: [(ClosedRange<UInt64>, Int64)] = []
        for gap in old {
            var still = RunSet([gap.run])
            still.subtract(fresh.gaps(upTo: gap.run.upperBound))
            rows += still.runs.map { ($0, gap.since?.rawValue ?? at) }
            fresh.subtract(still)
        }
        rows += fresh.runs.map { ($0, at) }
        for (run, since) in rows.prefix(Limits.gapsNoticedMax) {
            try db.run(
                """
                INSERT INTO gap (origin, flow, incarnation_number, incarnation_random, first, last,
                    since) VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                arguments: StatementArguments(
                    Self.place(tally.stream) + [
                        Int64(bitPattern: run.lowerBound), Int64(bitPattern: run.upperBound), since,
                    ] as [(any DatabaseValueConvertible)?]
                )
            )
        }
    }

    private func noticed(_ stream: FlowStream, _ db: Database) throws -> [MissingRun] {
        try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT first, last, since FROM gap WHERE \(Self.isOfStream) ORDER BY first"
            ),
            arguments: StatementArguments(Self.place(stream))
        ).map { row in
            MissingRun(
                run: UInt64(bitPattern: row[0] as Int64)...UInt64(bitPattern: row[1] as Int64),
                since: UnixMilliseconds(row[2] as Int64)
            )
        }
    }

    /// Numbers up to a tally that have neither ended nor are anywhere that is known.
    private func missing(_ tally: Tally, _ db: Database) throws -> RunSet {
        var known = tally.here
        for runs in tally.ended.values { known.formUnion(runs) }
        known.formUnion(try self.seen(tally.stream, db))
        known.formUnion(try self.underWay(tally.stream, db))
        return known.gaps(upTo: tally.highest.rawValue)
    }

    private static let isOfStream =
        "origin = ? AND flow = ? AND incarnation_number = ? AND incarnation_random = ?"

    private static func place(_ stream: FlowStream) -> [(any DatabaseValueConvertible)?] {
        [
            stream.origin.text, stream.flow.text, Int64(bitPattern: stream.incarnation.number),
            Int64(bitPattern: stream.incarnation.random),
        ]
    }

    private func seen(
        _ stream: FlowStream,
        only condition: String = "1",
        _ db: Database
    ) throws -> RunSet {
        try self.runs(
            "SELECT first, last FROM seen WHERE \(Self.isOfStream) AND \(condition)",
            stream,
            db
        )
    }

    /// Numbers of parcels that are neither passed on nor ended here.
    private func underWay(_ stream: FlowStream, _ db: Database) throws -> RunSet {
        try self.runs(
            """
            SELECT min(sequence), max(sequence) FROM
                (SELECT sequence, sequence - row_number() OVER (ORDER BY sequence) AS island
                FROM parcel WHERE \(Self.isOfStream) AND state IN ('arriving', 'held'))
            GROUP BY island
            """,
            stream,
            db
        )
    }

    private func runs(_ sql: String, _ stream: FlowStream, _ db: Database) throws -> RunSet {
        RunSet(
            try Row.fetchAll(
                db.cachedStatement(sql: sql),
                arguments: StatementArguments(Self.place(stream))
            ).map { row in
                UInt64(bitPattern: row[0] as Int64)...UInt64(bitPattern: row[1] as Int64)
            }
        )
    }

    // MARK: At the origin

    /// What this node can say of a stream of its own.
    package func tally(of stream: FlowStream, at: UnixMilliseconds) throws -> Tally {
        let highest = try self.lastSequence(of: stream)
        return try self.database.read { db in
            var ended: [StatementKind: RunSet] = [:]
            for kind in StatementKind.allCases
            where kind.isTerminal && kind != .landed && kind != .landedLate {
                let runs = try self.seen(stream, only: "state = '\(kind.rawValue)'", db)
                if !runs.isEmpty { ended[kind] = runs }
            }
            return Tally(
                stream: stream,
                at: at,
                highest: highest,
                ended: ended,
                here: try self.underWay(stream, db)
            )
        }
    }

    /// The lives of this log, the newest first.
    package func incarnations(limit: Int) throws -> [Incarnation] {
        try self.database.read { db in
            try Row.fetchAll(
                db,
                sql: "SELECT number, random FROM incarnation ORDER BY number DESC LIMIT ?",
                arguments: [limit]
            ).map { row in
                Incarnation(
                    number: UInt64(bitPattern: row[0] as Int64),
                    random: UInt64(bitPattern: row[1] as Int64)
                )
            }
        }
    }

    private static let isUnanswered = "state = 'passed' AND giver IS NULL AND passed_at <= ?"

    /// Own parcels that were passed on before a time, and have not ended; the oldest first.
    ///
    /// Those that the collector has said since then not to know are left out.
    package func overdue(since: UnixMilliseconds, limit: Int) throws -> [(
        stream: FlowStream, sequence: SequenceNumber, id: ParcelID
    )] {
        try self.database.read { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT origin, flow, incarnation_number, incarnation_random, sequence,
                            parcel_id
                        FROM parcel WHERE \(Self.isUnanswered)
                            AND (unknown_at IS NULL OR unknown_at <= ?)
                        ORDER BY passed_at LIMIT ?
                        """
                ),
                arguments: [since.rawValue, since.rawValue, limit]
            ).compactMap { row in
                guard let stream = Self.stream(row), let id = ParcelID(bytes: row[5] as Data)
                else { return nil }
                return (stream, SequenceNumber(UInt64(bitPattern: row[4] as Int64)), id)
            }
        }
    }

    /// How many own parcels are overdue.
    package func overdueCount(since: UnixMilliseconds) throws -> Int {
        try self.database.read { db in
            try Int.fetchOne(
                db,
                sql: "SELECT count(*) FROM parcel WHERE \(Self.isUnanswered)",
                arguments: [since.rawValue]
            ) ?? 0
        }
    }

    private static func stream(_ row: Row) -> FlowStream? {
        guard let origin = NodeName(row[0] as String), let flow = FlowName(row[1] as String)
        else { return nil }
        return FlowStream(
            origin: origin,
            flow: flow,
            incarnation: Incarnation(
                number: UInt64(bitPattern: row[2] as Int64),
                random: UInt64(bitPattern: row[3] as Int64)
            )
        )
    }

    // MARK: At the collector

    /// The streams of a flow from an origin that anything is known of, the latest life first.
    package func accounts(of origin: NodeName, _ flow: FlowName) throws -> [StreamAccount] {
        try self.database.read { db in
            let streams = try Row.fetchAll(
                db,
                sql: """
                    SELECT origin, flow, incarnation_number, incarnation_random FROM tally
                        WHERE origin = ?1 AND flow = ?2
                    UNION SELECT origin, flow, incarnation_number, incarnation_random FROM seen
                        WHERE origin = ?1 AND flow = ?2
                    UNION SELECT origin, flow, incarnation_number, incarnation_random FROM parcel
                        WHERE origin = ?1 AND flow = ?2 AND state IN ('arriving', 'held')
                    ORDER BY 3 DESC, 4 DESC
                    """,
                arguments: [origin.text, flow.text]
            ).compactMap(Self.stream)
            return try streams.map { try self.account(of: $0, db) }
        }
    }

    private func account(of stream: FlowStream, _ db: Database) throws -> StreamAccount {
        let row = try Row.fetchOne(
            db.cachedStatement(sql: "SELECT body, at FROM tally WHERE \(Self.isOfStream)"),
            arguments: StatementArguments(Self.place(stream))
        )
        let tally = try row.map { try Tally(trusted: [UInt8]($0[0] as Data)) }
        var missing: [MissingRun] = []
        if let tally {
            var open = try self.missing(tally, db)
            for gap in try self.noticed(stream, db) {
                var still = RunSet([gap.run])
                still.subtract(open.gaps(upTo: gap.run.upperBound))
                missing += still.runs.map { MissingRun(run: $0, since: gap.since) }
                open.subtract(still)
            }
            missing += open.runs.map { MissingRun(run: $0, since: nil) }
            missing.sort { $0.run.lowerBound < $1.run.lowerBound }
        }
        let landed = try self.seen(stream, only: "state IN ('landed', 'landed-late')", db)
        return StreamAccount(
            stream: stream,
            highest: tally?.highest,
            tallied: row.map { UnixMilliseconds($0[1] as Int64) },
            missing: missing,
            landed: landed.count,
            underWay: try self.underWay(stream, db).count
        )
    }

    /// The file of an origin's flow that landed last.
    package func lastLanding(of origin: NodeName, _ flow: FlowName) throws -> LastLanding? {
        try self.database.read { db in
            try Row.fetchOne(
                db,
                sql: """
                    SELECT path, at FROM landed WHERE origin = ? AND flow = ?
                    ORDER BY at DESC LIMIT 1
                    """,
                arguments: [origin.text, flow.text]
            ).map {
                LastLanding(path: [UInt8]($0[0] as Data), at: UnixMilliseconds($0[1] as Int64))
            }
        }
    }

    /// When an origin was last heard: its own hello or word, or a parcel of the flow that came.
    package func lastHeard(of origin: NodeName, _ flow: FlowName) throws -> UnixMilliseconds? {
        try self.database.read { db in
            try Int64.fetchOne(
                db,
                sql: """
                    SELECT max(at) FROM (
                        SELECT at FROM peer WHERE node = ?1
                        UNION ALL SELECT at FROM tally WHERE origin = ?1 AND flow = ?2
                        UNION ALL SELECT * FROM (SELECT arrived_at FROM parcel
                            WHERE origin = ?1 AND flow = ?2
                            ORDER BY incarnation_number DESC, incarnation_random DESC,
                                sequence DESC LIMIT 1))
                    """,
                arguments: [origin.text, flow.text]
            ).map { UnixMilliseconds($0) }
        }
    }
}
