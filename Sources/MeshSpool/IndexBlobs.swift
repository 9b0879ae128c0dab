import GRDB
import MeshModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// Where blobs lie, who needs them, and what becomes of them when nobody does.
//
// A blob is in `blob` while an entry needs it. Released, it moves to `cached_blob`; an entry that
// names it takes it back, a record evicts it. Both are functions of the log: how much is kept is
// decided by whoever writes the evict records.
extension Index {
    func applyBlob(_ record: LoggedRecord, _ db: Database) throws {
        // A blob that nothing refers to any more is dead on arrival.
        let id = Data(record.id.bytes)
        let isNeeded = try db.first("SELECT 1 FROM entry WHERE blob_id = ? LIMIT 1", [id]) { _ in
            true
        }
        guard isNeeded == true else { return }
        // Of several records of one blob the latest that verifies counts.
        let conflict = record.isIntact ? "REPLACE" : "IGNORE"
        try db.run(
            """
            INSERT OR \(conflict) INTO blob (blob_id, segment, byte_offset, byte_length)
            VALUES (?, ?, ?, ?)
            """,
            [
                id, Int64(record.location.segment.rawValue),
                Int64(bitPattern: record.location.offset), Int64(record.location.length),
            ]
        )
        try db.run("DELETE FROM cached_blob WHERE blob_id = ?", [id])
    }

    /// Makes a released blob that an entry names one that is needed again.
    func takeFromCache(_ id: Data, _ db: Database) throws {
        try db.run(
            """
            INSERT OR IGNORE INTO blob (blob_id, segment, byte_offset, byte_length)
            SELECT blob_id, segment, byte_offset, byte_length FROM cached_blob WHERE blob_id = ?
            """,
            [id]
        )
        guard db.changesCount > 0 else { return }
        try db.run("DELETE FROM cached_blob WHERE blob_id = ?", [id])
    }

    /// What a parcel's row no longer has once its content is given up.
    static let noContent =
        "body_segment = NULL, body_offset = NULL, body_length = NULL, entries_known = 0"

    /// Gives up a parcel's entries; blobs that no other parcel needs are cached.
    func release(_ parcel: Int64, _ db: Database) throws {
        let unneeded = """
            blob_id IN (SELECT blob_id FROM entry WHERE parcel = ?1)
                AND NOT EXISTS (SELECT 1 FROM entry AS other WHERE other.blob_id = blob.blob_id
                    AND other.parcel <> ?1 AND other.is_passed = 0)
            """
        try db.run(
            """
            INSERT OR REPLACE INTO cached_blob (blob_id, segment, byte_offset, byte_length)
            SELECT blob_id, segment, byte_offset, byte_length FROM blob WHERE \(unneeded)
            """,
            [parcel]
        )
        try db.run("DELETE FROM blob WHERE \(unneeded)", [parcel])
        try db.run("DELETE FROM entry WHERE parcel = ?", [parcel])
    }

    func applyEvict(_ message: ProtoEvictRecord, _ db: Database) throws {
        for segment in message.segments {
            try db.run("DELETE FROM cached_blob WHERE segment = ?", [Int64(segment)])
        }
        if !message.parcelID.isEmpty { return try self.applyPassedOn(message, db) }
        for id in message.blobIds {
            try db.run(
                """
                UPDATE parcel SET is_damaged = 1 WHERE state = 'held' AND number IN
                    (SELECT parcel FROM entry WHERE blob_id = ? AND is_passed = 0)
                """,
                [id]
            )
            try db.run("DELETE FROM blob WHERE blob_id = ?", [id])
            try db.run("DELETE FROM cached_blob WHERE blob_id = ?", [id])
            try db.run(
                """
                UPDATE parcel SET body_segment = NULL, body_offset = NULL, body_length = NULL,
                    is_damaged = 1 WHERE parcel_id = ? AND state IN ('arriving', 'held')
                """,
                [id]
            )
        }
    }

    /// Gives up blobs that a parcel has passed on, except those that others need; its entries stay.
    private func applyPassedOn(_ message: ProtoEvictRecord, _ db: Database) throws {
        guard let parcel = try self.live(message.parcelID, db) else { return }
        for start in stride(from: 0, to: message.runs.count - 1, by: 2) {
            let run: [(any SQLValue)?] = [
                parcel, Int64(bitPattern: message.runs[start]),
                Int64(bitPattern: message.runs[start + 1]),
            ]
            try db.run(
                """
                UPDATE entry SET is_passed = 1 WHERE parcel = ?1 AND number BETWEEN ?2 AND ?3
                """,
                run
            )
            try db.run(
                """
                DELETE FROM blob WHERE blob_id IN (SELECT blob_id FROM entry
                        WHERE parcel = ?1 AND number BETWEEN ?2 AND ?3)
                    AND NOT EXISTS (SELECT 1 FROM entry AS other
                        WHERE other.blob_id = blob.blob_id AND other.is_passed = 0)
                """,
                run
            )
        }
    }

    /// See ``LogIndex``.
    package func usage() throws -> [SegmentNumber: SegmentUse] {
        try self.database.read { db in
            var usage: [SegmentNumber: SegmentUse] = [:]
            for (isCached, source) in [
                (false, "SELECT segment, sum(byte_length) FROM blob GROUP BY segment"),
                (true, "SELECT segment, sum(byte_length) FROM cached_blob GROUP BY segment"),
                (
                    false,
                    """
                    SELECT body_segment, sum(body_length) FROM parcel
                    WHERE body_segment IS NOT NULL GROUP BY body_segment
                    """
                ),
            ] {
                let rows = try Row.fetchCursor(db, sql: source)
                while let row = try rows.next() {
                    let segment = SegmentNumber(UInt32(truncatingIfNeeded: row[0] as Int64))
                    let bytes = UInt64(bitPattern: row[1] as Int64)
                    if isCached {
                        usage[segment, default: SegmentUse()].cached += bytes
                    } else {
                        usage[segment, default: SegmentUse()].live += bytes
                    }
                }
            }
            return usage
        }
    }

    /// See ``LogIndex``.
    package func bodies(in segment: SegmentNumber, includingCached: Bool) throws -> Set<UInt64> {
        try self.database.read { db in
            let offsets = try Int64.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT byte_offset FROM blob WHERE segment = ?1
                        UNION ALL SELECT body_offset FROM parcel WHERE body_segment = ?1
                        UNION ALL SELECT byte_offset FROM cached_blob WHERE ?2 AND segment = ?1
                        """
                ),
                arguments: [Int64(segment.rawValue), includingCached]
            )
            return Set(offsets.map { UInt64(bitPattern: $0) })
        }
    }
}
