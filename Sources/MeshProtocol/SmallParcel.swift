package import MeshIdentity
package import MeshModel

/// A whole parcel in one message: opening, closing, a signature over both, and the bytes.
///
/// It has no entries. One that exists is well formed and its closing belongs to its opening; the
/// content was not unpacked and not compared with the closing's digest.
package struct SmallParcel: Hashable, Sendable {
    /// The opening; its own `signature` is empty and its `isSigned(by:)` always false.
    package let opening: SignedOpening
    /// The closing; its own `signature` is empty and its `isSigned(by:)` always false.
    package let closing: SignedClosing
    /// The origin's signature over opening and closing together, and perhaps over those of others:
    /// 64 to 196 bytes.
    package let signature: [UInt8]
    /// How the content is packed: 0 not at all, 1 zstd.
    package let codec: UInt32
    /// The packed bytes of the file.
    package let content: [UInt8]

    /// What signatures of single small parcels begin with.
    package static let context = "tributary parcel 1"

    /// The most bytes of opening, closing and content together when one is made.
    ///
    /// The rest of a frame is room for signature, lengths and a passage of some 25 usual lines.
    package static let bytesMax = Limits.frameBodyBytesMax - 3_840

    /// The name of the parcel.
    package var id: ParcelID { self.opening.id }

    /// What it takes from the receiver's grant; a `smallAck` gives back just that.
    package var grantBytes: UInt64 {
        UInt64(self.opening.bytes.count + self.closing.bytes.count + self.content.count) + 64
    }

    /// Signs drafts in their order, up to 16 together.
    package static func signed(_ drafts: [SmallDraft], key: StatementKey) throws -> [Self] {
        try stride(from: 0, to: drafts.count, by: SmallSignature.batchSizeMax).flatMap { start in
            let batch = drafts[start...].prefix(SmallSignature.batchSizeMax)
            return zip(batch, try SmallSignature.sign(batch.map(\.signedBytes), key: key))
                .map(Self.init)
        }
    }

    private init(_ draft: SmallDraft, _ signature: [UInt8]) {
        self.opening = draft.opening
        self.closing = draft.closing
        self.signature = signature
        self.codec = draft.codec
        self.content = draft.content
    }

    /// Reads what a peer sent or our log holds.
    package init(
        parsingOpening opening: [UInt8],
        closing: [UInt8],
        signature: [UInt8],
        codec: UInt32,
        content: [UInt8]
    ) throws(ProtocolError) {
        guard SmallSignature(signature) != nil else {
            throw .malformed("small parcel", "its signature has \(signature.count) bytes")
        }
        self.opening = SignedOpening((try Opening(encoded: opening), opening), [])
        self.closing = SignedClosing(try Closing(encoded: closing), closing, [])
        self.signature = signature
        self.codec = codec
        self.content = content
        try SmallDraft.check(self.opening, self.closing, codec: codec, content: content)
    }

    /// Whether `key` signed this very opening and closing.
    ///
    /// For many parcels: ``VerifiedBatches``.
    package func isSigned(by key: StatementPublicKey) -> Bool {
        self.claim(by: key)?.holds ?? false
    }

    func claim(by key: StatementPublicKey) -> SignatureClaim? {
        SmallSignature(self.signature)?
            .claim(of: self.opening.bytes + self.closing.bytes, by: key)
    }
}

/// A small parcel that is yet to be signed.
package struct SmallDraft: Sendable {
    /// The opening, without a signature of its own.
    package let opening: SignedOpening
    let closing: SignedClosing
    let codec: UInt32
    let content: [UInt8]

    /// Drafts the parcel of a file with this `digest`, SHA-256, and `size` in plain bytes.
    ///
    /// `size` is at most `Limits.smallPlainBytesMax`; `content`, the file as `codec` packs it, is
    /// never longer. The opening takes the id of `key`, which must sign it.
    ///
    /// - Throws: ``ProtocolError`` with code ``ProtocolError/Code/frameTooLong`` when it exceeds
    ///   ``SmallParcel/bytesMax``: then the file must travel in pieces.
    package init(
        opening: Opening,
        size: Int,
        digest: Digest,
        codec: UInt32,
        content: [UInt8],
        key: StatementKey
    ) throws(ProtocolError) {
        let encoded = try SignedOpening.encode(opening, keyID: key.publicKey.keyID)
        self.opening = SignedOpening(encoded, [])
        let closing = Closing(
            parcel: self.opening.id,
            entryCount: 0,
            root: Self.rootOfNone,
            size: ByteCount(size),
            digest: digest
        )
        self.closing = SignedClosing(closing, closing.encoded(), [])
        (self.codec, self.content) = (codec, content)
        let bytes = self.signedBytes.count + content.count
        guard bytes <= SmallParcel.bytesMax else {
            throw .tooLong("small parcel", bytes: bytes, limit: SmallParcel.bytesMax)
        }
        try Self.check(self.opening, self.closing, codec: codec, content: content)
    }

    var signedBytes: [UInt8] { self.opening.bytes + self.closing.bytes }

    private static let rootOfNone = MerkleTree.root([])

    /// Checks that the parts of a small parcel belong together.
    static func check(
        _ opening: SignedOpening,
        _ closing: SignedClosing,
        codec: UInt32,
        content: [UInt8]
    ) throws(ProtocolError) {
        let end = closing.closing
        guard end.parcel == opening.id, end.entryCount == 0, end.root == Self.rootOfNone
        else { throw .malformed("small parcel", "its closing belongs to another parcel") }
        guard end.size.rawValue <= Int64(Limits.smallPlainBytesMax),
            Int64(content.count) <= end.size.rawValue
        else { throw .malformed("small parcel", "it has \(content.count) bytes of content") }
        guard codec <= 1, codec != 0 || content.count == Int(end.size.rawValue) else {
            throw .malformed("small parcel", "codec \(codec) does not fit its content")
        }
    }
}
