import MeshModel
import Synchronization

// Snapshots, and the segments that they allow to remove.
extension Spool {
    /// Log bytes, bodies of blobs left out, that are worth a snapshot in any case.
    private static let snapshotBytesMin: UInt64 = 1 << 20

    /// Writes a snapshot if one is due and removes segments that nobody needs.
    ///
    /// Blocks on the disk; call it every few seconds from a thread that may, never from the
    /// committer's events. A segment goes when the index has nothing live in it, *both* kept
    /// snapshots stand for all of it, and the index's own file is checkpointed: then neither a
    /// lost index nor one bad snapshot ever asks for it.
    ///
    /// - Parameter wantingRoom: Removes whatever can be removed, even where that takes two
    ///   snapshots for little.
    /// - Throws: ``SpoolError``; nothing is lost then, and the next call tries again, unless the
    ///   spool itself has failed.
    package func maintain(wantingRoom: Bool = false) throws {
        try self.whileHealthy {
            try self.snapshots.withLock { snapshots in
                // Two: one more is needed until the older one kept stands for the segments, too.
                for _ in 0..<(wantingRoom ? 2 : 1) {
                    guard try self.isSnapshotDue(snapshots, wantingRoom: wantingRoom) else { break }
                    try self.writeSnapshot(&snapshots)
                }
                try self.removeDeadSegments(covered: Self.covered(snapshots))
            }
        }
    }

    /// Writes a snapshot of the index, due or not.
    package func snapshot() throws {
        try self.whileHealthy { try self.snapshots.withLock { try self.writeSnapshot(&$0) } }
    }

    private func whileHealthy(_ body: () throws -> Void) throws {
        if let failure = self.state.withLock({ $0.failure }) { throw failure }
        do {
            try body()
        } catch let error as DiskError {
            throw error.isNoRoom
                ? SpoolError.noRoom(for: 0, cause: error)
                : SpoolError.unavailable(doing: "maintain the spool", cause: error)
        }
    }

    /// What both kept snapshots stand for.
    private static func covered(_ snapshots: [SnapshotFile]) -> LogPosition? {
        snapshots.count < 2 ? nil : snapshots.suffix(2).map(\.position).min()
    }

    private func isSnapshotDue(_ snapshots: [SnapshotFile], wantingRoom: Bool) throws -> Bool {
        let newest = snapshots.last?.size ?? 0
        if self.state.withLock({ $0.stateBytes }) > max(Self.snapshotBytesMin, newest) {
            return true
        }
        let covered = Self.covered(snapshots)
        let waiting = try self.deadSegments().filter { segment in
            covered.map { segment.number >= $0.segment } ?? true
        }
        let bytes = waiting.reduce(0) { $0 + $1.bytes }
        let enough = max(2 * self.options.effectiveSegmentBytes, newest)
        return bytes > (wantingRoom ? 0 : enough)
    }

    /// Full segments that the index knows to the end and has nothing live in.
    private func deadSegments() throws -> [(number: SegmentNumber, bytes: UInt64)] {
        // First how far the index is, then what it uses: a record that it is told in between lies
        // behind, and can make use of no body that is dead already.
        guard let applied = try self.index.position() else { return [] }
        let inUse = try self.index.segmentsInUse()
        let full = self.state.withLock { $0.fullBytes }
        return full.filter { $0.key < applied.segment && !inUse.contains($0.key) }
            .map { (number: $0.key, bytes: $0.value) }
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

    private func removeDeadSegments(covered: LogPosition?) throws {
        guard let covered else { return }
        let dead = try self.deadSegments().filter { $0.number < covered.segment }
        guard !dead.isEmpty, try self.index.checkpoint() else { return }
        for segment in dead {
            self.files.forget(segment.number)
            try self.files.disk.unlink(self.files.path(segment.number))
            self.state.withLock { $0.fullBytes[segment.number] = nil }
        }
        try self.files.disk.syncDirectory(self.files.log)
    }
}
