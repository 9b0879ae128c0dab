public import MeshModel

/// One piece of a file, as the blob in which it is stored and sent.
///
/// A value that exists is within bounds: ``Limits/blobBytesMax`` for both lengths, and its flags
/// agree with its lengths. Written it has ``encodedByteCount`` bytes; a parcel's Merkle root is
/// taken over these.
public struct Entry: Hashable, Sendable {
    /// What is special about a piece.
    public struct Flags: OptionSet, Hashable, Sendable {
        /// The bits as written.
        public let rawValue: UInt8
        /// Wraps bits, known or not.
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The collector is believed to have this blob from an earlier parcel.
        public static let assumed = Self(rawValue: 1)
        /// All zeros: nothing is stored, and it lands as a hole.
        public static let hole = Self(rawValue: 2)
        /// The blob is one zstd frame.
        public static let zstd = Self(rawValue: 4)

        static let known: Self = [.assumed, .hole, .zstd]
    }

    /// The blob's name; all zero bits for a hole.
    public let blob: BlobID
    /// How many bytes the blob has as stored and sent; none for a hole.
    public let storedLength: UInt32
    /// How many bytes the piece has in the file.
    public let plainLength: UInt32
    /// What is special about it.
    public let flags: Flags

    /// The bytes that a written entry takes.
    @inlinable public static var encodedByteCount: Int { 32 + 4 + 4 + 1 }

    /// Puts an entry together; `nil` if the values break a bound or contradict each other.
    public init?(blob: BlobID, storedLength: UInt32, plainLength: UInt32, flags: Flags) {
        guard flags.isSubset(of: .known), (1...Limits.blobBytesMax).contains(Int(plainLength))
        else { return nil }
        if flags.contains(.hole) {
            guard flags == .hole, storedLength == 0, blob.digest == .zero else { return nil }
        } else if flags.contains(.zstd) {
            // Compressed only where that saves something, so the plain length bounds the stored.
            guard (1..<plainLength).contains(storedLength) else { return nil }
        } else {
            guard storedLength == plainLength else { return nil }
        }
        self.init(
            unchecked: blob,
            storedLength: storedLength,
            plainLength: plainLength,
            flags: flags
        )
    }

    init(unchecked blob: BlobID, storedLength: UInt32, plainLength: UInt32, flags: Flags) {
        self.blob = blob
        self.storedLength = storedLength
        self.plainLength = plainLength
        self.flags = flags
    }

    /// The entry of so many zeros; 1 to ``Limits/blobBytesMax`` of them.
    public static func hole(_ plainLength: Int) -> Self {
        precondition((1...Limits.blobBytesMax).contains(plainLength))
        return Self(
            unchecked: BlobID(.zero),
            storedLength: 0,
            plainLength: UInt32(plainLength),
            flags: .hole
        )
    }

    /// Whether nothing is stored because the piece is all zeros.
    public var isHole: Bool { self.flags.contains(.hole) }
}

extension Entry {
    /// 41 bytes: blob, stored length and plain length big-endian, flags.
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.encodedByteCount)
        self.append(to: &bytes)
        return bytes
    }

    /// Appends what ``encoded()`` gives.
    public func append(to bytes: inout [UInt8]) {
        // Put together first: each append looks for room anew.
        withUnsafeTemporaryAllocation(byteCount: Self.encodedByteCount, alignment: 8) { written in
            self.blob.digest.withUnsafeBytes { written.copyMemory(from: $0) }
            written.storeBytes(of: self.storedLength.bigEndian, toByteOffset: 32, as: UInt32.self)
            written.storeBytes(of: self.plainLength.bigEndian, toByteOffset: 36, as: UInt32.self)
            written[40] = self.flags.rawValue
            bytes.append(contentsOf: written)
        }
    }

    /// Reads exactly the bytes that ``encoded()`` gives; `nil` if they break a bound, contradict
    /// each other or use a flag that this version does not know.
    @inlinable
    public init?(encoded bytes: some RandomAccessCollection<UInt8>) {
        guard bytes.count == Self.encodedByteCount,
            let entry = bytes.withContiguousStorageIfAvailable({
                Self(bytes: UnsafeRawBufferPointer($0))
            }) ?? Array(bytes).withUnsafeBytes({ Self(bytes: $0) })
        else { return nil }
        self = entry
    }

    /// Reads ``encodedByteCount`` bytes.
    @usableFromInline
    init?(bytes: UnsafeRawBufferPointer) {
        guard let blob = BlobID(bytes: bytes.prefix(Digest.byteCount)) else { return nil }
        self.init(
            blob: blob,
            storedLength: UInt32(
                bigEndian: bytes.loadUnaligned(fromByteOffset: 32, as: UInt32.self)
            ),
            plainLength: UInt32(
                bigEndian: bytes.loadUnaligned(fromByteOffset: 36, as: UInt32.self)
            ),
            flags: Flags(rawValue: bytes[40])
        )
    }
}
