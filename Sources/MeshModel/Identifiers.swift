/// A name that is a digest: of an opening, a closing or a blob.
public protocol DigestNamed: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The digest that is the name.
    var digest: Digest { get }
    /// Names what the digest belongs to.
    init(_ digest: Digest)
}

extension DigestNamed {
    /// Reads exactly 32 bytes.
    @inlinable
    public init?(bytes: some Collection<UInt8>) {
        guard let digest = Digest(bytes) else { return nil }
        self.init(digest)
    }

    /// The 32 bytes.
    public var bytes: [UInt8] { self.digest.bytes }

    /// 64 lower-case hexadecimal digits.
    public var description: String { self.digest.description }

    /// Ordered as the bytes are.
    public static func < (left: Self, right: Self) -> Bool { left.digest < right.digest }
}

/// Names a parcel: SHA-256 of `tributary opening 1` and the opening's bytes.
@frozen
public struct ParcelID: DigestNamed {
    /// The digest that is the name.
    public let digest: Digest
    /// Names what the digest belongs to.
    public init(_ digest: Digest) { self.digest = digest }

    /// The name of the parcel that these opening bytes start.
    public init(ofOpening bytes: [UInt8]) {
        self.digest = .sha256(context: "tributary opening 1", bytes)
    }
}

/// Names a closing: SHA-256 of its bytes.
@frozen
public struct ClosingID: DigestNamed {
    /// The digest that is the name.
    public let digest: Digest
    /// Names what the digest belongs to.
    public init(_ digest: Digest) { self.digest = digest }

    /// The name of these closing bytes.
    public init(ofClosing bytes: [UInt8]) { self.digest = .sha256(bytes) }
}

/// Names a blob: SHA-256 of the bytes as stored and sent.
@frozen
public struct BlobID: DigestNamed {
    /// The digest that is the name.
    public let digest: Digest
    /// Names what the digest belongs to.
    public init(_ digest: Digest) { self.digest = digest }

    /// The name of these stored bytes.
    public init(ofStored bytes: UnsafeRawBufferPointer) { self.digest = .sha256(of: bytes) }
}
