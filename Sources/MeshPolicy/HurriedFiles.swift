import MeshModel

/// Files that a command handed over, in the order in which it did.
///
/// Small and large ones lie apart, so that the first of each is found at once.
struct HurriedFiles: Sendable {
    private struct Lane: Sendable {
        /// In order; a slice, so that the first is taken without moving the others.
        private(set) var files: ArraySlice<(number: Int, file: WaitingFile)> = []

        mutating func append(_ more: [(number: Int, file: WaitingFile)]) { self.files += more }

        mutating func removeFirst() {
            self.files.removeFirst()
            // Lets go of those that were taken: a slice keeps them.
            if self.files.isEmpty { self.files = [] }
        }

        mutating func remove(_ paths: Set<PathBytes>) {
            self.files.removeAll { paths.contains($0.file.path) }
        }
    }

    private var small = Lane()
    private var large = Lane()
    private var next = 0

    /// How many there are.
    var count: Int { self.small.files.count + self.large.files.count }
    /// How many bytes they have.
    var bytes: Int64 { self.files.reduce(0) { $0 + $1.stamp.size } }
    /// All of them, first to last.
    var files: [WaitingFile] {
        (self.small.files + self.large.files).sorted { $0.number < $1.number }.map(\.file)
    }

    /// The first, or the first of the small ones.
    func first(mayBeLarge: Bool) -> WaitingFile? {
        let small = self.small.files.first
        guard mayBeLarge, let large = self.large.files.first else { return small?.file }
        guard let small, small.number < large.number else { return large.file }
        return small.file
    }

    /// Puts files behind all others.
    mutating func append(_ files: [WaitingFile]) {
        let numbered = files.enumerated().map { (number: self.next + $0.offset, file: $0.element) }
        self.next += files.count
        self.small.append(numbered.filter(\.file.isSmall))
        self.large.append(numbered.filter { !$0.file.isSmall })
    }

    /// Removes the first of the small ones, or of the others.
    mutating func removeFirst(isSmall: Bool) {
        if isSmall { self.small.removeFirst() } else { self.large.removeFirst() }
    }

    /// Removes whatever has one of the paths.
    mutating func remove(_ paths: Set<PathBytes>) {
        self.small.remove(paths)
        self.large.remove(paths)
    }
}
