package import MeshModel

/// What decides a file's place among those that wait.
package struct FileRank: Hashable, Sendable {
    /// Last change, nanoseconds since 1970.
    package var modifiedNanoseconds: Int64
    /// Bytes.
    package var size: Int64
    /// Where it is beneath its source's root.
    package var path: PathBytes
    /// Whether it comes after everything else, whatever the order.
    package var isBacklog = false

    /// Gathers what is known of a file.
    package init(
        modifiedNanoseconds: Int64,
        size: Int64,
        path: PathBytes,
        isBacklog: Bool = false
    ) {
        self.modifiedNanoseconds = modifiedNanoseconds
        self.size = size
        self.path = path
        self.isBacklog = isBacklog
    }

    /// Whether this file goes before another; equals go by path, so that the order is total.
    package func precedes(_ other: Self, by order: FileOrder) -> Bool {
        if self.isBacklog != other.isBacklog { return other.isBacklog }
        return switch order {
        case .newest where self.modifiedNanoseconds != other.modifiedNanoseconds:
            self.modifiedNanoseconds > other.modifiedNanoseconds
        case .oldest where self.modifiedNanoseconds != other.modifiedNanoseconds:
            self.modifiedNanoseconds < other.modifiedNanoseconds
        case .smallest where self.size != other.size: self.size < other.size
        case .largest where self.size != other.size: self.size > other.size
        default: self.path < other.path
        }
    }
}
