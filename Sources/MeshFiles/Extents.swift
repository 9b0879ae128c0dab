import MeshModel

/// Where a file has data and where it has holes, asked of the file system as a reader goes along.
///
/// Only file systems are asked whose answer is right also for bytes that were written a moment ago
/// and are still in memory: others have reported such bytes as holes (OpenZFS issue 15526), and a
/// file read so would be damaged without a sign. Anywhere else a file is all data.
struct Extents {
    /// A stretch that is one or the other.
    enum Extent: Hashable {
        case data(end: Int64)
        case hole(end: Int64)
    }

    private let size: Int64
    private let mayAsk: Bool
    private var data: Range<Int64> = 0..<0
    private var hole: Range<Int64> = 0..<0

    /// ext2 to ext4, XFS, Btrfs, F2FS, tmpfs: `linux/magic.h`.
    private static let trusted: Set<Int> = [
        0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994,
    ]

    init(of file: SourceFile, size: Int64) {
        self.size = size
        self.mayAsk = Self.mayAsk(file)
    }

    /// Whether the file lies on a file system whose answers are believed.
    static func mayAsk(_ file: SourceFile) -> Bool {
        file.descriptor.fileSystem().map(Self.trusted.contains) ?? false
    }

    /// The extent in which `offset` lies, which is below the size.
    mutating func extent(at offset: Int64, of file: SourceFile) throws -> Extent {
        precondition((0..<self.size).contains(offset))
        if self.hole.contains(offset) { return .hole(end: self.hole.upperBound) }
        if !self.data.contains(offset) { try self.ask(at: offset, of: file) }
        return self.data.contains(offset)
            ? .data(end: self.data.upperBound) : .hole(end: self.hole.upperBound)
    }

    private mutating func ask(at offset: Int64, of file: SourceFile) throws {
        guard self.mayAsk else {
            self.data = 0..<self.size
            return
        }
        do throws(SystemError) {
            let dataStart = try file.descriptor.seek(.data, from: offset) ?? self.size
            if dataStart > offset {
                self.hole = offset..<min(dataStart, self.size)
            } else {
                let end = try file.descriptor.seek(.hole, from: offset) ?? self.size
                // A file that shrank has no extent here; the read that follows will find out.
                self.data = offset..<max(offset + 1, min(end, self.size))
            }
        } catch {
            self.data = offset..<self.size
        }
    }
}
