import MeshModel

/// Files in order, of which only so many are kept: what is in the middle is found again by a scan.
///
/// However many files wait, this holds at most ``capacity`` of them, so that a source of millions
/// costs no more memory than one of thousands. The far end is kept for ``FileOrder/newest`` only,
/// which gives some starts to the oldest.
struct WaitingLane: Sendable {
    let order: FileOrder
    let capacity: Int

    /// The first to go is the last here.
    private var files: [WaitingFile] = []
    /// Where in `files` those that were dropped belong.
    private var gap: Gap?

    private struct Gap {
        /// How many files of `files` come after all that were dropped, or between them.
        var index: Int
        /// The first of those that were dropped.
        var first: FileRank
        var count: Int
        var bytes: Int64
    }

    init(order: FileOrder, capacity: Int) {
        self.order = order
        self.capacity = capacity
    }

    /// All that wait, those that were dropped included.
    var count: Int { self.files.count + (self.gap?.count ?? 0) }
    var bytes: Int64 {
        self.files.reduce(self.gap?.bytes ?? 0) { $0 + $1.stamp.size }
    }
    /// Whether so few are left before the dropped ones that a scan should find those again.
    var needsScan: Bool {
        self.gap.map { self.files.count - $0.index < self.capacity / 4 } ?? false
    }

    /// The first to go; `nil` if there is none, or if a scan must find it first.
    var first: WaitingFile? { self.files.count > (self.gap?.index ?? 0) ? self.files.last : nil }

    mutating func removeFirst() { self.files.removeLast() }

    /// The last of those that are no backlog, or of the backlog when there is nothing else.
    var last: WaitingFile? {
        self.lastIndex.map { self.files[$0] }
    }

    mutating func removeLast() {
        guard let index = self.lastIndex else { return }
        self.files.remove(at: index)
        if let gap, index < gap.index { self.gap?.index -= 1 }
    }

    private var lastIndex: Int? {
        guard let first = self.first else { return nil }
        // Backlog comes after everything else, so it is the beginning of `files`.
        let index =
            first.isBacklog ? 0 : self.partition { !$0.isBacklog }
        return self.gap?.index == index ? nil : index
    }

    /// Puts files where they belong; none of them may be here already.
    ///
    /// Returns the paths of those that are not kept, old ones included.
    mutating func insert(_ more: [WaitingFile]) -> [PathBytes] {
        var kept: [WaitingFile] = []
        var dropped: [PathBytes] = []
        for file in more {
            if let gap, !self.isKept(file, besides: gap) {
                self.gap?.count += 1
                self.gap?.bytes += file.stamp.size
                dropped.append(file.path)
            } else {
                kept.append(file)
            }
        }
        guard !kept.isEmpty else { return dropped }
        self.merge(kept)
        self.findGap()
        if self.files.count > self.capacity { dropped += self.trim() }
        return dropped
    }

    /// Puts files between those that are in order, from behind and in place.
    private mutating func merge(_ more: [WaitingFile]) {
        let more = more.map { ($0.rank, $0) }
            .sorted { $1.0.precedes($0.0, by: self.order) }.map(\.1)
        guard let filler = more.first else { return }
        var old = self.files.count
        var new = more.count
        self.files += repeatElement(filler, count: new)
        while new > 0 {
            let rank = more[new - 1].rank
            // What precedes all others lies last.
            while old > 0, self.files[old - 1].rank.precedes(rank, by: self.order) {
                old -= 1
                self.files[old + new] = self.files[old]
            }
            new -= 1
            self.files[old + new] = more[new]
        }
    }

    /// Removes whatever has one of the paths.
    mutating func remove(_ paths: Set<PathBytes>) {
        let index = self.gap?.index ?? 0
        let behind = self.files[..<index].count { paths.contains($0.path) }
        self.files.removeAll { paths.contains($0.path) }
        self.gap?.index -= behind
    }

    /// What comes before all that were dropped is kept; so is what comes after all that are kept.
    private func isKept(_ file: WaitingFile, besides gap: Gap) -> Bool {
        let rank = file.rank
        if rank.precedes(gap.first, by: self.order) { return true }
        guard gap.index > 0 else { return false }
        return self.files[gap.index - 1].rank.precedes(rank, by: self.order)
    }

    private mutating func findGap() {
        guard let first = self.gap?.first else { return }
        let index = self.partition { $0.rank.precedes(first, by: self.order) }
        self.gap?.index = index
    }

    /// Drops the middle.
    private mutating func trim() -> [PathBytes] {
        let far = self.order == .newest ? self.capacity / 8 : 0
        let near = self.capacity * 3 / 4
        let middle = self.files[far..<(self.files.count - near)]
        guard var first = middle.last?.rank else { return [] }
        if let old = self.gap?.first, old.precedes(first, by: self.order) { first = old }
        let dropped = middle.map(\.path)
        self.gap = Gap(
            index: far,
            first: first,
            count: (self.gap?.count ?? 0) + middle.count,
            bytes: middle.reduce(self.gap?.bytes ?? 0) { $0 + $1.stamp.size }
        )
        self.files.removeSubrange(middle.indices)
        self.findGap()
        return dropped
    }

    /// The first index at whose file `isNear` holds, as it does at all after it.
    private func partition(_ isNear: (WaitingFile) -> Bool) -> Int {
        var (low, high) = (0, self.files.count)
        while low < high {
            let middle = (low + high) / 2
            if isNear(self.files[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
