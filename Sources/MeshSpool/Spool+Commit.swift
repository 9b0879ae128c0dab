import MeshModel

// The committer: write and sync, then index, then publish. The order is the promise.
extension Spool {
    /// What one commit makes durable.
    private struct Group: Sendable {
        var records: [PlacedRecord]
        var dirty: [LogWriter.DirtySegment]
        var full: [LogWriter.FullSegment]
        var target: LogPosition
        /// What was durable before it.
        var synced: LogPosition
        var mark: UInt32
    }

    /// More records than this are told to the index in several transactions.
    private static let recordsPerTransactionMax = 4_096

    /// Commits group after group until the spool is closed or fails.
    func runCommitter() {
        while let group = self.nextGroup() {
            do {
                let vouched = try self.write(group)
                for step in self.options.commitSteps { try self.perform(step, group, vouched) }
                self.trim(group.full)
            } catch {
                let failure =
                    error as? SpoolError ?? .diskFailed(doing: "commit records", cause: error)
                self.state.withLock { $0.failure = $0.failure ?? failure }
                self.state.wake(.written)
            }
        }
        let failure = self.state.withLock { state -> SpoolError? in
            if let open = state.writer.open, state.failure == nil {
                // Only room that was taken in advance; recovery does the same if this is lost.
                try? open.file.truncate(to: open.end)
            }
            return state.failure
        }
        if let failure { self.events(.failed(failure)) }
        self.state.withLock { $0.isStopped = true }
        self.state.wake(.written)
        self.state.wake(.progress)
    }

    /// Waits for records; `nil` when there will be none, or none that could be believed.
    private func nextGroup() -> Group? {
        self.state.wait(on: .work) { state -> Group?? in
            if state.failure != nil { return .some(nil) }
            guard !state.pending.isEmpty else { return state.isClosing ? .some(nil) : nil }
            let group = Group(
                records: state.pending,
                dirty: state.writer.dirty,
                full: state.writer.full,
                target: state.writer.tail,
                synced: state.writer.synced,
                mark: state.writer.mark
            )
            state.pending = []
            state.writer.dirty = []
            state.writer.full = []
            return group
        }
    }

    private func perform(
        _ step: SpoolOptions.CommitStep,
        _ group: Group,
        _ vouched: SegmentNumber?
    ) throws {
        switch step {
        case .sync:
            try self.sync(group.dirty)
            self.state.withLock { state in
                state.writer.synced = group.target
                state.vouchedBefore = vouched ?? state.vouchedBefore
            }
        case .index:
            try self.apply(group)
        case .publish:
            self.state.withLock { $0.durable = group.target }
            self.state.wake(.progress)
            self.events(.durable(group.target))
            guard group.dirty.contains(where: \.isNew) else { return }
            let isCrowded = self.state.withLock { self.isCrowded($0) }
            if isCrowded { self.events(.crowded) }
        }
    }

    /// Writes a group.
    ///
    /// A write that fails half-way stops the spool: what is there of the records may be valid, and
    /// another record in their place could bring the rest of them back to life.
    ///
    /// - Returns: The last segment that has a header now which says that all segments before it
    ///   were durable. Once that header is durable itself, a replay never takes them for torn,
    ///   whatever became of the bodies in them.
    private func write(_ group: Group) throws -> SegmentNumber? {
        var vouched: SegmentNumber?
        var rest = group.records[...]
        for segment in group.dirty {
            let records = rest.prefix { $0.location.segment == segment.number }
            rest = rest.dropFirst(records.count)
            let synced = group.synced.units(in: segment.number, continuing: segment.continues)
            if synced > 0 { vouched = segment.number }
            do {
                try LogStretch(records: records, mark: group.mark, synced: synced)
                    .write(to: segment.file)
            } catch {
                throw SpoolError.stopped(
                    doing: "write segment \(segment.number.rawValue)",
                    cause: error
                )
            }
        }
        self.state.withLock { state in
            state.written = group.target
            state.unwrittenBytes -= group.records.reduce(0) { $0 + $1.record.memoryBytes }
        }
        self.state.wake(.written)
        return vouched
    }

    /// Makes a group durable: bytes, then names.
    ///
    /// A sync that fails is never repeated: the kernel may have dropped the very pages that it
    /// could not write.
    private func sync(_ dirty: [LogWriter.DirtySegment]) throws {
        do {
            for segment in dirty {
                if segment.isNew {
                    try segment.file.syncAll()
                } else {
                    try segment.file.syncData()
                }
            }
            if dirty.contains(where: \.isNew) {
                try self.files.disk.syncDirectory(self.files.log)
            }
        } catch {
            throw SpoolError.stopped(doing: "sync the log", cause: error)
        }
    }

    private func apply(_ group: Group) throws {
        do {
            var rest = group.records[...]
            while !rest.isEmpty {
                let records = rest.prefix(Self.recordsPerTransactionMax)
                rest = rest.dropFirst(records.count)
                try self.index.apply(
                    records.map(\.logged),
                    reaching: rest.first?.recordPosition ?? group.target
                )
            }
        } catch let error as DiskError where error.isNoRoom {
            throw SpoolError.noRoom(doing: "bring the index up to date", cause: error)
        } catch {
            throw SpoolError.indexFailed(doing: "apply the log", cause: error)
        }
    }

    /// Gives back the room that full segments took in advance, now that their bytes are durable.
    private func trim(_ full: [LogWriter.FullSegment]) {
        for segment in full {
            // Not worth failing for: recovery trims too, and the segment that follows says where
            // this one ends.
            try? segment.file.truncate(to: segment.end)
            let bytes = (try? segment.file.allocatedBytes()) ?? segment.end
            self.state.withLock { state in
                if state.fullBytes[segment.number] != nil {
                    state.fullBytes[segment.number] = bytes
                }
            }
        }
    }
}

extension PlacedRecord {
    /// Where the record begins: everything before it was appended earlier.
    var recordPosition: LogPosition {
        LogPosition(
            segment: self.location.segment,
            offset: self.location.offset - UInt64(LogHeader.byteCount)
        )
    }
}
