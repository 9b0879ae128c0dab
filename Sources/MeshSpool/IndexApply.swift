import GRDB
import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// What each kind of record means to the index. A function of the record and the rows alone:
// replaying the log must give the same rows.
extension Index {
    func apply(_ record: LoggedRecord, _ db: Database) throws {
        if record.kind == .blob { return try self.applyBlob(record, db) }
        switch record.meaning {
        case .small(let message, let opening):
            return try self.applySmall(message, opening, at: record.location, db)
        case .statement(let message, let statement):
            return try self.applyStatement(message, statement, record.id, db)
        case nil: break
        }
        guard let body = record.body else { throw SpoolRowError.malformed }
        switch record.kind {
        case .blob: break
        case .incarnation:
            try self.applyIncarnation(ProtoIncarnationRecord(serializedBytes: body), db)
        case .opening: try self.applyOpening(ProtoOpeningRecord(serializedBytes: body), db)
        case .small:
            let message = try ProtoSmallRecord(serializedBytes: body)
            let small = try SmallParcel(
                parsingOpening: [UInt8](message.opening),
                closing: [UInt8](message.closing),
                signature: [UInt8](message.signature),
                codec: message.codec,
                content: [UInt8](message.content)
            )
            try self.applySmall(message, small.opening, at: record.location, db)
        case .admission: try self.applyAdmission(ProtoAdmissionRecord(serializedBytes: body), db)
        case .entries: try self.applyEntries(ProtoEntriesRecord(serializedBytes: body), db)
        case .closing: try self.applyClosing(ProtoClosingRecord(serializedBytes: body), db)
        case .statement:
            let message = try ProtoStatementRecord(serializedBytes: body)
            let statement = try SignedStatement(trusted: [UInt8](message.statement))
            try self.applyStatement(message, statement, record.id, db)
        case .intent: try self.applyIntent(ProtoIntentRecord(serializedBytes: body), db)
        case .landed: try self.applyLanded(ProtoLandedRecord(serializedBytes: body), db)
        case .evict: try self.applyEvict(ProtoEvictRecord(serializedBytes: body), db)
        case .note: try self.applyNote(ProtoNoteRecord(serializedBytes: body), db)
        case .task: try self.applyTask(ProtoTaskRecord(serializedBytes: body), db)
        case .peer:
            try self.applyPeer(ProtoPeerRecord(serializedBytes: body), db)
        case .end: try self.applyEnd(ProtoEndRecord(serializedBytes: body), db)
        }
    }

    private func applyOpening(_ message: ProtoOpeningRecord, _ db: Database) throws {
        let opening = try SignedOpening(
            bytes: [UInt8](message.opening),
            signature: [UInt8](message.signature)
        )
        try self.insertParcel(
            opening.opening,
            id: opening.id,
            bytes: message.opening,
            signature: message.signature,
            giver: message.giver,
            stamp: message.stamp,
            isInSource: message.inSource,
            state: .arriving,
            at: message.at,
            db
        )
    }

    /// What a small parcel has from the start.
    private struct SmallContent {
        let closing: Data
        let passage: Data
        let location: BodyLocation
    }

    private func applySmall(
        _ message: ProtoSmallRecord,
        _ opening: SignedOpening,
        at location: BodyLocation,
        _ db: Database
    ) throws {
        let content = SmallContent(
            closing: message.closing,
            passage: Self.encodePassage(message.passage),
            location: location
        )
        let isNew = try self.insertParcel(
            opening.opening,
            id: opening.id,
            bytes: message.opening,
            signature: message.signature,
            giver: message.giver,
            stamp: message.stamp,
            small: content,
            state: message.giver.isEmpty ? .held : .arriving,
            at: message.at,
            db
        )
        guard !isNew else { return }
        // A copy that arrives again heals a damaged one; a parcel that has moved on needs none.
        try db.run(
            """
            UPDATE parcel SET closing = ?, passage = CASE WHEN closing IS NULL THEN ? ELSE passage
                END, closed_at = ifnull(closed_at, ?),
                held_at = CASE WHEN giver IS NULL THEN ifnull(held_at, ?) ELSE held_at END,
                body_segment = ?, body_offset = ?, body_length = ?, is_damaged = 0
            WHERE parcel_id = ? AND state IN ('arriving', 'held')
            """,
            [
                content.closing, content.passage, message.at, message.at,
                Int64(location.segment.rawValue), Int64(bitPattern: location.offset),
                Int64(location.length), Data(opening.id.bytes),
            ]
        )
    }

    /// Enters a parcel, unless it is there already.
    ///
    /// - Returns: Whether it was not.
    @discardableResult
    private func insertParcel(
        _ opening: Opening,
        id: ParcelID,
        bytes: Data,
        signature: Data,
        giver: String,
        stamp: Data,
        isInSource: Bool = false,
        small: SmallContent? = nil,
        state: ParcelState,
        at: Int64,
        _ db: Database
    ) throws -> Bool {
        try db.run(
            """
            INSERT OR IGNORE INTO parcel (parcel_id, origin, flow, incarnation_number,
                incarnation_random, sequence, collector, class, size, path, giver, stamp,
                opening, opening_signature, passage, is_small, state, arrived_at, modified,
                closing, closed_at, held_at, body_segment, body_offset, body_length, is_onward,
                is_in_source)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                Data(id.bytes), opening.origin.text, opening.flow.text,
                Int64(bitPattern: opening.incarnation.number),
                Int64(bitPattern: opening.incarnation.random),
                Int64(bitPattern: opening.sequence.rawValue), opening.collector.text,
                Int64(opening.parcelClass), opening.size.rawValue, Data(opening.path),
                giver.isEmpty ? nil : giver, stamp.isEmpty ? nil : stamp, bytes, signature,
                small?.passage ?? Data(), small == nil ? 0 : 1, state.rawValue, at,
                opening.modified, small?.closing, small == nil ? nil : at,
                small != nil && giver.isEmpty ? at : nil,
                (small?.location.segment.rawValue).map { Int64($0) },
                (small?.location.offset).map { Int64(bitPattern: $0) },
                (small?.location.length).map { Int64($0) },
                opening.collector == self.node ? 0 : 1, isInSource ? 1 : 0,
            ]
        )
        let isNew = db.changesCount > 0
        guard giver.isEmpty, !stamp.isEmpty else { return isNew }
        let number =
            try isNew
            ? db.lastInsertedRowID
            : db.first("SELECT number FROM parcel WHERE parcel_id = ?", [Data(id.bytes)]) {
                $0.integer(0)
            }
        try db.run(
            """
            INSERT INTO source_file (flow, path, stamp, parcel) VALUES (?, ?, ?, ?)
            ON CONFLICT (flow, path) DO UPDATE SET stamp = excluded.stamp,
                parcel = excluded.parcel,
                attempts = CASE WHEN source_file.stamp = x'' THEN source_file.attempts ELSE 0 END
            """,
            [opening.flow.text, Data(opening.path), stamp, number]
        )
        return isNew
    }

    private func applyAdmission(_ message: ProtoAdmissionRecord, _ db: Database) throws {
        try db.run(
            """
            UPDATE parcel SET reserved = ?, giver = ?, mode = ?, next_hop = ?,
                state = CASE WHEN state = 'passed' THEN 'arriving' ELSE state END
            WHERE parcel_id = ?
            """,
            [
                Int64(bitPattern: message.reserved), message.giver, Int64(message.mode),
                message.nextHop.isEmpty ? nil : message.nextHop, message.parcelID,
            ]
        )
        guard message.mode == UInt32(AdmissionMode.whole.rawValue) else { return }
        // What it gave up while it only went through it needs again.
        try self.needAgain(message.parcelID, db)
    }

    /// A parcel needs what it gave up, unless its landing's file has it.
    private func needAgain(_ parcelID: Data, _ db: Database) throws {
        try db.run(
            """
            UPDATE entry SET is_passed = 0 WHERE is_passed = 1
                AND parcel = (SELECT number FROM parcel WHERE parcel_id = ?1)
                AND NOT EXISTS (SELECT 1 FROM intent WHERE parcel_id = ?1)
            """,
            [parcelID]
        )
    }

    private func applyEntries(_ message: ProtoEntriesRecord, _ db: Database) throws {
        guard let parcel = try self.live(message.parcelID, db) else { return }
        // What the source stands for needs no blob, and takes none out of the cache.
        let isInSource =
            try db.first("SELECT is_in_source FROM parcel WHERE number = ?", [parcel]) {
                $0.bool(0)
            } ?? false
        let encoded = [UInt8](message.entries)
        var number = Int64(bitPattern: message.first)
        for start in stride(from: 0, to: encoded.count, by: Entry.encodedByteCount) {
            let entry = encoded[start..<min(start + Entry.encodedByteCount, encoded.count)]
            try db.run(
                """
                INSERT OR IGNORE INTO entry (parcel, number, blob_id, encoded, is_passed)
                VALUES (?, ?, ?, ?, ?)
                """,
                [
                    parcel, number, Data(entry.prefix(Digest.byteCount)), Data(entry),
                    isInSource ? 1 : 0,
                ]
            )
            if !isInSource { try self.takeFromCache(Data(entry.prefix(Digest.byteCount)), db) }
            number += 1
        }
        try db.run(
            """
            UPDATE parcel SET entries_known = max(entries_known, ?)
            WHERE number = ? AND entries_known >= ?
            """,
            [number, parcel, Int64(bitPattern: message.first)]
        )
    }

    private func applyClosing(_ message: ProtoClosingRecord, _ db: Database) throws {
        // What the origin has closed it can reproduce, so it is custodian; others must first say so.
        try db.run(
            """
            UPDATE parcel SET
                passage = CASE WHEN closing IS NULL THEN ? ELSE passage END,
                closing = ifnull(closing, ?),
                closing_signature = ifnull(closing_signature, ?),
                closed_at = ifnull(closed_at, ?),
                held_at = CASE WHEN giver IS NULL THEN ifnull(held_at, ?) ELSE held_at END,
                is_damaged = CASE WHEN giver IS NULL THEN 0 ELSE is_damaged END,
                state = CASE WHEN giver IS NULL AND state = 'arriving' THEN 'held' ELSE state END
            WHERE parcel_id = ?
            """,
            [
                Self.encodePassage(message.passage), message.closing, message.signature,
                message.at, message.at, message.parcelID,
            ]
        )
    }

    private func applyIntent(_ message: ProtoIntentRecord, _ db: Database) throws {
        guard !message.temporary.isEmpty else {
            try db.run("DELETE FROM intent WHERE parcel_id = ?", [message.parcelID])
            return try self.needAgain(message.parcelID, db)
        }
        // One that has ended meanwhile does not land.
        guard try self.live(message.parcelID, db) != nil else { return }
        try db.run(
            """
            INSERT OR REPLACE INTO intent (parcel_id, temporary_path, device, inode, final_path)
            VALUES (?, ?, ?, ?, ?)
            """,
            [
                message.parcelID, message.temporary, Int64(bitPattern: message.device),
                Int64(bitPattern: message.inode), message.final,
            ]
        )
    }

    private func applyLanded(_ message: ProtoLandedRecord, _ db: Database) throws {
        try db.run("DELETE FROM intent WHERE parcel_id = ?", [message.parcelID])
        try db.run(
            """
            INSERT INTO landed (origin, flow, path, landed_path, incarnation_number,
                incarnation_random, sequence, digest, size, at)
            SELECT origin, flow, path, ?, incarnation_number, incarnation_random, sequence, ?, ?, ?
            FROM parcel WHERE parcel_id = ?
            ON CONFLICT (origin, flow, path) DO UPDATE SET
                landed_path = excluded.landed_path,
                incarnation_number = excluded.incarnation_number,
                incarnation_random = excluded.incarnation_random,
                sequence = excluded.sequence, digest = excluded.digest, size = excluded.size,
                at = excluded.at
            WHERE (excluded.incarnation_number, excluded.sequence)
                > (landed.incarnation_number, landed.sequence)
            """,
            [
                message.path, message.digest, Int64(bitPattern: message.size), message.at,
                message.parcelID,
            ]
        )
    }

    /// Forgets a parcel that was never held here: as if it had not been offered.
    private func applyEnd(_ message: ProtoEndRecord, _ db: Database) throws {
        guard message.state != "passed" else {
            return try db.run(
                """
                UPDATE parcel SET state = 'passed', is_damaged = 0
                WHERE parcel_id = ? AND giver IS NULL AND state = 'held' AND is_damaged = 1
                """,
                [message.parcelID]
            )
        }
        let number = try db.first(
            """
            SELECT number FROM parcel
            WHERE parcel_id = ? AND state = 'arriving' AND giver IS NOT NULL
            """,
            [message.parcelID]
        ) { $0.integer(0) }
        guard let parcel = number else { return }
        try self.release(parcel, db)
        try db.run("DELETE FROM intent WHERE parcel_id = ?", [message.parcelID])
        try db.run("DELETE FROM parcel_statement WHERE parcel = ?", [parcel])
        try db.run("DELETE FROM parcel WHERE number = ?", [parcel])
    }

    private func applyNote(_ message: ProtoNoteRecord, _ db: Database) throws {
        if !message.tally.isEmpty || !message.inquiry.isEmpty {
            return try self.applyWord(message, db)
        }
        for bytes in message.statements {
            guard let digest = Digest(bytes) else { continue }
            if message.isForward {
                try self.post(
                    digest,
                    to: message.neighbour,
                    by: message.firstChoice.isEmpty ? nil : message.firstChoice,
                    at: message.at,
                    db
                )
            } else {
                let isNear = message.destination.isEmpty
                try self.strike(digest, for: isNear ? message.neighbour : message.destination, db)
            }
        }
    }

    private func applyTask(_ message: ProtoTaskRecord, _ db: Database) throws {
        if message.kind == SpoolTask.hold {
            return try db.run(
                "UPDATE parcel SET is_held_back = ? WHERE parcel_id = ?",
                [message.finished ? 0 : 1, message.body]
            )
        }
        if message.finished {
            try db.run("DELETE FROM task WHERE id = ?", [Int64(bitPattern: message.id)])
        } else {
            try db.run(
                "INSERT OR REPLACE INTO task (id, kind, body) VALUES (?, ?, ?)",
                [Int64(bitPattern: message.id), message.kind, message.body]
            )
        }
    }

    /// The local number of a parcel whose content still matters here.
    func live(_ id: Data, _ db: Database) throws -> Int64? {
        try db.first(
            "SELECT number FROM parcel WHERE parcel_id = ? AND state IN ('arriving', 'held')",
            [id]
        ) { $0.integer(0) }
    }

    static func encodePassage(_ lines: [Data]) -> Data {
        var bytes: [UInt8] = []
        for line in lines {
            bytes.append(UInt8(truncatingIfNeeded: line.count >> 8))
            bytes.append(UInt8(truncatingIfNeeded: line.count))
            bytes += line
        }
        return Data(bytes)
    }

    static func decodePassage(_ bytes: [UInt8]) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var rest = bytes[...]
        while rest.count >= 2 {
            let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            lines.append(Array(rest.dropFirst(2).prefix(length)))
            rest = rest.dropFirst(2 + length)
        }
        return lines
    }
}
