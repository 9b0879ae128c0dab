import FoundationEssentials
package import MeshModel
import SwiftProtobuf

/// One statement with all that proves it, given the signer's key.
///
/// A value that exists is well-formed: its leaves lead to the statement's root, the statement to
/// the batch's root, its runs name just its leaves, and its passages chain. Whether the signature
/// was verified depends on how it was made: see ``init(verifying:mesh:key:)`` and
/// ``init(trusted:)``.
package struct SignedStatement: Sendable {
    /// The statement as it travels and is logged, verbatim.
    package let bytes: [UInt8]
    /// SHA-256 of the inner statement's bytes: what a passage line names.
    package let digest: Digest
    /// The mesh it belongs to.
    package let mesh: MeshName
    /// Who states it.
    package let signer: NodeName
    /// Which of the signer's keys signed it.
    package let keyID: [UInt8]
    /// The life of the signer's log that it was stated in.
    package let signerIncarnation: Incarnation
    /// What is said.
    package let kind: StatementKind
    /// A stable code that says why; empty when the kind says all.
    package let reason: String
    /// When, by the signer's clock.
    package let at: UnixMilliseconds
    /// Where the parcels come from.
    package let stream: FlowStream
    /// The parcels, in the order of their sequences; at least one.
    package let leaves: [StatementLeaf]
    /// The passages that came along; never an empty one.
    package let passages: [ParcelID: Passage]
    /// The batch that it was signed in.
    package let batch: BatchPosition
    /// The digest of the batch before that one; `nil` for the first of an incarnation.
    package let previousBatch: Digest?

    private let batchBytes: [UInt8]
    private let signature: [UInt8]

    /// The longest signed statement, in bytes: fits a frame with whatever the frame says beside it.
    package static let byteCountMax = Limits.frameBodyBytesMax - (4 << 10)

    static let batchSizeMax = 1 << 20
    static let leafByteCountMax = 512
    static let batchContext = "tributary batch 1"

    /// What the batch's tree has as a leaf for a statement: the bytes in their context.
    static func treeLeaf(_ statement: [UInt8]) -> [UInt8] {
        Array("tributary statement 1".utf8) + statement
    }

    /// Reads a statement that was verified before it was logged here.
    ///
    /// Checks everything except the signature.
    ///
    /// - Throws: ``IdentityError`` `statement_malformed`.
    package init(trusted bytes: [UInt8]) throws(IdentityError) {
        guard bytes.count <= Self.byteCountMax else {
            throw .malformed("A signed statement of \(bytes.count) bytes is too long.")
        }
        let signed = try Wire.decode(ProtoSignedStatement.self, bytes)
        let batch = try BatchHead(signed)
        let body = try StatementBody(signed)
        guard body.signer == batch.signer, body.keyID == batch.keyID else {
            throw .malformed("The statement and its batch name different signers.")
        }
        self.bytes = bytes
        self.digest = .sha256(batch.statement)
        self.mesh = body.mesh
        self.signer = body.signer
        self.keyID = body.keyID
        self.signerIncarnation = batch.incarnation
        self.kind = body.kind
        self.reason = body.reason
        self.at = body.at
        self.stream = body.stream
        self.leaves = body.leaves
        self.passages = body.passages
        self.batch = batch.position
        self.previousBatch = batch.previous
        self.batchBytes = batch.bytes
        self.signature = Array(signed.signature)
    }

    /// Reads a statement from outside and verifies all of it: every root, path and run, and the
    /// signature.
    ///
    /// - Parameters:
    ///   - bytes: The statement as it came.
    ///   - mesh: The mesh that it must belong to.
    ///   - key: The key that the index lists for a node and key id, whatever its age.
    /// - Throws: ``IdentityError`` `statement_malformed`, `wrong_mesh`, `unknown_key` (a newer
    ///   index may have it) or `signature_invalid`.
    /// - Complexity: One signature (about 70 µs), and a SHA-256 over all leaves.
    package init(
        verifying bytes: [UInt8],
        mesh: MeshName,
        key: (NodeName, [UInt8]) -> StatementPublicKey?
    ) throws(IdentityError) {
        let statement = try Self(trusted: bytes)
        guard statement.mesh == mesh else {
            throw IdentityError(
                .wrongMesh,
                "The statement belongs to mesh \(statement.mesh), not \(mesh)."
            )
        }
        guard let key = key(statement.signer, statement.keyID) else {
            throw IdentityError(
                .unknownKey,
                "The index lists no key \(Hex.encode(statement.keyID)) of \(statement.signer)."
            )
        }
        guard statement.isSigned(by: key) else {
            throw IdentityError(
                .signatureInvalid,
                "The signature of \(statement.signer) does not verify."
            )
        }
        self = statement
    }

    /// Whether the batch's signature is that of a key: for a trace that shows what verifies.
    package func isSigned(by key: StatementPublicKey) -> Bool {
        key.isValid(self.signature, context: Self.batchContext, over: self.batchBytes)
    }

    /// What it says of one parcel; `nil` if it does not speak of it.
    package func leaf(of parcel: ParcelID) -> StatementLeaf? {
        self.leaves.first { $0.parcel == parcel }
    }
}

extension SignedStatement: Hashable {
    /// Whether both are the same, byte for byte.
    package static func == (left: Self, right: Self) -> Bool { left.bytes == right.bytes }
    /// Hashes the digest of the inner statement.
    package func hash(into hasher: inout Hasher) { hasher.combine(self.digest) }
}

/// The signed head of a batch, and the proof that a statement is in it.
private struct BatchHead {
    let bytes: [UInt8]
    let statement: [UInt8]
    let signer: NodeName
    let keyID: [UInt8]
    let incarnation: Incarnation
    let position: BatchPosition
    let previous: Digest?

    init(_ signed: ProtoSignedStatement) throws(IdentityError) {
        self.bytes = Array(signed.batch)
        self.statement = Array(signed.statement)
        let batch = try Wire.decode(ProtoBatch.self, self.bytes)
        guard let signer = NodeName(batch.signer), Wire.time(batch.at) != nil,
            batch.keyID.count == StatementPublicKey.keyIDByteCount,
            signed.signature.count == StatementPublicKey.signatureByteCount,
            (1...UInt64(SignedStatement.batchSizeMax)).contains(batch.size),
            let root = Digest(batch.root), let previous = Wire.optionalDigest(batch.previous),
            // Numbers count from 1, and only the first has none before it.
            batch.number >= 1, (batch.number == 1) == (previous == nil),
            signed.path.count <= MerkleTree.pathCountMax
        else { throw .malformed("A field of the batch is out of range.") }

        var path: [Digest] = []
        for bytes in signed.path {
            guard let digest = Digest(bytes) else { throw .malformed("A path has no digest.") }
            path.append(digest)
        }
        let reached = MerkleTree.root(
            leaf: SignedStatement.treeLeaf(self.statement),
            at: signed.index,
            of: batch.size,
            path: path
        )
        guard reached == root else { throw .malformed("The statement is not in its batch.") }

        self.signer = signer
        self.keyID = Array(batch.keyID)
        self.incarnation = Incarnation(
            number: batch.incarnationNumber,
            random: batch.incarnationRandom
        )
        self.position = BatchPosition(number: batch.number, digest: .sha256(self.bytes))
        self.previous = previous
    }
}

/// The inner statement with its leaves and passages.
private struct StatementBody {
    let mesh: MeshName
    let signer: NodeName
    let keyID: [UInt8]
    let kind: StatementKind
    let reason: String
    let at: UnixMilliseconds
    let stream: FlowStream
    let leaves: [StatementLeaf]
    let passages: [ParcelID: Passage]

    init(_ signed: ProtoSignedStatement) throws(IdentityError) {
        let proto = try Wire.decode(ProtoStatement.self, Array(signed.statement))
        guard let mesh = MeshName(proto.mesh), let signer = NodeName(proto.signer),
            let kind = StatementKind(proto.kind), let at = Wire.time(proto.at),
            let origin = NodeName(proto.origin), let flow = FlowName(proto.flow),
            proto.keyID.count == StatementPublicKey.keyIDByteCount,
            let root = Digest(proto.root),
            Wire.clean(proto.reason, byteCountMax: StatementDraft.reasonByteCountMax)
                == proto.reason
        else { throw .malformed("A field of the statement is out of range.") }
        self.mesh = mesh
        self.signer = signer
        self.keyID = Array(proto.keyID)
        self.kind = kind
        self.reason = proto.reason
        self.at = at
        self.stream = FlowStream(
            origin: origin,
            flow: flow,
            incarnation: Incarnation(
                number: proto.incarnationNumber,
                random: proto.incarnationRandom
            )
        )
        self.leaves = try Self.leaves(signed, root: root)
        try Self.check(proto.runs, against: self.leaves)
        self.passages = try Self.passages(signed, of: self.leaves)
    }

    private static func leaves(
        _ signed: ProtoSignedStatement,
        root: Digest
    ) throws(IdentityError) -> [StatementLeaf] {
        guard (1...Limits.leavesPerStatementMax).contains(signed.leaves.count) else {
            throw .malformed("A statement has \(signed.leaves.count) leaves.")
        }
        var tree = MerkleRootBuilder()
        var leaves: [StatementLeaf] = []
        for data in signed.leaves {
            let bytes = Array(data)
            guard bytes.count <= SignedStatement.leafByteCountMax else {
                throw .malformed("A leaf of \(bytes.count) bytes is too long.")
            }
            tree.append(bytes)
            let proto = try Wire.decode(ProtoLeaf.self, bytes)
            guard let parcel = ParcelID(bytes: proto.parcelID),
                let closing = Wire.optionalDigest(proto.closingID),
                let passage = Wire.optionalDigest(proto.passageDigest)
            else { throw .malformed("A leaf holds what is no digest.") }
            let leaf = StatementLeaf(
                sequence: SequenceNumber(proto.sequence),
                parcel: parcel,
                closing: closing.map { ClosingID($0) },
                passage: passage,
                detail: proto.detail
            )
            guard leaf.detail == proto.detail else { throw .malformed("A detail is no text.") }
            leaves.append(leaf)
        }
        guard tree.root() == root else {
            throw .malformed("The leaves are not those of the statement.")
        }
        return leaves
    }

    /// The runs must be the shortest list of just the sequences of the leaves, which ascend from 1
    /// at least.
    private static func check(
        _ runs: [ProtoSequenceRun],
        against leaves: [StatementLeaf]
    ) throws(IdentityError) {
        var expected: [ProtoSequenceRun] = []
        var last: UInt64 = 0
        for leaf in leaves {
            let sequence = leaf.sequence.rawValue
            guard sequence > last, sequence < UInt64(Int64.max) else {
                throw .malformed("The leaves are not in order.")
            }
            if sequence == last + 1, !expected.isEmpty {
                expected[expected.count - 1].last = sequence
            } else {
                expected.append(
                    ProtoSequenceRun.with {
                        $0.first = sequence
                        $0.last = sequence
                    }
                )
            }
            last = sequence
        }
        guard runs == expected else { throw .malformed("The runs are not those of the leaves.") }
    }

    private static func passages(
        _ signed: ProtoSignedStatement,
        of leaves: [StatementLeaf]
    ) throws(IdentityError) -> [ParcelID: Passage] {
        guard signed.passages.isEmpty || signed.passages.count == leaves.count else {
            throw .malformed("\(signed.passages.count) passages for \(leaves.count) leaves.")
        }
        var passages: [ParcelID: Passage] = [:]
        for (proto, leaf) in zip(signed.passages, leaves) where !proto.lines.isEmpty {
            guard proto.lines.count <= Limits.hopsMax,
                let passage = Passage(lines: proto.lines.map { Array($0) }),
                passage.digest == leaf.passage
            else { throw .malformed("The passage of \(leaf.parcel) is not the leaf's.") }
            passages[leaf.parcel] = passage
        }
        return passages
    }
}
