import GRDB
import GRDBSQLite
import MeshModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Rows as a snapshot holds them: the table's number, then each value with its storage class.
extension Index {
    /// See ``LogIndex``.
    package func exportRows(_ row: ([UInt8]) throws -> Void) throws -> LogPosition {
        try self.database.read { db in
            for (number, table) in Self.tables.enumerated() {
                let columns = try db.columns(in: table).map(\.name)
                let key = try db.primaryKey(table).columns
                let order = key.isEmpty ? columns : key
                let sql =
                    "SELECT \(columns.joined(separator: ", ")) FROM \(table) "
                    + "ORDER BY \(order.joined(separator: ", "))"
                try db.visit(sql) { next in
                    try row(Self.encode(next, table: UInt8(number), columns: columns.count))
                    return true
                }
            }
            return try Self.position(db) ?? LogPosition(segment: SegmentNumber(0), offset: 0)
        }
    }

    /// See ``LogIndex``.
    package func importRows(
        _ next: () throws -> [UInt8]?,
        reaching position: LogPosition
    ) throws {
        try Self.wordingNoRoom { try self.insertRows(next, reaching: position) }
    }

    private func insertRows(
        _ next: () throws -> [UInt8]?,
        reaching position: LogPosition
    ) throws {
        // Rows come parents last where tables refer to each other in both directions.
        try self.database.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA foreign_keys = OFF")
            try db.inTransaction {
                var columns: [String: [String]] = [:]
                for table in Self.tables {
                    try db.execute(sql: "DELETE FROM \(table)")
                    columns[table] = try db.columns(in: table).map(\.name)
                }
                var isOlder = false
                while let row = try next() {
                    let (table, values) = try Self.decode(row)
                    let names = columns[table] ?? []
                    guard values.count <= names.count else { throw SpoolRowError.malformed }
                    // Written before the last columns were added: they get their defaults.
                    if values.count < names.count { isOlder = true }
                    try db.run(
                        """
                        INSERT INTO \(table)
                            (\(names.prefix(values.count).joined(separator: ", ")))
                        VALUES (\(Array(repeating: "?", count: values.count)
                            .joined(separator: ", ")))
                        """,
                        arguments: StatementArguments(values)
                    )
                }
                if isOlder { try Self.fillModified(db) }
                try Self.setPosition(position, db)
                return .commit
            }
            try db.execute(sql: "PRAGMA foreign_keys = ON")
        }
    }

    private enum Tag: UInt8 { case null = 0, integer, text, blob }

    private static func encode(_ row: Columns, table: UInt8, columns: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1_024)
        bytes += [table, UInt8(columns)]
        func number(_ value: UInt64, _ width: Int) {
            withUnsafeBytes(of: value.bigEndian) { bytes += $0.suffix(width) }
        }
        func stretch(_ tag: Tag, _ value: UnsafeRawBufferPointer) {
            bytes.append(tag.rawValue)
            number(UInt64(value.count), 4)
            bytes += value
        }
        for column in 0..<Int32(columns) {
            switch row.type(column) {
            case SQLITE_NULL: bytes.append(Tag.null.rawValue)
            case SQLITE_INTEGER:
                bytes.append(Tag.integer.rawValue)
                number(row.unsigned(column), 8)
            case SQLITE_TEXT: row.withBytes(column) { stretch(.text, $0) }
            case SQLITE_BLOB: row.withBytes(column) { stretch(.blob, $0) }
            default: throw SpoolRowError.malformed  // No column holds a fraction.
            }
        }
        return bytes
    }

    private static func decode(_ row: [UInt8]) throws -> (table: String, [DatabaseValue]) {
        var rest = row[...]
        func take(_ count: Int) throws -> ArraySlice<UInt8> {
            guard rest.count >= count else { throw SpoolRowError.malformed }
            defer { rest = rest.dropFirst(count) }
            return rest.prefix(count)
        }
        func number(_ width: Int) throws -> UInt64 {
            try take(width).reduce(0) { $0 << 8 | UInt64($1) }
        }
        let table = Int(try number(1))
        guard Self.tables.indices.contains(table) else { throw SpoolRowError.malformed }
        let values: [DatabaseValue] = try (0..<Int(try number(1))).map { _ in
            switch Tag(rawValue: UInt8(try number(1))) {
            case .null: .null
            case .integer: Int64(bitPattern: try number(8)).databaseValue
            case .text:
                String(decoding: try take(Int(try number(4))), as: UTF8.self).databaseValue
            case .blob: Data(try take(Int(try number(4)))).databaseValue
            case nil: throw SpoolRowError.malformed
            }
        }
        guard rest.isEmpty else { throw SpoolRowError.malformed }
        return (Self.tables[table], values)
    }
}

/// A snapshot row that is none of ours.
enum SpoolRowError: Error { case malformed }
