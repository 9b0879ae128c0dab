package import MeshModel

/// About how many bytes a line carries in a second, by what the other end says that it has.
package struct LinePace: Sendable {
    private var since: UnixMilliseconds
    private var lastAt: UnixMilliseconds
    private var bytes: Int64 = 0
    private var lastPace: Int64?

    /// The lesser of the last two stretches of a tenth of a second or more; 0 at first.
    ///
    /// Only such count in which something came through. What was held up comes at once, and says
    /// nothing of the line.
    package private(set) var bytesASecond: Int64 = 0

    /// How long it is counted at least before it is said, in milliseconds.
    private static let spanMin: Int64 = 100
    /// How long nothing is on its way before the line is at rest, in milliseconds.
    private static let restMin: Int64 = 1_000

    /// Nothing has come through yet.
    package init(since: UnixMilliseconds) { (self.since, self.lastAt) = (since, since) }

    /// Something is on its way where nothing was: of a line at rest, the time before says nothing.
    package mutating func began(at now: UnixMilliseconds) {
        guard now.rawValue - self.lastAt.rawValue >= Self.restMin else { return }
        (self.bytes, self.since) = (0, now)
    }

    /// So many more bytes have come through.
    package mutating func carried(_ bytes: Int64, at now: UnixMilliseconds) {
        guard bytes > 0 else { return }
        self.bytes += bytes
        self.lastAt = now
        let span = now.rawValue - self.since.rawValue
        // A clock that was set back begins anew.
        guard span < 0 || span >= Self.spanMin else { return }
        if span > 0 {
            let bytesASecond = self.bytes * 1_000 / span
            self.bytesASecond = min(self.lastPace ?? bytesASecond, bytesASecond)
            self.lastPace = bytesASecond
        }
        (self.bytes, self.since) = (0, now)
    }
}
