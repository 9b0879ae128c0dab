package import MeshIdentity
package import MeshModel

/// A whole parcel in one message: opening, closing, one signature over both, and the bytes.
///
/// It has no entries. One that exists is well formed and its closing belongs to its opening; the
/// content was not unpacked and not compared with the closing's digest.
package struct SmallParcel: Hashable, Sendable {
    /// The opening; its own `signature` is empty and its `isSigned(by:)` always false.
    package let opening: SignedOpening
    /// The closing; its own `signature` is empty and its `isSigned(by:)` always false.
    package let closing: SignedClosing
    /// The origin's signature over opening and closing together.
    package let signature: [UInt8]
    /// How the content is packed: 0 not at all, 1 zstd.
    package let codec: UInt32
    /// The packed bytes of the file.
    package let content: [UInt8]

    /// What signatures of small parcels begin with.
    package static let context = "tributary parcel 1"

    /// The most bytes of opening, closing and content together when one is made.
    ///
    /// The rest of a frame is room for signature, lengths and a passage of some 25 usual lines.
    package static let bytesMax = Limits.frameBodyBytesMax - 3_712

    /// The name of the parcel.
    package var id: ParcelID { self.opening.id }

    /// What it takes from the receiver's grant; a `smallAck` gives back just that.
    package var grantBytes: UInt64 {
        UInt64(self.opening.bytes.count + self.closing.bytes.count + self.content.count) + 64
    }

    /// Makes the small parcel of a file with this `digest`, SHA-256, and `size` in plain bytes.
    ///
    /// `size` is at most `Limits.smallPlainBytesMax`; `content`, the file as `codec` packs it, is
    /// never longer.
    ///
    /// - Throws: ``ProtocolError`` with code ``ProtocolError/Code/frameTooLong`` when it exceeds
    ///   ``bytesMax``: then the file must travel in pieces; whatever the key throws.
    package init(
        opening: Opening,
        size: Int,
        digest: Digest,
        codec: UInt32,
        content: [UInt8],
        key: StatementKey
    ) throws {
        let encoded = try SignedOpening.encode(opening, keyID: key.publicKey.keyID)
        let closing = Closing(
            parcel: ParcelID(ofOpening: encoded.bytes),
            entryCount: 0,
            root: MerkleTree.root([]),
            size: ByteCount(size),
            digest: digest
        )
        try self.init(opening: opening, closing: closing, codec: codec, content: content, key: key)
    }

    /// Signs `opening` and `closing`, which must name that opening, with the origin's key.
    package init(
        opening: Opening,
        closing: Closing,
        codec: UInt32,
        content: [UInt8],
        key: StatementKey
    ) throws {
        let encoded = try SignedOpening.encode(opening, keyID: key.publicKey.keyID)
        let closing = closing.encoded()
        let bytes = encoded.bytes.count + closing.count + content.count
        guard bytes <= Self.bytesMax else {
            throw ProtocolError.tooLong("small parcel", bytes: bytes, limit: Self.bytesMax)
        }
        try self.init(
            parsingOpening: encoded.bytes,
            closing: closing,
            signature: try key.sign(encoded.bytes + closing, context: Self.context),
            codec: codec,
            content: content
        )
    }

    /// Reads what a peer sent or our log holds.
    package init(
        parsingOpening opening: [UInt8],
        closing: [UInt8],
        signature: [UInt8],
        codec: UInt32,
        content: [UInt8]
    ) throws(ProtocolError) {
        guard signature.count == SignedOpening.signatureByteCount else {
            throw .malformed("small parcel", "its signature has \(signature.count) bytes")
        }
        self.opening = SignedOpening((try Opening(encoded: opening), opening), [])
        self.closing = SignedClosing(try Closing(encoded: closing), closing, [])
        self.signature = signature
        self.codec = codec
        self.content = content
        let end = self.closing.closing
        guard end.parcel == self.opening.id, end.entryCount == 0, end.root == MerkleTree.root([])
        else { throw .malformed("small parcel", "its closing belongs to another parcel") }
        guard end.size.rawValue <= Int64(Limits.smallPlainBytesMax),
            Int64(content.count) <= end.size.rawValue
        else { throw .malformed("small parcel", "it has \(content.count) bytes of content") }
        guard codec <= 1, codec != 0 || content.count == Int(end.size.rawValue) else {
            throw .malformed("small parcel", "codec \(codec) does not fit its content")
        }
    }

    /// Whether `key` signed this very opening and closing.
    package func isSigned(by key: StatementPublicKey) -> Bool {
        key.isValid(
            self.signature,
            context: Self.context,
            over: self.opening.bytes + self.closing.bytes
        )
    }
}
