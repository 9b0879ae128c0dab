import MeshModel

/// Opens log, snapshots and index, and makes them agree: what ``Spool`` starts from.
struct LogRecovery {
    /// Where the log goes on.
    struct Outcome {
        var index: any LogIndex
        var recovery: Recovery
        /// The log's mark; `nil` for a new log.
        var mark: UInt32?
        var tail: LogPosition
        /// The number of the next segment; no position ever named it.
        var next: SegmentNumber
        var segments: [SegmentNumber]
        /// The snapshots that verify, oldest first.
        var snapshots: [SnapshotFile]
    }

    private let files: SegmentFiles
    private let makeIndex: (String) throws -> any LogIndex
    private var recovery = Recovery()

    init(_ files: SegmentFiles, makeIndex: @escaping (String) throws -> any LogIndex) {
        self.files = files
        self.makeIndex = makeIndex
    }

    /// Does all of it.
    mutating func run() throws -> Outcome {
        try self.files.makeDirectories()
        // A segment whose name is only in memory must not be replayed as if it were durable.
        try self.files.disk.syncDirectory(self.files.log)
        let segments = try self.files.list()
        let mark = try self.learnMark(segments)
        let snapshots = try self.loadSnapshots()
        let (index, position) = try self.openIndex()
        var used = segments + snapshots.map(\.position.segment)
        if let position { used.append(position.segment) }

        let (replay, kept) = try self.agree(index, position, segments, mark, snapshots)
        var recovery = replay.recovery
        recovery.isEmptyLog =
            snapshots.isEmpty && !replay.sawRecords && (position == nil || recovery.rebuiltIndex)
        let next = 1 + (used.map(\.rawValue).max() ?? 0)
        return Outcome(
            index: kept,
            recovery: recovery,
            mark: mark,
            tail: replay.tail,
            next: SegmentNumber(next),
            segments: replay.segments,
            snapshots: snapshots
        )
    }

    /// Replays into the index there is, or builds it anew.
    private mutating func agree(
        _ index: any LogIndex,
        _ position: LogPosition?,
        _ segments: [SegmentNumber],
        _ mark: UInt32?,
        _ snapshots: [SnapshotFile]
    ) throws -> (LogReplay, any LogIndex) {
        var index = index
        if let position {
            let replay = LogReplay(
                self.files,
                segments: segments,
                mark: mark,
                into: index,
                from: position,
                isStrict: true,
                recovery: self.recovery
            )
            do {
                try replay.run()
                return (replay, index)
            } catch let ahead as IndexAhead {
                self.recovery.damage.append(
                    Recovery.Damage(
                        segment: ahead.position.segment,
                        offset: ahead.position.offset,
                        what: .indexAhead,
                        kind: nil,
                        id: nil
                    )
                )
                self.recovery.isHistoryDamaged = true
                index = try self.replaceIndex(index)
            }
        }
        self.recovery.rebuiltIndex = position != nil || !segments.isEmpty || !snapshots.isEmpty
        if let newest = snapshots.last { try self.importSnapshot(newest, into: index) }
        let replay = LogReplay(
            self.files,
            segments: segments,
            mark: mark,
            into: index,
            from: snapshots.last?.position,
            isStrict: false,
            recovery: self.recovery
        )
        try replay.run()
        return (replay, index)
    }

    /// A verified snapshot that does not import is no reason to do without it: that would forget.
    private func importSnapshot(_ snapshot: SnapshotFile, into index: any LogIndex) throws {
        let file = try self.files.disk.open(SnapshotFile.path(self.files, snapshot.number))
        do {
            try index.importRows(SnapshotFile.rows(of: file), reaching: snapshot.position)
        } catch let error as DiskError where error.isNoRoom {
            throw error
        } catch {
            throw SpoolError.indexFailed(
                doing: "take over snapshot \(snapshot.number)",
                cause: error
            )
        }
    }

    private func openIndex() throws -> (any LogIndex, LogPosition?) {
        let index: any LogIndex
        do {
            index = try self.makeIndex(self.files.index)
        } catch let error as DiskError where error.isNoRoom {
            // There is nothing wrong with it.
            throw error
        } catch {
            try self.files.moveIndexAside()
            return (try self.newIndex(), nil)
        }
        do {
            return (index, try index.position())
        } catch {
            return (try self.replaceIndex(index), nil)
        }
    }

    private func replaceIndex(_ index: any LogIndex) throws -> any LogIndex {
        try? index.close()
        try self.files.moveIndexAside()
        return try self.newIndex()
    }

    private func newIndex() throws -> any LogIndex {
        do {
            return try self.makeIndex(self.files.index)
        } catch let error as DiskError where error.isNoRoom {
            throw error
        } catch {
            throw SpoolError.indexFailed(doing: "be made", cause: error)
        }
    }

    /// The mark of the latest segment that tells it.
    private func learnMark(_ segments: [SegmentNumber]) throws -> UInt32? {
        for number in segments.reversed() {
            let scanner = try LogScanner(number, file: try self.files.file(number), mark: nil)
            if let found = try scanner.head() { return found.header.mark }
        }
        for number in segments.reversed() {
            let scanner = try LogScanner(number, file: try self.files.file(number), mark: nil)
            if let header = try scanner.header(at: SegmentHead.byteCount) { return header.mark }
        }
        return nil
    }

    /// The snapshots that verify; others are moved aside.
    private func loadSnapshots() throws -> [SnapshotFile] {
        var found: [SnapshotFile] = []
        for number in try SnapshotFile.list(self.files) {
            let path = SnapshotFile.path(self.files, number)
            let file = try self.files.disk.open(path)
            let snapshot: SnapshotFile?
            do {
                snapshot = try SnapshotFile.verify(file, number: number)
            } catch let error as DiskError where error.isUnreadable {
                snapshot = nil
            }
            if let snapshot {
                found.append(snapshot)
            } else {
                try self.files.disk.rename(
                    path,
                    to: "\(self.files.quarantine)/\(number).snapshot"
                )
                try self.files.disk.syncDirectory(self.files.snapshots)
                try self.files.pruneQuarantine(suffix: ".snapshot", keeping: 2)
            }
        }
        return found
    }
}
