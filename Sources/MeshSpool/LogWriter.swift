import MeshModel

/// The end of the log: where records go, and what of it is not durable yet.
///
/// A value behind the spool's lock; every call holds it. It takes segments and blocks, but the
/// committer is who writes: see ``LogStretch``.
struct LogWriter: Sendable {
    /// A segment that takes records.
    struct OpenSegment: Sendable {
        var number: SegmentNumber
        var file: any DiskFile
        var continues: LogPosition
        /// Where the next record goes, in bytes.
        var end: UInt64
        /// How far the file has blocks, in bytes.
        var allocated: UInt64 = 0
    }

    /// A segment with bytes, or a name, that are not durable.
    struct DirtySegment: Sendable {
        var number: SegmentNumber
        var file: any DiskFile
        var continues: LogPosition
        var isNew: Bool
    }

    /// A segment that takes no more records, and the room that it took in advance.
    struct FullSegment: Sendable {
        var number: SegmentNumber
        var file: any DiskFile
        var end: UInt64
    }

    let files: SegmentFiles
    let segmentBytes: UInt64
    let mark: UInt32
    let node: NodeName
    let incarnation: Incarnation

    var open: OpenSegment?
    /// Where the log ends.
    var tail: LogPosition
    /// The number of the next segment.
    var next: UInt32
    /// Everything before it is durable in the log.
    var synced: LogPosition
    /// What a commit must sync, in the order of the log.
    var dirty: [DirtySegment] = []
    /// What a commit may trim.
    var full: [FullSegment] = []

    /// A stretch of records that goes into one segment.
    private struct Stretch {
        var records: Range<Int>
        var bytes: UInt64
        var isNew: Bool
    }

    /// Finds the places of records at the end of the log: where their bodies will lie.
    ///
    /// Segments and blocks that are needed are taken here, so that a full disk refuses all of the
    /// records or none.
    ///
    /// - Throws: ``SpoolError`` with `no_room` or `unavailable`, and nothing happened; or, with
    ///   `disk_failed`, the spool must stop.
    mutating func place(_ records: [LogRecord]) throws(SpoolError) -> [BodyLocation] {
        let plan = self.plan(records)
        var segments = try self.make(plan)
        var locations: [BodyLocation] = []
        locations.reserveCapacity(records.count)
        for stretch in plan {
            if stretch.isNew { self.turn(to: segments.removeFirst()) }
            guard var segment = self.open else { continue }
            for record in records[stretch.records] {
                let length = UInt64(record.body.count)
                locations.append(
                    BodyLocation(
                        segment: segment.number,
                        offset: segment.end + UInt64(LogHeader.byteCount),
                        length: UInt32(length)
                    )
                )
                segment.end += LogHeader.recordBytes(body: length)
            }
            self.open = segment
            self.tail = LogPosition(segment: segment.number, offset: segment.end)
            if self.dirty.last?.number != segment.number {
                self.dirty.append(
                    DirtySegment(
                        number: segment.number,
                        file: segment.file,
                        continues: segment.continues,
                        isNew: false
                    )
                )
            }
        }
        return locations
    }

    private func plan(_ records: [LogRecord]) -> [Stretch] {
        var plan: [Stretch] = []
        var end = self.open?.end ?? UInt64.max / 2
        for (index, record) in records.enumerated() {
            let bytes = LogHeader.recordBytes(body: UInt64(record.body.count))
            // A segment that has no record yet takes one of any size.
            let fits = end + bytes <= self.segmentBytes || end == SegmentHead.byteCount
            if !fits {
                plan.append(Stretch(records: index..<index, bytes: 0, isNew: true))
                end = SegmentHead.byteCount
            } else if plan.isEmpty {
                plan.append(Stretch(records: index..<index, bytes: 0, isNew: false))
            }
            plan[plan.count - 1].records = plan[plan.count - 1].records.lowerBound..<index + 1
            plan[plan.count - 1].bytes += bytes
            end += bytes
        }
        return plan
    }

    /// Makes the segments that a plan needs; all of them, or none.
    private mutating func make(_ plan: [Stretch]) throws(SpoolError) -> [OpenSegment] {
        var made: [OpenSegment] = []
        var continues = self.tail
        for stretch in plan {
            if !stretch.isNew, var open = self.open {
                // Goes into the segment that is open, before any new one.
                do { try self.allocate(stretch.bytes, in: &open) } catch {
                    throw Self.refused("lengthen", open.number, stretch.bytes, error)
                }
                self.open = open
                continues.offset += stretch.bytes
                continue
            }
            let number = SegmentNumber(self.next)
            // Not used again even if it fails: a name may come back after a crash.
            self.next += 1
            do {
                let file = try self.files.disk.create(self.files.path(number))
                var segment = OpenSegment(
                    number: number,
                    file: file,
                    continues: continues,
                    end: SegmentHead.byteCount
                )
                made.append(segment)
                try self.allocate(stretch.bytes, in: &segment)
                made[made.count - 1] = segment
                let head = SegmentHead(
                    number: number,
                    node: self.node,
                    incarnation: self.incarnation,
                    continues: continues
                ).encoded(
                    mark: self.mark,
                    synced: self.synced.units(in: number, continuing: continues)
                )
                try head.withUnsafeBytes { try file.write($0, at: 0) }
            } catch {
                try self.unmake(made)
                throw Self.refused("make", number, stretch.bytes, error)
            }
            continues = LogPosition(
                segment: number,
                offset: SegmentHead.byteCount + stretch.bytes
            )
        }
        return made
    }

    /// Takes blocks for what is about to be written, and for some more.
    ///
    /// Step by step: a whole segment at once would hold up everything else while the file system
    /// looks for it.
    private func allocate(_ bytes: UInt64, in segment: inout OpenSegment) throws {
        let needed = segment.end + bytes
        guard needed > segment.allocated else { return }
        let ahead = max(needed, min(needed + Self.allocatedAheadBytes, self.segmentBytes))
        do {
            try segment.file.allocate(segment.allocated..<ahead)
            segment.allocated = ahead
        } catch let error as DiskError where error.isNoRoom && ahead > needed {
            try segment.file.allocate(segment.allocated..<needed)
            segment.allocated = needed
        }
    }

    private static func refused(
        _ what: String,
        _ segment: SegmentNumber,
        _ bytes: UInt64,
        _ error: any Error
    ) -> SpoolError {
        if let error = error as? DiskError, error.isNoRoom {
            return .noRoom(for: bytes, cause: error)
        }
        return .unavailable(doing: "\(what) segment \(segment.rawValue)", cause: error)
    }

    /// An unused segment that came back after a crash would break the chain of the log.
    private func unmake(_ segments: [OpenSegment]) throws(SpoolError) {
        guard !segments.isEmpty else { return }
        do {
            for segment in segments {
                try self.files.disk.unlink(self.files.path(segment.number))
            }
            try self.files.disk.syncDirectory(self.files.log)
        } catch {
            throw .diskFailed(doing: "remove an unused segment", cause: error)
        }
    }

    /// Makes a new segment the one that takes records.
    private mutating func turn(to segment: OpenSegment) {
        if let old = self.open {
            self.full.append(FullSegment(number: old.number, file: old.file, end: old.end))
        }
        self.files.remember(segment.file, segment.number)
        self.open = segment
        self.dirty.append(
            DirtySegment(
                number: segment.number,
                file: segment.file,
                continues: segment.continues,
                isNew: true
            )
        )
    }

    private static let allocatedAheadBytes: UInt64 = 4 << 20
}

extension LogPosition {
    /// How much of a segment is durable if everything before here is: see ``LogHeader/synced``.
    func units(in segment: SegmentNumber, continuing end: LogPosition) -> UInt32 {
        if self.segment == segment { return UInt32(self.offset / 8) }
        return self >= end ? 1 : 0
    }
}

/// Records that lie one after the other in one segment, on their way to the disk.
struct LogStretch {
    let records: ArraySlice<PlacedRecord>
    let mark: UInt32
    /// How much of the segment is known to be durable: see ``LogHeader/synced``.
    let synced: UInt32

    /// Writes them; nothing is durable before a sync.
    func write(to file: any DiskFile) throws {
        guard let first = self.records.first else { return }
        var staged: [UInt8] = []
        var stagedAt = first.location.offset - UInt64(LogHeader.byteCount)
        func flush() throws {
            guard !staged.isEmpty else { return }
            try staged.withUnsafeBytes { try file.write($0, at: stagedAt) }
            stagedAt += UInt64(staged.count)
            staged.removeAll(keepingCapacity: true)
        }
        for record in self.records.lazy.map(\.record) {
            LogHeader(
                kind: record.kind.rawValue,
                bodyLength: UInt64(record.body.count),
                id: record.id,
                mark: self.mark,
                synced: self.synced,
                bodyChecksum: record.checksum
            ).encode(into: &staged)
            let padding = (8 - record.body.count % 8) % 8
            if record.body.count >= Self.directBytes {
                // Large bodies go as they are, without another copy.
                try flush()
                try record.body.withUnsafeBytes { try file.write($0, at: stagedAt) }
                stagedAt += UInt64(record.body.count)
            } else {
                staged += record.body
            }
            staged += repeatElement(0, count: padding)
            if staged.count >= Self.stagedBytesMax { try flush() }
        }
        try flush()
    }

    private static let directBytes = 32 << 10
    private static let stagedBytesMax = 256 << 10
}
