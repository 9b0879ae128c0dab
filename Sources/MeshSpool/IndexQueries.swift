import GRDB
package import MeshModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Questions about lives, statements, landings, sources and tasks.
extension Index {
    /// The life of the log that goes on, or `nil` before the first.
    package func incarnation() throws -> Incarnation? {
        try self.database.read { db in
            try Row.fetchOne(
                db,
                sql: "SELECT number, random FROM incarnation ORDER BY number DESC LIMIT 1"
            ).map { row in
                Incarnation(
                    number: UInt64(bitPattern: row[0] as Int64),
                    random: UInt64(bitPattern: row[1] as Int64)
                )
            }
        }
    }

    /// The highest sequence given here to a flow in a life.
    package func lastSequence(of stream: FlowStream) throws -> SequenceNumber {
        try self.database.read { db in
            SequenceNumber(
                UInt64(
                    bitPattern: try Int64.fetchOne(
                        db,
                        sql: """
                            SELECT ifnull(max(sequence), 0) FROM parcel
                            WHERE origin = ? AND flow = ? AND incarnation_number = ?
                                AND incarnation_random = ?
                            """,
                        arguments: [
                            stream.origin.text, stream.flow.text,
                            Int64(bitPattern: stream.incarnation.number),
                            Int64(bitPattern: stream.incarnation.random),
                        ]
                    ) ?? 0
                )
            )
        }
    }

    /// The last batch signed in a life: its number and digest.
    package func lastBatch(in incarnation: Incarnation) throws -> (number: UInt64, digest: Digest)?
    {
        try self.database.read { db in
            guard
                let row = try Row.fetchOne(
                    db,
                    sql: "SELECT number, digest FROM own_batch WHERE incarnation_number = ?",
                    arguments: [Int64(bitPattern: incarnation.number)]
                ),
                let digest = Digest(row[1] as Data)
            else { return nil }
            return (UInt64(bitPattern: row[0] as Int64), digest)
        }
    }

    /// Statements that touch a parcel, oldest first.
    package func statements(of parcel: Int64) throws -> [StoredStatement] {
        try self.single { db in
            try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT statement.digest, statement.bytes, statement.is_issued, statement.at
                        FROM parcel_statement JOIN statement USING (digest)
                        WHERE parcel_statement.parcel = ? ORDER BY statement.at, statement.kind
                        """
                ),
                arguments: [parcel]
            ).compactMap { row in
                Digest(row[0] as Data).map { digest in
                    StoredStatement(
                        digest: digest,
                        bytes: [UInt8](row[1] as Data),
                        isIssuedHere: row[2],
                        at: UnixMilliseconds(row[3] as Int64)
                    )
                }
            }
        }
    }

    /// This node's own statement of its custody of a parcel.
    package func ownCustody(of parcel: Int64) throws -> Digest? {
        try self.single { db in
            try db.first(
                """
                SELECT statement.digest FROM parcel_statement JOIN statement USING (digest)
                WHERE parcel_statement.parcel = ? AND statement.is_issued = 1
                    AND statement.kind = 'custody'
                ORDER BY statement.at LIMIT 1
                """,
                [parcel]
            ) { $0.digest(0) } ?? nil
        }
    }

    /// Whether a statement is known here already.
    package func hasStatement(_ digest: Digest) throws -> Bool {
        try self.single { db in
            try db.first("SELECT 1 FROM statement WHERE digest = ?", [digest.bytes]) { _ in true }
                ?? false
        }
    }

    /// Whether a sequence of a stream has ended.
    package func hasSeen(_ stream: FlowStream, _ sequence: SequenceNumber) throws -> Bool {
        try self.single { db in
            try db.first(
                """
                SELECT last FROM seen WHERE origin = ? AND flow = ?
                    AND incarnation_number = ? AND incarnation_random = ? AND first <= ?
                ORDER BY first DESC LIMIT 1
                """,
                Self.key(stream, sequence)
            ) { $0.unsigned(0) >= sequence.rawValue } ?? false
        }
    }

    /// What stands at the collector for an origin's path.
    package func landed(
        origin: NodeName,
        flow: FlowName,
        path: [UInt8]
    ) throws -> LandedVersion? {
        try self.single { db in
            try db.first(
                """
                SELECT landed_path, digest, size, incarnation_number, incarnation_random, sequence
                FROM landed WHERE origin = ? AND flow = ? AND path = ?
                """,
                [origin.text, flow.text, path]
            ) { row in
                guard let landedPath = PathBytes(row.bytes(0)), let digest = row.digest(1) else {
                    return nil
                }
                return LandedVersion(
                    path: landedPath,
                    digest: digest,
                    size: ByteCount(row.integer(2)),
                    incarnation: Incarnation(number: row.unsigned(3), random: row.unsigned(4)),
                    sequence: SequenceNumber(row.unsigned(5))
                )
            } ?? nil
        }
    }

    /// Landings that were about to rename when the node stopped.
    package func intents() throws -> [LandingIntent] {
        try self.database.read { db in
            try Row.fetchAll(
                db,
                sql: """
                    SELECT parcel_id, temporary_path, device, inode, final_path FROM intent
                    WHERE length(final_path) > 0 ORDER BY parcel_id
                    """
            ).compactMap { row in
                guard let parcel = ParcelID(bytes: row[0] as Data),
                    let temporary = PathBytes([UInt8](row[1] as Data)),
                    let final = PathBytes([UInt8](row[4] as Data))
                else { return nil }
                return LandingIntent(
                    parcel: parcel,
                    temporary: temporary,
                    device: UInt64(bitPattern: row[2] as Int64),
                    inode: UInt64(bitPattern: row[3] as Int64),
                    final: final
                )
            }
        }
    }

    /// Files that were being written where they land when the node stopped.
    package func openLandings() throws -> [OpenLanding] {
        try self.single { db in
            try db.all(
                """
                SELECT parcel_id, temporary_path, device, inode FROM intent
                WHERE length(final_path) = 0 ORDER BY parcel_id
                """,
                []
            ) { row in
                guard let parcel = row.digest(0), let temporary = PathBytes(row.bytes(1)) else {
                    return nil
                }
                return OpenLanding(
                    parcel: ParcelID(parcel),
                    temporary: temporary,
                    device: row.unsigned(2),
                    inode: row.unsigned(3)
                )
            }.compactMap(\.self)
        }
    }

    /// How many of a parcel's entries, from the first on, are in the file that its landing writes.
    package func placedEntries(of parcel: Int64) throws -> UInt64 {
        try self.single { db in
            try db.first(
                """
                SELECT ifnull(max(number) + 1, 0) FROM entry WHERE parcel = ? AND is_passed = 1
                """,
                [parcel]
            ) { $0.unsigned(0) } ?? 0
        }
    }

    /// The stamps of those of a flow's paths that were opened, to compare with what a scan sees.
    ///
    /// One search of the index for each path, in statements of ``stampsPerQuestion`` paths.
    package func sourceStamps(
        flow: FlowName,
        paths: some Collection<PathBytes>
    ) throws -> [PathBytes: FileStamp] {
        try self.database.read { db in
            var stamps: [PathBytes: FileStamp] = [:]
            var rest = paths[...]
            while !rest.isEmpty {
                let asked = rest.prefix(Self.stampsPerQuestion)
                rest = rest.dropFirst(asked.count)
                // Always as many parameters, so that the statement is prepared once.
                let blanks = Array(
                    repeating: DatabaseValue.null,
                    count: Self.stampsPerQuestion - asked.count
                )
                let statement = try db.cachedStatement(sql: Self.stampQuestion)
                let values = asked.map { Data($0.bytes).databaseValue } + blanks
                let cursor = try Row.fetchCursor(
                    statement,
                    arguments: StatementArguments([flow.text.databaseValue] + values)
                )
                while let row = try cursor.next() {
                    guard let path = PathBytes([UInt8](row[0] as Data)),
                        let stamp = FileStamp(bytes: [UInt8](row[1] as Data))
                    else { continue }
                    stamps[path] = stamp
                }
            }
            return stamps
        }
    }

    private static let stampsPerQuestion = 256
    private static let stampQuestion =
        "SELECT path, stamp FROM source_file WHERE flow = ? AND path IN ("
        + Array(repeating: "?", count: Index.stampsPerQuestion).joined(separator: ",") + ")"

    /// What became of the versions of source files that were opened last.
    package func captures(
        flow: FlowName,
        paths: [PathBytes]
    ) throws -> [PathBytes: (FileStamp, ParcelID)] {
        var captures: [PathBytes: (FileStamp, ParcelID)] = [:]
        try self.single { db in
            try Self.byBatches(of: paths.map(\.bytes)) { batch in
                try db.visit(
                    """
                    SELECT source_file.path, source_file.stamp, parcel.parcel_id
                    FROM source_file JOIN parcel ON parcel.number = source_file.parcel
                    WHERE source_file.flow = ? AND source_file.path IN \(Self.batch)
                    """,
                    [flow.text] + batch
                ) { row in
                    if let path = PathBytes(row.bytes(0)),
                        let stamp = FileStamp(bytes: row.bytes(1)), let parcel = row.digest(2)
                    {
                        captures[path] = (stamp, ParcelID(parcel))
                    }
                    return true
                }
            }
        }
        return captures
    }

    /// The parcel that a source file's version became.
    package func capture(flow: FlowName, path: [UInt8]) throws -> (FileStamp, ParcelID)? {
        try self.single { db in
            try db.first(
                """
                SELECT source_file.stamp, parcel.parcel_id
                FROM source_file JOIN parcel ON parcel.number = source_file.parcel
                WHERE source_file.flow = ? AND source_file.path = ?
                """,
                [flow.text, path]
            ) { row in
                guard let stamp = FileStamp(bytes: row.bytes(0)), let parcel = row.digest(1) else {
                    return nil
                }
                return (stamp, ParcelID(parcel))
            } ?? nil
        }
    }

    /// Promises to commands that are not kept yet.
    package func tasks() throws -> [SpoolTask] {
        try self.database.read { db in
            try Row.fetchAll(db, sql: "SELECT id, kind, body FROM task ORDER BY id").map { row in
                SpoolTask(
                    id: UInt64(bitPattern: row[0] as Int64),
                    kind: row[1],
                    body: [UInt8](row[2] as Data)
                )
            }
        }
    }
}
