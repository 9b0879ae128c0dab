import CZstd
import Glibc
import MeshModel

/// Turns pieces into blobs: holes, zstd frames where that pays, the bytes themselves otherwise.
///
/// Keeps memory for one piece; one for each thread.
public final class BlobEncoder {
    private let profile: CutProfile
    private let context: OpaquePointer
    private let scratch: UnsafeMutableRawBufferPointer

    /// The shortest piece that is sampled before it is compressed, in bytes: below it three samples
    /// would be most of the work.
    private static let sampledByteCountMin = 32 << 10
    private static let sampleByteCount = 4 << 10

    /// Makes an encoder for the pieces that a profile gives.
    public init(profile: CutProfile) {
        guard let context = ZSTD_createCCtx() else { preconditionFailure("No memory for zstd.") }
        self.profile = profile
        self.context = context
        self.scratch = .allocate(byteCount: profile.maximum, alignment: 16)
    }

    deinit {
        ZSTD_freeCCtx(self.context)
        self.scratch.deallocate()
    }

    /// Makes the blob of one piece and names it.
    ///
    /// A piece is compressed if at least one of three 4 KiB samples shrinks by 6 % or more, and is
    /// stored so if the whole of it does. A piece of zeros only is a hole: it stores nothing.
    ///
    /// - Parameter piece: 1 to the profile's `maximum` bytes.
    /// - Returns: The entry, and the blob; `nil` for a hole.
    public func encode(
        _ piece: UnsafeRawBufferPointer
    ) -> (entry: Entry, blob: StoredBlob?) {
        precondition((1...self.profile.maximum).contains(piece.count))
        if Self.isAllZeros(piece) { return (.hole(piece.count), nil) }
        let frame = self.looksCompressible(piece) ? self.compress(piece) : nil
        let blob = StoredBlob(copying: frame ?? piece)
        let entry = Entry(
            unchecked: blob.id,
            storedLength: UInt32(blob.bytes.count),
            plainLength: UInt32(piece.count),
            flags: frame == nil ? [] : .zstd
        )
        return (entry, blob)
    }

    /// Whether this piece is the one that an earlier run made `entry` from.
    ///
    /// A piece that was compressed is compressed again, so another version of zstd may answer no
    /// where the bytes are the same; it never answers yes where they differ.
    public func matches(_ entry: Entry, _ piece: UnsafeRawBufferPointer) -> Bool {
        guard piece.count == Int(entry.plainLength), piece.count <= self.profile.maximum else {
            return false
        }
        if entry.isHole { return Self.isAllZeros(piece) }
        guard entry.flags.contains(.zstd) else { return BlobID(ofStored: piece) == entry.blob }
        return self.compress(piece).map { BlobID(ofStored: $0) == entry.blob } ?? false
    }

    /// The frame, or nothing if it would not save 6 %: zstd stops when its room runs out.
    private func compress(_ piece: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let room = Self.byteCountWorthStoring(of: piece.count)
        let count = ZSTD_compressCCtx(
            self.context,
            self.scratch.baseAddress,
            room,
            piece.baseAddress,
            piece.count,
            self.profile.zstdLevel
        )
        guard ZSTD_isError(count) == 0 else { return nil }
        return UnsafeRawBufferPointer(rebasing: self.scratch.prefix(count))
    }

    private func looksCompressible(_ piece: UnsafeRawBufferPointer) -> Bool {
        guard piece.count >= Self.sampledByteCountMin else { return true }
        let last = piece.count - Self.sampleByteCount
        return [0, last / 2, last].contains { start in
            let sample = piece[start..<start + Self.sampleByteCount]
            return self.compress(UnsafeRawBufferPointer(rebasing: sample)) != nil
        }
    }

    static func byteCountWorthStoring(of plain: Int) -> Int { plain - (plain * 6 + 99) / 100 }

    /// Equal to itself moved by one byte and beginning with zero: libc compares in vectors.
    static func isAllZeros(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let base = bytes.baseAddress, bytes.first == 0 else { return false }
        return memcmp(base, base + 1, bytes.count - 1) == 0
    }
}
