import GRDB
import GRDBSQLite
import MeshModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A value that SQLite takes as it is.
protocol SQLValue {
    /// Gives it to a statement's parameter; returns SQLite's result code.
    func bind(to statement: OpaquePointer, _ place: Int32) -> Int32
}

/// The columns of the row that a statement is at: read in place, by their numbers.
///
/// Good only until the statement steps on.
struct Columns {
    fileprivate let statement: OpaquePointer

    func isNull(_ column: Int32) -> Bool {
        sqlite3_column_type(self.statement, column) == SQLITE_NULL
    }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(self.statement, column) }

    func integerIfAny(_ column: Int32) -> Int64? {
        self.isNull(column) ? nil : self.integer(column)
    }

    func unsigned(_ column: Int32) -> UInt64 { UInt64(bitPattern: self.integer(column)) }

    func bool(_ column: Int32) -> Bool { self.integer(column) != 0 }

    func text(_ column: Int32) -> String {
        // SQLite ends every text with a zero; none of ours has one within.
        sqlite3_column_text(self.statement, column).map { String(cString: $0) } ?? ""
    }

    func textIfAny(_ column: Int32) -> String? {
        self.isNull(column) ? nil : self.text(column)
    }

    func bytes(_ column: Int32) -> [UInt8] { self.withBytes(column) { Array($0) } }

    func bytesIfAny(_ column: Int32) -> [UInt8]? {
        self.isNull(column) ? nil : self.bytes(column)
    }

    func digest(_ column: Int32) -> Digest? { self.withBytes(column) { Digest($0) } }

    /// Reads a text or blob where SQLite has it.
    func withBytes<T>(_ column: Int32, _ read: (UnsafeRawBufferPointer) throws -> T) rethrows -> T {
        // In this order: asking for the bytes may change how SQLite holds them.
        let start = sqlite3_column_blob(self.statement, column)
        let count = Int(sqlite3_column_bytes(self.statement, column))
        return try read(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count))
    }

    /// What kind of value SQLite holds, such as `SQLITE_NULL`.
    func type(_ column: Int32) -> Int32 { sqlite3_column_type(self.statement, column) }
}

// Statements that run for every parcel. GRDB prepares and keeps them; its rows and arguments, which
// are copied value by value, cost more than SQLite itself does.
extension Database {
    /// Runs one statement, prepared once per connection.
    func run(_ sql: String, _ values: [(any SQLValue)?] = []) throws {
        try self.visit(sql, values) { _ in true }
    }

    /// Runs one statement whose values GRDB made.
    func run(_ sql: String, arguments: StatementArguments) throws {
        try self.cachedStatement(sql: sql).execute(arguments: arguments)
    }

    /// What `read` makes of each row of an answer.
    func all<T>(
        _ sql: String,
        _ values: [(any SQLValue)?] = [],
        _ read: (Columns) throws -> T
    ) throws -> [T] {
        var found: [T] = []
        try self.visit(sql, values) { row in
            found.append(try read(row))
            return true
        }
        return found
    }

    /// What `read` makes of the first row of an answer, if it has one.
    func first<T>(
        _ sql: String,
        _ values: [(any SQLValue)?] = [],
        _ read: (Columns) throws -> T
    ) throws -> T? {
        var found: T?
        try self.visit(sql, values) { row in
            found = try read(row)
            return false
        }
        return found
    }

    /// Steps through a statement until it is done or `visit` says no; it runs no such one itself.
    func visit(
        _ sql: String,
        _ values: [(any SQLValue)?] = [],
        _ visit: (Columns) throws -> Bool
    ) throws {
        let prepared = try self.cachedStatement(sql: sql)
        defer { withExtendedLifetime(prepared) {} }
        let statement = prepared.sqliteStatement
        defer { sqlite3_reset(statement) }
        var place: Int32 = 0
        for value in values {
            place += 1
            let code =
                value?.bind(to: statement, place) ?? sqlite3_bind_null(statement, place)
            guard code == SQLITE_OK else { throw self.failure(code, sql) }
        }
        let columns = Columns(statement: statement)
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW: guard try visit(columns) else { return }
            case SQLITE_DONE: return
            case let code: throw self.failure(code, sql)
            }
        }
    }

    private func failure(_ code: Int32, _ sql: String) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code),
            message: self.lastErrorMessage,
            sql: sql
        )
    }
}

extension Int64: SQLValue {
    func bind(to statement: OpaquePointer, _ place: Int32) -> Int32 {
        sqlite3_bind_int64(statement, place, self)
    }
}

extension Int: SQLValue {
    func bind(to statement: OpaquePointer, _ place: Int32) -> Int32 {
        sqlite3_bind_int64(statement, place, Int64(self))
    }
}

/// Has SQLite copy what it is given.
private nonisolated(unsafe) let copying = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

extension String: SQLValue {
    func bind(to statement: OpaquePointer, _ place: Int32) -> Int32 {
        var text = self
        return text.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) {
                sqlite3_bind_text(statement, place, $0.baseAddress, Int32($0.count), copying)
            }
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func bind(to statement: OpaquePointer, _ place: Int32) -> Int32 {
        // Without an address SQLite would take it for NULL.
        guard !self.isEmpty else { return sqlite3_bind_zeroblob(statement, place, 0) }
        return sqlite3_bind_blob(statement, place, self.baseAddress, Int32(self.count), copying)
    }
}

extension [UInt8]: SQLValue {
    func bind(to statement: OpaquePointer, _ place: Int32) -> Int32 {
        self.withUnsafeBytes { $0.bind(to: statement, place) }
    }
}

extension Data: SQLValue {
    func bind(to statement: OpaquePointer, _ place: Int32) -> Int32 {
        self.withUnsafeBytes { $0.bind(to: statement, place) }
    }
}

// Questions about many at once.
extension Index {
    static let batchSize = 32
    /// As many parameters every time, so that a statement is prepared once; those left are NULL.
    static let batch =
        "(" + Array(repeating: "?", count: Index.batchSize).joined(separator: ",") + ")"

    static func byBatches(
        of values: [any SQLValue],
        _ body: ([(any SQLValue)?]) throws -> Void
    ) throws {
        for start in stride(from: 0, to: values.count, by: Self.batchSize) {
            var batch: [(any SQLValue)?] = []
            for place in start..<start + Self.batchSize {
                batch.append(place < values.count ? values[place] : nil)
            }
            try body(batch)
        }
    }
}
