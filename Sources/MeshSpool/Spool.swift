package import MeshContent
package import MeshModel
import Synchronization

/// A node's durable store: the log, and the index that follows it.
///
/// Records are appended by any thread; one committer thread writes them in groups, makes them
/// durable, tells the index, and only then announces them. Nothing that asserts a record may
/// leave the node before the announcement reaches its position. A group is whatever was appended
/// while the last commit ran: there is no timer.
///
/// A spool that was opened must be closed: its committer holds it until then.
package final class Spool: Sendable {
    /// The index that follows this log: what the last call of `makeIndex` returned.
    package let index: any LogIndex

    let files: SegmentFiles
    let options: SpoolOptions
    let events: @Sendable (SpoolEvent) -> Void
    let state: Monitor<State>
    let fresh: Monitor<FreshBlobs>
    /// Its lock lets one maintenance run at a time.
    let upkeep: Mutex<Upkeep>

    /// What appenders and the committer share.
    struct State: Sendable {
        var writer: LogWriter
        /// What the committer has not taken up, in the order of the log.
        var pending: [PlacedRecord] = []
        /// Bytes of memory that hold what is not written, about.
        var unwrittenBytes = 0
        /// Everything before it is written.
        var written: LogPosition
        /// Everything before it is durable, known to the index and announced.
        var durable: LogPosition
        /// The blocks of each segment that takes no more records, in bytes.
        var fullBytes: [SegmentNumber: UInt64] = [:]
        /// A replay knows of all segments before this one that they were durable.
        var vouchedBefore = SegmentNumber(0)
        /// Bytes of released blobs, as of the last maintenance.
        var cachedBytes: UInt64 = 0
        /// What of them lies in full segments, so that evicting it gives room.
        var evictableBytes: UInt64 = 0
        /// Bytes appended since the newest snapshot, those of files left out.
        var stateBytes: UInt64 = 0
        var failure: SpoolError?
        var isClosing = false
        var isStopped = false
    }

    private init(
        _ files: SegmentFiles,
        _ options: SpoolOptions,
        _ found: LogRecovery.Outcome,
        events: @escaping @Sendable (SpoolEvent) -> Void
    ) throws {
        self.index = found.index
        self.files = files
        self.options = options
        self.events = events
        self.fresh = Monitor(FreshBlobs(bytesMax: options.freshBytes))
        self.upkeep = Mutex(Upkeep(snapshots: found.snapshots))
        let mark = found.mark ?? UInt32(truncatingIfNeeded: options.random.next())
        var state = State(
            writer: LogWriter(
                files: files,
                segmentBytes: options.effectiveSegmentBytes,
                mark: mark,
                node: options.node,
                incarnation: options.incarnation,
                tail: found.tail,
                next: found.next.rawValue,
                synced: found.tail
            ),
            written: found.tail,
            durable: found.tail
        )
        for number in found.segments {
            let bytes = try files.file(number).allocatedBytes()
            state.fullBytes[number] = bytes
            // Blobs and all: rather a snapshot too many after a restart.
            if number >= found.snapshots.last?.position.segment ?? SegmentNumber(0) {
                state.stateBytes += bytes
            }
        }
        self.state = Monitor(state)
    }

    /// Opens or makes a spool, repairs what a crash left, and brings the index up to date.
    ///
    /// The last segment is read past the page cache; a torn end is cut off; an index that is
    /// missing, unreadable or ahead of the log is moved to `quarantine/` and built anew from the
    /// newest snapshot and the log. Nothing is replayed before it is durable.
    ///
    /// - Parameters:
    ///   - directory: `<home>/spool`; made if it is not there.
    ///   - disk: The file system.
    ///   - makeIndex: Opens or makes the index at a path. Called again when the index must be
    ///     rebuilt; only the last one counts, see ``index``.
    ///   - options: See ``SpoolOptions``.
    ///   - events: Hears of progress and failure, on the committer's thread; must neither wait for
    ///     the spool, nor append to it or read from it, nor close it.
    /// - Returns: The spool, and what it found.
    /// - Throws: ``SpoolError``.
    package static func open(
        _ directory: String,
        disk: any Disk,
        index makeIndex: @escaping (_ path: String) throws -> any LogIndex,
        options: SpoolOptions,
        events: @escaping @Sendable (SpoolEvent) -> Void
    ) throws -> (Spool, Recovery) {
        let files = SegmentFiles(disk: disk, directory: directory)
        do {
            var recovery = LogRecovery(files, makeIndex: makeIndex)
            let found = try recovery.run()
            let spool = try Spool(files, options, found, events: events)
            try CommitterThread.start { spool.runCommitter() }
            if !found.recovery.lostBlobs.isEmpty { try spool.giveUp(found.recovery.lostBlobs) }
            return (spool, found.recovery)
        } catch let error as DiskError {
            throw error.isNoRoom
                ? SpoolError.noRoom(doing: "open the spool \(directory)", cause: error)
                : SpoolError.unavailable(doing: "open the spool \(directory)", cause: error)
        }
    }

    /// Appends records to the log, together and in order, without waiting for a sync.
    ///
    /// Waits only while more than `Limits.unwrittenBytesMax` are in memory that the committer has
    /// yet to write. Thread-safe. A crash before they are announced keeps some first ones of them, or none.
    ///
    /// - Returns: The position after the last of them; they are durable once it is announced.
    /// - Throws: ``SpoolError`` with `no_room`: nothing was appended; with `disk_failed`, which may
    ///   be about what was appended before: the node must stop.
    package func append(_ records: [LogRecord]) throws -> LogPosition {
        try self.appendLocated(records).position
    }

    /// Appends records, and tells where their bodies lie.
    ///
    /// A body may be read before it is durable; who reads it waits until it is written.
    package func appendLocated(
        _ records: [LogRecord]
    ) throws -> (position: LogPosition, locations: [BodyLocation]) {
        for record in records where record.body.count > LogRecord.bodyBytesMax {
            throw SpoolError.recordTooLong(record.body.count)
        }
        defer { self.state.wake(.work) }
        let appended = try self.state.wait(on: .written) { state in
            state.hasTooMuchToWrite ? nil : try state.append(records)
        }
        self.fresh.withLock { fresh in
            for record in records where record.kind == .blob {
                fresh.keep(BlobID(record.id), record.body)
            }
        }
        return appended
    }

    /// Keeps blobs in memory for a while that are in no log: ``freshBlob(_:)`` has them.
    package func keepFresh(_ blobs: [StoredBlob]) {
        self.fresh.withLock { fresh in for blob in blobs { fresh.keep(blob.id, blob.bytes) } }
    }

    /// Waits a little while somebody reads what is kept in memory and would soon come too late.
    ///
    /// For whoever writes as fast as it can, such as a capture. Where nobody reads, or from the disk
    /// only, it returns at once; it finds out by waiting once.
    ///
    /// - Returns: Whether it is not too fast, or no longer.
    @discardableResult
    package func pace(atMost time: Duration) -> Bool {
        let read = self.fresh.withLock { $0.read }
        if self.fresh.wait(on: .read, atMost: time, { !$0.isOutrun }) { return true }
        // Who read nothing all the while has gone.
        self.fresh.withLock { if time > .zero, $0.read == read { $0.forgetReader() } }
        return false
    }

    /// Blocks until everything before `position` is durable and known to the index.
    ///
    /// For tools and tests; the engine listens to ``SpoolEvent/durable(_:)``.
    package func wait(for position: LogPosition) throws {
        try self.state.wait(on: .progress) { state -> Void? in
            if state.durable >= position { return () }
            if let failure = state.failure { throw failure }
            return state.isStopped ? try { throw SpoolError.closed() }() : nil
        }
    }

    /// The position up to which everything is durable and known to the index.
    package var durablePosition: LogPosition { self.state.withLock { $0.durable } }

    /// What the log occupies: blocks of full segments, and what was appended to the open one.
    package var allocatedBytes: ByteCount {
        self.state.withLock { ByteCount(Int64($0.allocatedBytes)) }
    }

    /// Bytes of released blobs that are kept for other parcels, as of the last maintenance.
    package var cachedBytes: ByteCount {
        self.state.withLock { ByteCount(Int64($0.cachedBytes)) }
    }

    /// What may still be written: within the limit, and within the file system but for a reserve.
    ///
    /// The cache counts as free: maintenance evicts of it what is written for. Costs one `statvfs`.
    package var freeRoom: ByteCount {
        let (allocated, evictable, ahead) = self.state.withLock { state in
            let ahead = state.writer.open.map { $0.allocated - $0.end } ?? 0
            return (state.allocatedBytes, state.evictableBytes, ahead)
        }
        let evicted = Int64(allocated) - Int64(evictable)
        let limit = self.options.limit.rawValue - evicted
        guard let free = try? self.files.disk.freeBytes(self.files.log) else {
            return ByteCount(max(0, limit))
        }
        // The open segment has taken its blocks already.
        let room = Int64(clamping: free) + Int64(ahead) + Int64(evictable)
        return ByteCount(max(0, min(limit, room - Int64(self.options.reserveBytes))))
    }

    /// Commits what was appended, then stops; the index stays open.
    ///
    /// - Throws: What the spool failed with, if it did.
    package func close() throws {
        self.state.withLock { $0.isClosing = true }
        self.state.wake(.work)
        let failure = self.state.wait(on: .progress) { state -> SpoolError?? in
            state.isStopped ? .some(state.failure) : nil
        }
        if let failure { throw failure }
        // Saves the next start a replay; it is as safe without.
        _ = try? self.index.checkpoint()
    }
}

extension Spool.State {
    var allocatedBytes: UInt64 {
        self.fullBytes.values.reduce(0, +) + (self.writer.open?.end ?? 0)
    }

    /// Whether an append must wait; one that comes first never does, however long it is.
    fileprivate var hasTooMuchToWrite: Bool {
        self.unwrittenBytes > Limits.unwrittenBytesMax && self.failure == nil && !self.isClosing
    }

    /// Puts records at the end of the log and in the queue of the committer.
    fileprivate mutating func append(
        _ records: [LogRecord]
    ) throws -> (position: LogPosition, locations: [BodyLocation]) {
        if let failure = self.failure { throw failure }
        if self.isClosing { throw SpoolError.closed() }
        guard !records.isEmpty else { return (self.writer.tail, []) }
        let locations: [BodyLocation]
        do {
            locations = try self.writer.place(records)
        } catch {
            if error.code == .diskFailed { self.failure = error }
            throw error
        }
        self.pending.reserveCapacity(self.pending.count + records.count)
        for (record, location) in zip(records, locations) {
            self.pending.append(PlacedRecord(record: record, location: location))
            self.unwrittenBytes += record.memoryBytes
            self.stateBytes += LogHeader.recordBytes(body: UInt64(record.stateBytes))
        }
        for full in self.writer.full where self.fullBytes[full.number] == nil {
            self.fullBytes[full.number] = full.end
        }
        return (self.writer.tail, locations)
    }
}
