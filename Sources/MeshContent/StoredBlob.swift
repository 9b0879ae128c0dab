public import MeshModel

/// A blob's bytes, as they are stored and sent, with what was computed of them: name and checksum.
///
/// Both are taken in one pass over stretches that stay in the processor's cache, and travel with the
/// bytes, so that nobody has to look at all of them again.
public struct StoredBlob: Equatable, Sendable {
    /// SHA-256 of the bytes.
    public let id: BlobID
    /// The bytes.
    public let bytes: [UInt8]
    /// CRC-32C of the bytes: what a record of a log is checked with.
    public let checksum: UInt32

    /// A stretch that two looks find in a cache of the first level, in bytes.
    private static let stretch = 16 << 10

    /// Names bytes.
    public init(_ bytes: [UInt8]) {
        (self.id, self.checksum) = bytes.withUnsafeBytes { Self.sums(of: $0) { _ in } }
        self.bytes = bytes
    }

    /// Names bytes, and copies them in the same pass.
    public init(copying source: UnsafeRawBufferPointer) {
        var sums = (id: BlobID(.zero), checksum: UInt32(0))
        self.bytes = [UInt8](unsafeUninitializedCapacity: source.count) { target, count in
            let target = UnsafeMutableRawBufferPointer(target)
            sums = Self.sums(of: source) { part in
                UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyMemory(from: part)
                count += part.count
            }
        }
        (self.id, self.checksum) = sums
    }

    private static func sums(
        of bytes: UnsafeRawBufferPointer,
        _ body: (UnsafeRawBufferPointer) -> Void
    ) -> (BlobID, UInt32) {
        var digest = FileDigest()
        var checksum: UInt32 = 0
        var rest = bytes
        while !rest.isEmpty {
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(Self.stretch))
            digest.update(part)
            checksum = Checksum.crc32c(part, continuing: checksum)
            body(part)
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
        }
        return (BlobID(digest.finalize()), checksum)
    }
}
