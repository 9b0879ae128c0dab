package import MeshModel

/// The complete files of one flow, in the order in which they are to be captured.
///
/// Small files are read many at a time and large ones one at a time, beside each other, and short
/// ones beside a long one. What starts next is the first of both, with one exception: a small file
/// may pass a large one that cannot start yet. So no file ever waits for one that comes after it.
///
/// - Files that a command handed over come first, in the order in which they were.
/// - With ``FileOrder/newest`` one start in eight goes to the oldest.
/// - Backlog comes after everything else, in the same order.
///
/// Memory is bounded however many files wait: see ``needsScan``.
package struct CaptureQueue: Sendable {
    private var hurried = HurriedFiles()
    private var small: WaitingLane
    private var large: WaitingLane
    private var paths: Set<PathBytes> = []
    /// Starts since the last one that went to the oldest.
    private var starts = 0

    /// The most files of each kind that are kept in memory.
    package static let capacityByDefault = 128 << 10

    /// Begins with nothing.
    package init(order: FileOrder, capacity: Int = Self.capacityByDefault) {
        self.small = WaitingLane(order: order, capacity: capacity)
        self.large = WaitingLane(order: order, capacity: capacity)
    }

    private var order: FileOrder { self.small.order }

    /// How many files wait, whether they are in memory or not.
    package var count: Int { self.hurried.count + self.small.count + self.large.count }
    /// How many bytes they have.
    package var bytes: Int64 {
        self.hurried.bytes + self.small.bytes + self.large.bytes
    }
    /// Whether files wait that a command handed over.
    package var hasHurried: Bool { self.hurried.count > 0 }
    /// Whether a scan is wanted, because files wait that are not in memory, and few of the others.
    package var needsScan: Bool { self.small.needsScan || self.large.needsScan }

    /// Whether a file waits, as far as is in memory.
    package func contains(_ path: PathBytes) -> Bool { self.paths.contains(path) }

    /// Puts files where they belong; a path that waits already is replaced.
    package mutating func insert(_ files: [WaitingFile]) {
        self.remove(files.map(\.path))
        self.paths.formUnion(files.map(\.path))
        self.paths.subtract(self.small.insert(files.filter(\.isSmall)))
        self.paths.subtract(self.large.insert(files.filter { !$0.isSmall }))
    }

    /// Puts files first, after those that were put first before.
    package mutating func hurry(_ files: [WaitingFile]) {
        self.remove(files.map(\.path))
        self.hurried.append(files)
        self.paths.formUnion(files.map(\.path))
    }

    /// Forgets files.
    package mutating func remove(_ paths: [PathBytes]) {
        let known = Set(paths.filter { self.paths.contains($0) })
        guard !known.isEmpty else { return }
        self.paths.subtract(known)
        self.hurried.remove(known)
        self.small.remove(known)
        self.large.remove(known)
    }

    /// Takes over what a scan found, and keeps what was put first.
    package mutating func replace(with scanned: CaptureQueue) {
        let hurried = self.hurried
        let starts = self.starts
        self = scanned
        self.starts = starts
        self.hurry(hurried.files)
    }

    /// What starts next, if a large file could start now, or if it could not.
    package func next(mayStartLarge: Bool) -> WaitingFile? {
        self.pick(mayStartLarge).map(\.file)
    }

    /// Takes what ``next(mayStartLarge:)`` says.
    package mutating func removeNext(mayStartLarge: Bool) {
        guard let picked = self.pick(mayStartLarge) else { return }
        self.paths.remove(picked.file.path)
        switch picked.place {
        case .hurried: self.hurried.removeFirst(isSmall: picked.file.isSmall)
        case .first:
            if picked.file.isSmall { self.small.removeFirst() } else { self.large.removeFirst() }
            self.starts += 1
        case .last:
            if picked.file.isSmall { self.small.removeLast() } else { self.large.removeLast() }
            self.starts = 0
        }
    }

    private enum Place { case hurried, first, last }

    private func pick(_ mayStartLarge: Bool) -> (file: WaitingFile, place: Place)? {
        if let file = self.hurried.first(mayBeLarge: mayStartLarge) { return (file, .hurried) }
        let large = mayStartLarge ? self.large.first : nil
        guard let first = self.earlier(self.small.first, large) else { return nil }
        guard self.order == .newest, self.starts >= 7,
            let last = self.later(self.small.last, self.large.last),
            last.isBacklog == first.isBacklog, mayStartLarge || last.isSmall
        else { return (first, .first) }
        return (last, .last)
    }

    private func earlier(_ one: WaitingFile?, _ other: WaitingFile?) -> WaitingFile? {
        guard let one, let other else { return one ?? other }
        return one.rank.precedes(other.rank, by: self.order) ? one : other
    }

    private func later(_ one: WaitingFile?, _ other: WaitingFile?) -> WaitingFile? {
        guard let one, let other else { return one ?? other }
        // A lane of backlog only has nothing to say while the other has more than that.
        if one.isBacklog != other.isBacklog { return one.isBacklog ? other : one }
        return one.rank.precedes(other.rank, by: self.order) ? other : one
    }
}
