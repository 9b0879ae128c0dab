import MeshModel

/// The index stands for more than the log holds.
struct IndexAhead: Error {
    var position: LogPosition
}

/// Walks the log from a position on, cuts off its torn end and tells the index what it missed.
///
/// A place that does not verify is *torn* if it may never have been durable, and *damaged* if a
/// later record says that it was, see ``LogHeader/synced``. The log ends at the first torn place:
/// whatever lies behind it was not acknowledged either. Damaged places are skipped and reported.
final class LogReplay {
    private let files: SegmentFiles
    private let index: any LogIndex
    private let mark: UInt32?
    /// What the index stands for; `nil` when it is empty.
    private let start: LogPosition?
    /// Whether the index must not stand for more than the log: see ``IndexAhead``.
    private let isStrict: Bool

    /// The segments still there.
    private(set) var segments: [SegmentNumber]
    /// Where the log ends.
    private(set) var tail: LogPosition
    private(set) var recovery: Recovery
    /// Whether a record was seen at all.
    private(set) var sawRecords = false

    /// Blobs whose bytes do not verify: punched because a later record releases them, or damaged.
    private var suspects: [SegmentNumber: [(id: Digest, offset: UInt64)]] = [:]
    /// Everything before it, in the segment that is walked, is known to have been durable.
    private var provenBefore: UInt64 = 0
    private var batch: [LoggedRecord] = []
    private var batchBytes = 0
    private static let batchRecordsMax = 4_096
    private static let batchBytesMax = 8 << 20

    init(
        _ files: SegmentFiles,
        segments: [SegmentNumber],
        mark: UInt32?,
        into index: any LogIndex,
        from start: LogPosition?,
        isStrict: Bool,
        recovery: Recovery
    ) {
        self.files = files
        self.segments = segments
        self.mark = mark
        self.index = index
        self.start = start
        self.isStrict = isStrict
        self.recovery = recovery
        self.tail = start ?? LogPosition(segment: SegmentNumber(0), offset: 0)
    }

    /// Replays everything after the start.
    func run() throws {
        let range = self.segments.filter { $0 >= self.tail.segment }
        try self.makeDurable(range)
        if let start = self.start, range.first != start.segment {
            let follows = try range.first.flatMap { try self.scanner($0).head()?.head.continues }
            if follows != start { try self.reportAhead(at: start) }
        }
        for (index, number) in range.enumerated() {
            guard try self.walk(number, later: Array(range[(index + 1)...])) else { break }
        }
        try self.flush()
        try self.judgeSuspects()
    }

    /// What is replayed counts as durable: let it be so, and read what the device holds.
    ///
    /// After a failed sync the cache may hold pages that are clean and yet were never written;
    /// after a killed process it holds pages that are good and not written yet. Sync first, then
    /// forget.
    private func makeDurable(_ range: [SegmentNumber]) throws {
        for number in range {
            let file = try self.files.file(number)
            do {
                try file.syncAll()
                try file.forgetCached()
            } catch {
                throw SpoolError.diskFailed(doing: "sync segment \(number.rawValue)", cause: error)
            }
        }
    }

    /// Walks one segment; `false` when the log ends within it or before it.
    private func walk(_ number: SegmentNumber, later: [SegmentNumber]) throws -> Bool {
        let scanner = try self.scanner(number)
        guard try self.enter(scanner, later: later) else { return false }
        var isComplete = true
        self.provenBefore = 0
        if let next = try later.first.flatMap({ try self.scanner($0).head()?.head }),
            next.continues.segment == number
        {
            isComplete = scanner.setEnd(next.continues.offset)
        }
        var offset = SegmentHead.byteCount
        var delivers = number != self.start?.segment
        while true {
            if let start = self.start, !delivers, offset >= start.offset {
                if offset > start.offset { try self.reportAhead(at: start) }
                delivers = true
            }
            let finding = try scanner.look(at: offset)
            if case .record(let header, let next) = finding {
                self.sawRecords = true
                if delivers { try self.deliver(header, scanner, offset, next) }
                offset = next
                continue
            }
            if case .end = finding, isComplete { break }
            if offset >= self.provenBefore, !self.isBeforeStart(number, offset) {
                let evidence = try self.evidence(
                    scanner,
                    from: offset,
                    synced: offset,
                    later: later
                )
                guard evidence.isDurable else {
                    try self.cut(scanner, at: offset, evidence, later: later)
                    return false
                }
                self.provenBefore = evidence.provenBefore
            }
            if case .badBody(let header, let next) = finding,
                header.kind == RecordKind.blob.rawValue
            {
                try self.suspect(header, scanner, offset, next, delivers: delivers)
                offset = next
                continue
            }
            guard let next = try self.skip(finding, scanner, offset) else { break }
            offset = next
        }
        if let start = self.start, !delivers, offset < start.offset {
            try self.reportAhead(at: start)
        }
        try self.leave(scanner, at: offset, isTorn: false)
        return true
    }

    /// Judges a segment's head; `false` when the log ends before it.
    private func enter(_ scanner: LogScanner, later: [SegmentNumber]) throws -> Bool {
        let number = scanner.number
        let found = try scanner.head()
        if let found, number == self.start?.segment || found.head.continues == self.tail {
            return true
        }
        // Without a head, its own durability is in question; with one that continues something
        // else, the durability of what it continues.
        let synced: UInt64 = found == nil ? 8 : 0
        var evidence = try self.evidence(
            scanner,
            from: SegmentHead.byteCount,
            synced: synced,
            later: later
        )
        if let found, found.header.synced > 0 { evidence.isDurable = true }
        guard evidence.isDurable || self.isBeforeStart(number, 0) else {
            try self.cut(scanner, at: 0, evidence, later: later)
            return false
        }
        if found == nil {
            self.report(.head, number, 0)
        } else if self.start == nil, self.tail.segment == SegmentNumber(0) {
            self.report(.historyMissing, number, 0)
        } else {
            self.report(.missing, self.tail.segment, self.tail.offset)
        }
        return true
    }

    /// Reports a damaged place and says where to go on; `nil` at the segment's end.
    private func skip(
        _ finding: LogScanner.Finding,
        _ scanner: LogScanner,
        _ offset: UInt64
    ) throws -> UInt64? {
        let number = scanner.number
        switch finding {
        case .record(_, let next): return next
        case .badBody(let header, let next):
            self.report(
                .body,
                number,
                offset,
                kind: RecordKind(rawValue: header.kind),
                id: header.id
            )
            return next
        case .bad:
            self.report(.header, number, offset)
            let next = try scanner.resynchronise(after: offset) ?? scanner.end
            // Where the index stands is a boundary, whatever the bytes there look like.
            guard let start = self.start, start.segment == number, offset < start.offset else {
                return next
            }
            return min(next, start.offset)
        case .end:
            self.report(.missing, number, offset)
            return nil
        }
    }

    /// Gives back the room behind a segment's last record, and there a torn end if there is one.
    private func leave(_ scanner: LogScanner, at offset: UInt64, isTorn: Bool) throws {
        self.tail = LogPosition(segment: scanner.number, offset: offset)
        for block in scanner.unreadable { self.report(.unreadable, scanner.number, block) }
        // A device with bad blocks is not asked for more.
        guard scanner.unreadable.isEmpty, try scanner.file.size() > offset else { return }
        if !isTorn, let block = try self.scanner(scanner.number).firstNonZero(from: offset) {
            // Nothing writes behind the end that the next segment's head tells. Whatever it is, it
            // is not ours to destroy.
            self.report(.header, scanner.number, block)
            return
        }
        try scanner.file.truncate(to: offset)
        try scanner.file.syncAll()
    }

    private func deliver(
        _ header: LogHeader,
        _ scanner: LogScanner,
        _ offset: UInt64,
        _ next: UInt64,
        isIntact: Bool = true
    ) throws {
        guard let kind = RecordKind(rawValue: header.kind) else { return }
        let location = BodyLocation(
            segment: scanner.number,
            offset: offset + UInt64(LogHeader.byteCount),
            length: UInt32(header.bodyLength)
        )
        let body = kind == .blob ? nil : try scanner.body(of: header, at: offset)
        var record = LoggedRecord(kind: kind, id: header.id, location: location, body: body)
        record.isIntact = isIntact
        self.batch.append(record)
        self.batchBytes += body?.count ?? 0
        self.tail = LogPosition(segment: scanner.number, offset: next)
        self.recovery.replayed += 1
        if self.batch.count >= Self.batchRecordsMax || self.batchBytes >= Self.batchBytesMax {
            try self.flush()
        }
    }

    private func flush() throws {
        guard !self.batch.isEmpty else { return }
        do {
            try self.index.apply(self.batch, reaching: self.tail)
        } catch let error as DiskError where error.isNoRoom {
            throw error
        } catch {
            throw SpoolError.indexFailed(doing: "apply the log", cause: error)
        }
        self.batch.removeAll(keepingCapacity: true)
        self.batchBytes = 0
    }

    private func scanner(_ number: SegmentNumber) throws -> LogScanner {
        try LogScanner(number, file: try self.files.file(number), mark: self.mark)
    }
}

// What does not verify.
extension LogReplay {
    /// Tells the index of a blob with bad bytes all the same: whether it was given up or is missed
    /// is known when everything after it has been told, too.
    private func suspect(
        _ header: LogHeader,
        _ scanner: LogScanner,
        _ offset: UInt64,
        _ next: UInt64,
        delivers: Bool
    ) throws {
        self.suspects[scanner.number, default: []].append((header.id, offset))
        if delivers { try self.deliver(header, scanner, offset, next, isIntact: false) }
    }

    /// Reports the bad blobs that somebody needs.
    private func judgeSuspects() throws {
        for (number, found) in self.suspects.sorted(by: { $0.key < $1.key }) {
            let needed: Set<UInt64>
            do {
                needed = try self.index.bodies(in: number, includingCached: false)
            } catch {
                throw SpoolError.indexFailed(doing: "tell what it needs", cause: error)
            }
            for (id, offset) in found
            where needed.contains(offset + UInt64(LogHeader.byteCount)) {
                self.report(.body, number, offset, kind: .blob, id: id)
                self.recovery.lostBlobs.append(BlobID(id))
            }
        }
    }

    private func evidence(
        _ scanner: LogScanner,
        from offset: UInt64,
        synced: UInt64,
        later: [SegmentNumber]
    ) throws -> LogScanner.Evidence {
        var evidence = try scanner.evidence(from: offset, synced: synced)
        for number in later where !evidence.isDurable {
            let scanner = try self.scanner(number)
            if let found = try scanner.head(), found.header.synced > 0 {
                evidence.isDurable = true
            } else {
                evidence.isDurable =
                    try scanner.evidence(from: SegmentHead.byteCount, synced: 0).isDurable
            }
            evidence.provenBefore = .max
        }
        return evidence
    }

    /// The index learns of nothing that is not durable.
    private func isBeforeStart(_ number: SegmentNumber, _ offset: UInt64) -> Bool {
        guard let start = self.start else { return false }
        return LogPosition(segment: number, offset: offset) < start
    }

    private func report(
        _ what: Recovery.Damage.What,
        _ segment: SegmentNumber,
        _ offset: UInt64,
        kind: RecordKind? = nil,
        id: Digest? = nil
    ) {
        self.recovery.damage.append(
            Recovery.Damage(
                segment: segment,
                offset: offset,
                what: what,
                kind: kind,
                id: id
            )
        )
        if !self.isStrict || !self.isBeforeStart(segment, offset) {
            self.recovery.isHistoryDamaged = true
        }
    }

    private func reportAhead(at position: LogPosition) throws {
        if self.isStrict { throw IndexAhead(position: position) }
        self.report(.indexAhead, position.segment, position.offset)
    }

    /// Ends the log at a torn place, keeping aside what still reads like records.
    ///
    /// Newest first, so that another crash leaves a log that ends in the same place.
    private func cut(
        _ scanner: LogScanner,
        at offset: UInt64,
        _ evidence: LogScanner.Evidence,
        later: [SegmentNumber]
    ) throws {
        for number in later.reversed() { try self.remove(try self.scanner(number)) }
        if offset == 0 {
            try self.remove(scanner)
        } else {
            let end = max(evidence.recordsEnd ?? 0, try scanner.contentEnd(from: offset))
            self.recovery.cutBytes += end - offset
            if evidence.recordsEnd != nil {
                try self.keep(scanner, from: offset, to: end)
            }
            try self.leave(scanner, at: offset, isTorn: true)
        }
        try self.files.disk.syncDirectory(self.files.log)
    }

    /// Takes a segment that was never acknowledged out of the log.
    private func remove(_ scanner: LogScanner) throws {
        let end = try scanner.contentEnd(from: 0)
        self.recovery.cutBytes += end
        if try scanner.evidence(from: SegmentHead.byteCount, synced: .max).recordsEnd != nil {
            try self.keep(scanner, from: 0, to: end)
        }
        try self.files.disk.unlink(self.files.path(scanner.number))
        self.files.forget(scanner.number)
        self.segments.removeAll { $0 == scanner.number }
    }

    private func keep(_ scanner: LogScanner, from offset: UInt64, to end: UInt64) throws {
        let name = "\(SegmentFiles.name(scanner.number)).\(offset).cut"
        try self.files.copyAside(scanner.file, from: offset, to: end, name: name)
        try self.files.pruneQuarantine(suffix: ".cut", keeping: 4)
    }
}
