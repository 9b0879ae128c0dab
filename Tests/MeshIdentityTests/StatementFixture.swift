import MeshIdentity
import MeshModel
import Testing

/// A node that signs, a stream that it signs about, and whoever knows its key.
struct StatementFixture {
    let mesh: MeshName
    let node: NodeName
    let stream: FlowStream
    let incarnation = Incarnation(number: 3, random: 0x0123_4567_89ab_cdef)
    let key: StatementKey
    let now = UnixMilliseconds(1_795_000_000_000)

    init(key: StatementKey = StatementKey()) throws {
        self.mesh = try #require(MeshName("vector"))
        self.node = try #require(NodeName("relay"))
        self.stream = FlowStream(
            origin: try #require(NodeName("origin")),
            flow: try #require(FlowName("scans")),
            incarnation: Incarnation(number: 1, random: 0xfeed_face_cafe_beef)
        )
        self.key = key
    }

    var signer: StatementSigner {
        StatementSigner(
            mesh: self.mesh,
            node: self.node,
            incarnation: self.incarnation,
            key: self.key
        )
    }

    static func parcel(_ number: UInt64) -> ParcelID {
        ParcelID(.sha256(Array("parcel \(number)".utf8)))
    }

    static func leaf(_ number: UInt64, detail: String = "", closed: Bool = true) -> StatementLeaf {
        StatementLeaf(
            sequence: SequenceNumber(number),
            parcel: Self.parcel(number),
            closing: closed ? ClosingID(.sha256(Array("closing \(number)".utf8))) : nil,
            detail: detail
        )
    }

    func draft(
        _ kind: StatementKind = .custody,
        of numbers: some Sequence<UInt64>,
        passages: [ParcelID: Passage] = [:]
    ) -> StatementDraft {
        StatementDraft(
            kind: kind,
            stream: self.stream,
            leaves: numbers.map { Self.leaf($0) },
            passages: passages
        )
    }

    func sign(_ drafts: [StatementDraft], after: BatchPosition? = nil) throws -> SignedBatch {
        try self.signer.sign(drafts, after: after, at: self.now)
    }

    /// Verifies as a node does that knows only this signer's key.
    func verify(_ bytes: [UInt8]) throws -> SignedStatement {
        try SignedStatement(verifying: bytes, mesh: self.mesh) { node, keyID in
            node == self.node && keyID == self.key.publicKey.keyID ? self.key.publicKey : nil
        }
    }

    /// The code with which verifying fails; `nil` if it does not.
    func refusal(of bytes: [UInt8]) -> IdentityError.Code? {
        do {
            _ = try self.verify(bytes)
            return nil
        } catch let error as IdentityError {
            return error.code
        } catch {
            Issue.record(error)
            return nil
        }
    }
}
