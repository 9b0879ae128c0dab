import MeshModel
import Synchronization

// Snapshots, and the segments that they allow to remove.
extension Spool {
    /// What maintenance remembers between two runs.
    struct Upkeep: Sendable {
        /// The snapshots that verify, oldest first.
        var snapshots: [SnapshotFile]
        /// Dead bytes of full segments that were left when they were punched last.
        var stubborn: [SegmentNumber: Stubborn] = [:]
        /// Whether the file system gives back parts of files, as far as known.
        var canPunch = true

        /// What both kept snapshots stand for.
        var covered: LogPosition? {
            self.snapshots.count < 2 ? nil : self.snapshots.suffix(2).map(\.position).min()
        }
    }

    /// What punching leaves of a segment.
    struct Stubborn: Sendable {
        var bytes: UInt64
        /// Whether bodies of other records than blobs were punched, too.
        var wasCovered: Bool
    }

    /// A full segment that the index knows to the end.
    struct FullUse {
        var number: SegmentNumber
        /// Bytes of blocks.
        var allocated: UInt64
        var use: SegmentUse?

        var dead: UInt64 {
            let used = (self.use?.live ?? 0) + (self.use?.cached ?? 0)
            return self.allocated - min(self.allocated, used)
        }
    }

    /// Log bytes, those of files left out, that are worth a snapshot in any case.
    private static let snapshotBytesMin: UInt64 = 1 << 20

    /// Evicts what the cache holds too much, gives back what is dead, writes a snapshot if one is
    /// due.
    ///
    /// Blocks on the disk; call it every few seconds from a thread that may, never from the
    /// committer's events. Dead bodies of blobs are punched out of full segments when room is
    /// wanted or a quarter of the spool is dead. A segment goes when the index has nothing in it,
    /// *both* kept snapshots stand for all of it, and the index's own file is checkpointed: then
    /// neither a lost index nor one bad snapshot ever asks for it.
    ///
    /// - Parameter wantingRoom: Gives back whatever can be, even where that takes two snapshots for
    ///   little.
    /// - Throws: ``SpoolError``; nothing is lost then, and the next call tries again, unless the
    ///   spool itself has failed.
    package func maintain(wantingRoom: Bool = false) throws {
        try self.whileHealthy {
            try self.upkeep.withLock { upkeep in
                try self.trimCache()
                let punched = try self.punch(&upkeep, wantingRoom: wantingRoom)
                // Two: one more is needed until the older one kept stands for the segments, too.
                for _ in 0..<(wantingRoom ? 2 : 1) {
                    let enough = self.enoughWaiting(
                        newest: upkeep.snapshots.last?.size ?? 0,
                        wantingRoom: wantingRoom,
                        hasPunched: punched > 0
                    )
                    guard try self.isSnapshotDue(upkeep, enough: enough) else { break }
                    try self.writeSnapshot(&upkeep.snapshots)
                }
                try self.removeDeadSegments(&upkeep)
            }
        }
    }

    /// Writes a snapshot of the index, due or not.
    package func snapshot() throws {
        try self.whileHealthy {
            try self.upkeep.withLock { try self.writeSnapshot(&$0.snapshots) }
        }
    }

    /// Runs what touches files, and words its failure.
    func whileHealthy(_ body: () throws -> Void) throws {
        if let failure = self.state.withLock({ $0.failure }) { throw failure }
        do {
            try body()
        } catch let error as DiskError {
            throw error.isNoRoom
                ? SpoolError.noRoom(doing: "maintain the spool", cause: error)
                : SpoolError.unavailable(doing: "maintain the spool", cause: error)
        }
    }

    /// How many bytes must wait for a snapshot, so that writing it is worth it.
    private func enoughWaiting(newest: UInt64, wantingRoom: Bool, hasPunched: Bool) -> UInt64 {
        guard wantingRoom else { return max(2 * self.options.effectiveSegmentBytes, newest) }
        // Punching has given room; what it leaves of a segment is little, a snapshot may be much.
        return hasPunched ? min(newest, UInt64(max(0, self.options.limit.rawValue))) / 8 : 0
    }

    private func isSnapshotDue(_ upkeep: Upkeep, enough: UInt64) throws -> Bool {
        let newest = upkeep.snapshots.last?.size ?? 0
        if self.state.withLock({ $0.stateBytes }) > max(Self.snapshotBytesMin, newest) {
            return true
        }
        let covered = upkeep.covered
        let waiting = try self.fullSegments().filter { segment in
            segment.use == nil && covered.map { segment.number >= $0.segment } ?? true
        }
        return waiting.reduce(0) { $0 + $1.allocated } > enough
    }

    /// Full segments that the index knows to the end, lowest first.
    func fullSegments() throws -> [FullUse] {
        // First how far the index is, then what it uses: a record that it is told in between lies
        // behind, and can make use of no body that is dead already.
        guard let applied = try self.index.position() else { return [] }
        let usage = try self.index.usage()
        let full = self.state.withLock { $0.fullBytes }
        return full.filter { $0.key < applied.segment }
            .map { FullUse(number: $0.key, allocated: $0.value, use: usage[$0.key]) }
            .sorted { $0.number < $1.number }
    }

    private func writeSnapshot(_ snapshots: inout [SnapshotFile]) throws {
        let before = self.state.withLock { $0.stateBytes }
        let latest = try SnapshotFile.list(self.files).max() ?? 0
        let number = max(latest, snapshots.last?.number ?? 0) + 1
        snapshots.append(try SnapshotFile.write(number, of: self.index, self.files))
        self.state.withLock { $0.stateBytes -= min(before, $0.stateBytes) }
        while snapshots.count > 2 {
            try self.files.disk.unlink(SnapshotFile.path(self.files, snapshots[0].number))
            snapshots.removeFirst()
        }
        try self.files.disk.syncDirectory(self.files.snapshots)
    }

    private func removeDeadSegments(_ upkeep: inout Upkeep) throws {
        guard let covered = upkeep.covered else { return }
        let dead = try self.fullSegments().filter { $0.use == nil && $0.number < covered.segment }
        guard !dead.isEmpty, try self.index.checkpoint() else { return }
        for segment in dead {
            self.files.forget(segment.number)
            try self.files.disk.unlink(self.files.path(segment.number))
            self.state.withLock { $0.fullBytes[segment.number] = nil }
            upkeep.stubborn[segment.number] = nil
        }
        try self.files.disk.syncDirectory(self.files.log)
    }
}
