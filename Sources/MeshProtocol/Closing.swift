package import MeshIdentity
package import MeshModel
import SwiftProtobuf

/// What completes a parcel: how many entries it has, their root, and the file's size and digest.
package struct Closing: Hashable, Sendable {
    /// The parcel that it completes.
    package var parcel: ParcelID
    /// The number of entries; 0 for a small parcel.
    package var entryCount: UInt64
    /// The RFC 9162 root over the encoded entries.
    package var root: Digest
    /// The size of the file as captured.
    package var size: ByteCount
    /// How the digest is made.
    package var algorithm: DigestAlgorithm
    /// The digest of the file.
    package var digest: Digest

    /// Completes `parcel`.
    package init(
        parcel: ParcelID,
        entryCount: UInt64,
        root: Digest,
        size: ByteCount,
        algorithm: DigestAlgorithm = .sha256,
        digest: Digest
    ) {
        self.parcel = parcel
        self.entryCount = entryCount
        self.root = root
        self.size = size
        self.algorithm = algorithm
        self.digest = digest
    }

    /// The bytes to sign: equal closings give equal bytes.
    package func encoded() -> [UInt8] {
        var completion = ProtoCompletion()
        completion.size = UInt64(max(0, self.size.rawValue))
        completion.algorithm = .init(self.algorithm)
        completion.digest = self.digest.bytes.data
        var closing = ProtoClosing()
        closing.parcelID = self.parcel.bytes.data
        closing.entryCount = self.entryCount
        closing.root = self.root.bytes.data
        closing.completion = completion
        return closing.bytes()
    }

    /// Reads a closing, checking every field.
    package init(encoded bytes: [UInt8]) throws(ProtocolError) {
        guard bytes.count <= Limits.openingBytesMax else {
            throw .tooLong("closing", bytes: bytes.count, limit: Limits.openingBytesMax)
        }
        let closing = try ProtoClosing.reading(bytes, as: "closing")
        guard closing.sealedCompletion.isEmpty,
            let algorithm = DigestAlgorithm(number: closing.completion.algorithm.rawValue)
        else {
            throw ProtocolError(
                .unsupported,
                "This node knows only the digests `sha-256` and `tree`, of a file in the clear."
            )
        }
        guard let parcel = ParcelID(bytes: closing.parcelID), let root = Digest(closing.root),
            let digest = Digest(closing.completion.digest),
            closing.entryCount <= UInt64(Limits.entriesPerParcelMax),
            closing.completion.size <= UInt64(Limits.fileBytesMax)
        else { throw .malformed("closing", "a field exceeds its bounds") }
        self.init(
            parcel: parcel,
            entryCount: closing.entryCount,
            root: root,
            size: ByteCount(Int64(closing.completion.size)),
            algorithm: algorithm,
            digest: digest
        )
    }
}

extension ProtoDigestAlgorithm {
    init(_ algorithm: DigestAlgorithm) {
        switch algorithm {
        case .sha256: self = .sha256
        case .tree: self = .tree
        }
    }
}

/// A closing with its signature; the bytes travel verbatim.
///
/// One that exists is well formed. Whether it is the origin's word only ``isSigned(by:)`` tells.
package struct SignedClosing: Sendable {
    /// What is signed, as the origin wrote it.
    package let bytes: [UInt8]
    /// The origin's signature, 64 bytes; empty inside a small parcel, which has one for all.
    package let signature: [UInt8]
    /// The same, parsed.
    package let closing: Closing
    /// The name of the closing.
    package let id: ClosingID

    /// What signatures of closings begin with.
    package static let context = "tributary closing 1"

    /// Signs `closing` with the origin's key.
    package init(closing: Closing, key: StatementKey) throws {
        let bytes = closing.encoded()
        self.init(closing, bytes, try key.sign(bytes, context: Self.context))
    }

    /// Reads what a peer sent or our log holds.
    package init(bytes: [UInt8], signature: [UInt8]) throws(ProtocolError) {
        guard signature.count == SignedOpening.signatureByteCount else {
            throw .malformed("closing", "its signature has \(signature.count) bytes")
        }
        self.init(try Closing(encoded: bytes), bytes, signature)
    }

    /// Whether `key` signed this very closing.
    package func isSigned(by key: StatementPublicKey) -> Bool {
        key.isValid(self.signature, context: Self.context, over: self.bytes)
    }

    init(_ closing: Closing, _ bytes: [UInt8], _ signature: [UInt8]) {
        self.bytes = bytes
        self.signature = signature
        self.closing = closing
        self.id = ClosingID(ofClosing: bytes)
    }
}

extension SignedClosing: Hashable {
    /// Equal when bytes and signature are.
    package static func == (left: Self, right: Self) -> Bool {
        left.id == right.id && left.signature == right.signature
    }

    /// Hashes the name.
    package func hash(into hasher: inout Hasher) { hasher.combine(self.id) }
}
