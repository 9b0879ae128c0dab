import CSqlite
import GRDB
package import MeshModel

/// What the log says, arranged for questions: SQLite, written only by ``apply(_:reaching:)``.
///
/// Never the truth: it may be deleted, and comes back the same from a snapshot and the log. SQLite
/// therefore runs with `synchronous=NORMAL`; a commit lost with the power is replayed at start.
package final class Index: LogIndex {
    let database: DatabasePool
    /// Reads without transactions; see ``single(_:)``.
    private let reader: DatabaseQueue
    let node: NodeName
    let notesPassingMax: Int

    /// How much of the database its one writer keeps in memory.
    private static let cacheKibibytes = 16 << 10

    /// Done once: how SQLite allocates what it needs for every parcel.
    private static let isConfigured: Void = tributary_sqlite_configure(1_200, 256)

    /// Opens or creates the index and brings its schema up to date.
    ///
    /// - Parameters:
    ///   - path: The database file.
    ///   - node: Whose index this is; tells own statements from others'.
    ///   - notesPassingMax: The most notes that it keeps for others; a test has fewer.
    /// - Throws: `DatabaseError` if the file is no sound database: the caller then builds it anew.
    package init(
        path: String,
        node: NodeName,
        notesPassingMax: Int = Limits.notesPassingMax
    ) throws {
        _ = Self.isConfigured
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.busyMode = .timeout(10)
        configuration.maximumReaderCount = 3
        configuration.prepareDatabase { db in
            try db.execute(
                sql: "PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY"
            )
            // Parcels' names lie anywhere in the index. Readers lose theirs with every commit.
            guard !db.configuration.readonly else { return }
            try db.execute(sql: "PRAGMA cache_size = -\(Self.cacheKibibytes)")
            #if !DEBUG
                // They are about our own code, and debug builds heed them. To look a word up in a list of
                // four, SQLite makes a table of the list, for every row.
                try db.execute(sql: "PRAGMA ignore_check_constraints = ON")
            #endif
        }
        let database = try Self.wordingNoRoom {
            let database = try DatabasePool(path: path, configuration: configuration)
            try Self.migrator.migrate(database)
            return database
        }
        self.database = database
        self.node = node
        self.notesPassingMax = notesPassingMax
        configuration.readonly = true
        self.reader = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Asks a single statement, which is consistent in itself.
    ///
    /// A transaction, as `database.read` makes it, costs several times what a row does.
    func single<T>(_ question: (Database) throws -> T) throws -> T {
        try self.reader.unsafeRead(question)
    }

    /// Tells a full file system from an index that is no good.
    static func wordingNoRoom<R>(_ body: () throws -> R) throws -> R {
        do { return try body() } catch let error as DatabaseError
            where error.resultCode == .SQLITE_FULL
            || error.extendedResultCode == .SQLITE_IOERR_SHMSIZE
        {
            throw DiskError.noRoom(for: "index.sqlite")
        }
    }

    /// How far the log is applied.
    package func position() throws -> LogPosition? {
        try self.database.read { try Self.position($0) }
    }

    /// See ``LogIndex``.
    package func apply(_ records: [LoggedRecord], reaching position: LogPosition) throws {
        try Self.wordingNoRoom {
            try self.database.write { db in
                for record in records { try self.apply(record, db) }
                try Self.setPosition(position, db)
            }
        }
    }

    /// See ``LogIndex``.
    package func checkpoint() throws -> Bool {
        try self.database.writeWithoutTransaction { db in
            try Int.fetchOne(db, sql: "PRAGMA wal_checkpoint(TRUNCATE)") == 0
        }
    }

    static func position(_ db: Database) throws -> LogPosition? {
        guard
            let row = try Row.fetchOne(db, sql: "SELECT segment, byte_offset FROM log_position")
        else { return nil }
        return LogPosition(
            segment: SegmentNumber(UInt32(truncatingIfNeeded: row[0] as Int64)),
            offset: UInt64(bitPattern: row[1] as Int64)
        )
    }

    static func setPosition(_ position: LogPosition, _ db: Database) throws {
        try db.run(
            """
            INSERT INTO log_position (one, segment, byte_offset) VALUES (1, ?, ?)
            ON CONFLICT (one) DO UPDATE SET segment = excluded.segment,
                byte_offset = excluded.byte_offset
            """,
            [Int64(position.segment.rawValue), Int64(bitPattern: position.offset)]
        )
    }

    /// Closes the database; pending reads end first.
    package func close() throws {
        try self.reader.close()
        try self.database.close()
    }
}
