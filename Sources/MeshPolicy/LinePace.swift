package import MeshModel

/// About how many bytes a line carries in a second, by what the other end says that it has.
package struct LinePace: Sendable {
    private var since: UnixMilliseconds
    private var bytes: Int64 = 0

    /// As of the last tenth of a second or more in which something came through; 0 at first.
    package private(set) var bytesASecond: Int64 = 0

    /// How long it is counted at least before it is said, in milliseconds.
    private static let spanMin: Int64 = 100

    /// Nothing has come through yet.
    package init(since: UnixMilliseconds) { self.since = since }

    /// So many more bytes have come through.
    package mutating func carried(_ bytes: Int64, at now: UnixMilliseconds) {
        guard bytes > 0 else { return }
        self.bytes += bytes
        let span = now.rawValue - self.since.rawValue
        // A clock that was set back begins anew.
        guard span < 0 || span >= Self.spanMin else { return }
        if span > 0 { self.bytesASecond = self.bytes / span * 1_000 }
        (self.bytes, self.since) = (0, now)
    }
}
