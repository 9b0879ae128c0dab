package import MeshIdentity
package import MeshModel

/// An opening with its signature; the bytes travel verbatim and name the parcel.
///
/// One that exists is well formed. Whether it is the origin's word only ``isSigned(by:)`` tells.
package struct SignedOpening: Sendable {
    /// What is signed, as the origin wrote it.
    package let bytes: [UInt8]
    /// The origin's signature, 64 bytes; empty inside a small parcel, which has one for all.
    package let signature: [UInt8]
    /// The same, parsed.
    package let opening: Opening
    /// The name of the parcel.
    package let id: ParcelID

    /// What signatures of openings begin with.
    package static let context = "tributary opening 1"
    /// The length of every signature.
    package static let signatureByteCount = 64

    /// Signs `opening` with the origin's key, whose id it takes.
    ///
    /// - Throws: ``ProtocolError`` with code ``ProtocolError/Code/frameTooLong`` when path, series
    ///   and tags together are too long; whatever the key throws.
    package init(opening: Opening, key: StatementKey) throws {
        let encoded = try Self.encode(opening, keyID: key.publicKey.keyID)
        self.init(encoded, try key.sign(encoded.bytes, context: Self.context))
    }

    /// Reads what a peer sent or our log holds.
    package init(bytes: [UInt8], signature: [UInt8]) throws(ProtocolError) {
        guard signature.count == Self.signatureByteCount else {
            throw .malformed("opening", "its signature has \(signature.count) bytes")
        }
        self.init((try Opening(encoded: bytes), bytes), signature)
    }

    /// Whether `key` signed this very opening.
    package func isSigned(by key: StatementPublicKey) -> Bool {
        key.isValid(self.signature, context: Self.context, over: self.bytes)
    }

    init(_ encoded: (opening: Opening, bytes: [UInt8]), _ signature: [UInt8]) {
        self.bytes = encoded.bytes
        self.signature = signature
        self.opening = encoded.opening
        self.id = ParcelID(ofOpening: encoded.bytes)
    }

    /// Encodes an opening that `keyID` will sign and reads it back, so that nothing is signed
    /// which peers would refuse.
    static func encode(
        _ opening: Opening,
        keyID: [UInt8]
    ) throws(ProtocolError) -> (opening: Opening, bytes: [UInt8]) {
        var opening = opening
        opening.keyID = keyID
        let bytes = opening.encoded()
        return (try Opening(encoded: bytes), bytes)
    }
}

extension SignedOpening: Hashable {
    /// Equal when bytes and signature are.
    package static func == (left: Self, right: Self) -> Bool {
        left.id == right.id && left.signature == right.signature
    }

    /// Hashes the name.
    package func hash(into hasher: inout Hasher) { hasher.combine(self.id) }
}
