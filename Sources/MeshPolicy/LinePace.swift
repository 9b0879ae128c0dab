package import MeshModel

/// About how many bytes a line carries in a second, by what the other end says that it has.
package struct LinePace: Sendable {
    private var since: UnixMilliseconds
    private var last: UnixMilliseconds
    private var bytes: Int64 = 0

    /// As of the last tenth of a second or more in which something came through; 0 at first.
    package private(set) var bytesASecond: Int64 = 0

    /// How long it is counted at least before it is said, in milliseconds.
    private static let spanMin: Int64 = 100
    /// How long nothing is on its way before the line is at rest, in milliseconds.
    private static let restMin: Int64 = 1_000

    /// Nothing has come through yet.
    package init(since: UnixMilliseconds) { (self.since, self.last) = (since, since) }

    /// Something is on its way where nothing was: of a line at rest, the time before says nothing.
    package mutating func began(at now: UnixMilliseconds) {
        guard now.rawValue - self.last.rawValue >= Self.restMin else { return }
        (self.bytes, self.since) = (0, now)
    }

    /// So many more bytes have come through.
    package mutating func carried(_ bytes: Int64, at now: UnixMilliseconds) {
        guard bytes > 0 else { return }
        self.bytes += bytes
        self.last = now
        let span = now.rawValue - self.since.rawValue
        // A clock that was set back begins anew.
        guard span < 0 || span >= Self.spanMin else { return }
        if span > 0 { self.bytesASecond = self.bytes / span * 1_000 }
        (self.bytes, self.since) = (0, now)
    }
}
