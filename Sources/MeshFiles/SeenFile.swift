package import MeshModel

/// A regular file as a walk saw it.
package struct SeenFile: Hashable, Sendable {
    /// Where it is beneath its source's root.
    package let path: PathBytes
    /// Which version of it was seen.
    package let stamp: FileStamp
    /// Permission bits.
    package let mode: UInt16

    /// Describes a file that a walk, or an earlier capture, has seen.
    package init(path: PathBytes, stamp: FileStamp, mode: UInt16) {
        self.path = path
        self.stamp = stamp
        self.mode = mode
    }
}

/// A file as a walk saw it, with what tells whether it is done.
package struct Sight: Hashable, Sendable {
    /// The file.
    package let file: SeenFile
    /// How many names it has.
    package let links: UInt64
    /// Whether its marker is there.
    package var isMarked = false

    /// Gathers what was seen.
    package init(file: SeenFile, links: UInt64 = 1, isMarked: Bool = false) {
        self.file = file
        self.links = links
        self.isMarked = isMarked
    }
}

/// Why a walk passed something over.
package enum SkipReason: String, CaseIterable, Sendable {
    /// A symbolic link, wherever it points.
    case link
    /// A block or character device.
    case device
    /// A Unix socket.
    case socket
    /// A named pipe.
    case pipe
    /// A directory with nothing in it: only files travel.
    case emptyDirectory = "empty_directory"
    /// The daemon's user may not look at it, or the disk failed.
    case unreadable
    /// Its path is longer than any parcel's may be.
    case unnameable
    /// The node's own home, which lies in the source.
    case ownHome = "own_home"
    /// It is larger than the flow's files or the spool may be.
    case tooLarge = "too_large"
}

/// What a walk found.
package struct WalkReport: Sendable {
    /// One of the things that were passed over.
    package struct Example: Hashable, Sendable {
        /// Where it is beneath the root; not always a path that could travel.
        package let path: [UInt8]
        /// Why it was passed over.
        package let reason: SkipReason
    }

    /// How many files were given.
    package internal(set) var files = 0
    /// How many bytes they have together.
    package internal(set) var bytes: Int64 = 0
    /// The device that the root is on.
    package internal(set) var device: UInt64 = 0
    /// Whether the root holds no name at all.
    package internal(set) var isEmpty = false
    /// How much was passed over, and why.
    package internal(set) var skipped: [SkipReason: Int] = [:]
    /// The first ``examplesMax`` of what was passed over for each reason.
    package internal(set) var examples: [Example] = []

    /// How many examples of a reason are kept.
    package static let examplesMax = 20

    /// Begins with nothing seen.
    package init() {}

    /// Counts something that is passed over.
    package mutating func skip(_ path: [UInt8], _ reason: SkipReason) {
        self.skipped[reason, default: 0] += 1
        if self.skipped[reason, default: 0] <= Self.examplesMax {
            self.examples.append(Example(path: path, reason: reason))
        }
    }
}
