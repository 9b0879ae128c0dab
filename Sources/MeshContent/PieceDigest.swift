public import MeshModel

/// The digest that a closing has of its file, fed with the file's pieces in order.
///
/// `tree` is SHA-256 over `tributary file tree 1` and the SHA-256 of each piece's plain bytes. A
/// piece that is stored as it is has that digest for its name, so that nothing is hashed again;
/// only what was compressed is.
public struct PieceDigest: Sendable {
    /// How it is made.
    public let algorithm: DigestAlgorithm
    private var digest = FileDigest()
    /// The digest of so many zeros: holes come in few lengths.
    private var zeros: (count: UInt32, digest: Digest)?

    /// What a tree's bytes begin with.
    public static let treeContext = "tributary file tree 1"

    /// Begins with no pieces.
    public init(_ algorithm: DigestAlgorithm) {
        self.algorithm = algorithm
        if algorithm == .tree {
            Array(Self.treeContext.utf8).withUnsafeBytes { self.digest.update($0) }
        }
    }

    /// Takes the next piece.
    ///
    /// - Parameters:
    ///   - entry: What the piece became; its name must have been compared with the bytes that are
    ///     stored, for `tree` trusts it.
    ///   - plain: The piece's bytes.
    public mutating func take(_ entry: Entry, _ plain: UnsafeRawBufferPointer) {
        if entry.isHole {
            self.take(zeros: entry.plainLength)
        } else if self.algorithm == .tree, !entry.flags.contains(.zstd) {
            self.takeLeaf(entry.blob.digest)
        } else {
            self.take(whole: plain)
        }
    }

    /// Takes a piece of zeros, as a hole reads.
    public mutating func take(zeros count: UInt32) {
        switch self.algorithm {
        case .sha256: self.digest.update(zeros: Int(count))
        case .tree: self.takeLeaf(self.digest(ofZeros: count))
        }
    }

    /// Takes a piece that has no entry, such as the content of a small parcel.
    public mutating func take(whole plain: UnsafeRawBufferPointer) {
        switch self.algorithm {
        case .sha256: self.digest.update(plain)
        case .tree: self.takeLeaf(.sha256(of: plain))
        }
    }

    /// The digest of all pieces so far; more may follow.
    public func finalize() -> Digest { self.digest.finalize() }

    private mutating func takeLeaf(_ leaf: Digest) {
        leaf.withUnsafeBytes { self.digest.update($0) }
    }

    private mutating func digest(ofZeros count: UInt32) -> Digest {
        if let zeros = self.zeros, zeros.count == count { return zeros.digest }
        var digest = FileDigest()
        digest.update(zeros: Int(count))
        let found = digest.finalize()
        self.zeros = (count, found)
        return found
    }
}
