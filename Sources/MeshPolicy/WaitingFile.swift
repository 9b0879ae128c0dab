package import MeshModel

/// A file that is complete and waits to be captured.
package struct WaitingFile: Hashable, Sendable {
    /// Where it is beneath its source's root.
    package let path: PathBytes
    /// Which version of it was noticed.
    package let stamp: FileStamp
    /// Permission bits.
    package let mode: UInt16
    /// Whether it was there when the source was first seen, in a flow where such files come last.
    package let isBacklog: Bool

    /// Gathers what is known of it.
    package init(path: PathBytes, stamp: FileStamp, mode: UInt16, isBacklog: Bool = false) {
        self.path = path
        self.stamp = stamp
        self.mode = mode
        self.isBacklog = isBacklog
    }

    /// What decides its place.
    package var rank: FileRank {
        FileRank(
            modifiedNanoseconds: self.stamp.modifiedNanoseconds,
            size: self.stamp.size,
            path: self.path,
            isBacklog: self.isBacklog
        )
    }

    /// Whether it travels as a small parcel: whatever the path takes is not there for the content.
    package var isSmall: Bool {
        self.stamp.size + Int64(self.path.bytes.count) + 512 <= Int64(Limits.smallPlainBytesMax)
    }
}
