public import MeshModel

import struct Crypto.SHA256

/// SHA-256 of a file's bytes, fed in order as they pass.
public struct FileDigest: Sendable {
    private var hash = SHA256()

    /// Begins with no bytes.
    public init() {}

    /// Takes the next bytes.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        self.hash.update(bufferPointer: bytes)
    }

    /// Takes so many zeros, as a hole reads.
    public mutating func update(zeros count: Int) {
        Zeros.give(count) { self.hash.update(bufferPointer: $0) }
    }

    /// The digest of all bytes so far; more may follow.
    public func finalize() -> Digest { Digest(self.hash.finalize()) }
}
