import FoundationEssentials
package import MeshModel
import SwiftProtobuf

/// Signs what a node states: many statements, one signature.
package struct StatementSigner: Sendable {
    private let mesh: MeshName
    private let node: NodeName
    private let incarnation: Incarnation
    private let key: StatementKey

    /// Signs for one incarnation of a node.
    package init(mesh: MeshName, node: NodeName, incarnation: Incarnation, key: StatementKey) {
        self.mesh = mesh
        self.node = node
        self.incarnation = incarnation
        self.key = key
    }

    /// Signs drafts as the batch that follows another.
    ///
    /// A draft becomes as many statements as it takes to keep each within
    /// ``Limits/leavesPerStatementMax`` leaves and ``SignedStatement/byteCountMax`` bytes. The
    /// batch counts as issued once its statements are durable; what was signed and not kept may be
    /// signed again, differently, under the same number as long as it has not left the node.
    ///
    /// - Parameters:
    ///   - drafts: What to state; at least one.
    ///   - previous: The last batch of this incarnation; `nil` for the first.
    ///   - now: The time to state.
    /// - Returns: The batch, whose position the next one must follow.
    /// - Throws: ``IdentityError`` `signing_failed`, or `statement_malformed` when a draft holds
    ///   what no receiver would accept, such as sequence 0 or a passage that is not the leaf's.
    package func sign(
        _ drafts: [StatementDraft],
        after previous: BatchPosition?,
        at now: UnixMilliseconds
    ) throws -> SignedBatch {
        precondition(!drafts.isEmpty, "A batch has at least one statement.")
        let parts = try drafts.flatMap { try self.parts(of: $0, at: now) }
        precondition(parts.count <= SignedStatement.batchSizeMax)
        let tree = MerkleLevels(parts.map { SignedStatement.treeLeaf($0.statement) })

        var batch = ProtoBatch()
        batch.signer = self.node.text
        batch.keyID = Data(self.key.publicKey.keyID)
        batch.number = (previous?.number ?? 0) + 1
        batch.previous = Data(previous?.digest.bytes ?? [])
        batch.at = now.rawValue
        batch.size = UInt64(parts.count)
        batch.root = Data(tree.root.bytes)
        batch.incarnationNumber = self.incarnation.number
        batch.incarnationRandom = self.incarnation.random
        let head = Wire.encode(batch)
        let signature = try self.key.sign(head, context: SignedStatement.batchContext)

        // Read back as a receiver would: nothing leaves here that others refuse.
        let statements = try parts.enumerated().map { index, part in
            var signed = ProtoSignedStatement()
            signed.batch = Data(head)
            signed.signature = Data(signature)
            signed.index = UInt64(index)
            signed.path = tree.path(to: index).map { Data($0.bytes) }
            signed.statement = Data(part.statement)
            signed.leaves = part.leaves.map { Data($0) }
            signed.passages = part.passages
            return try SignedStatement(trusted: Wire.encode(signed))
        }
        return SignedBatch(
            position: BatchPosition(number: batch.number, digest: .sha256(head)),
            statements: statements
        )
    }

    /// One statement's worth of a draft, encoded.
    private struct Part {
        var statement: [UInt8] = []
        var leaves: [[UInt8]] = []
        var passages: [ProtoPassage] = []
        var runs = RunSet()
        var byteCount = 0
    }

    /// What a signed statement needs beside leaves and passages: batch, signature, path, heads.
    private static let reservedByteCount = 2_048
    /// What a leaf needs beside its bytes: tags, lengths, and a run of its own.
    private static let leafOverheadByteCount = 40

    private func parts(of draft: StatementDraft, at now: UnixMilliseconds) throws -> [Part] {
        var parts: [Part] = []
        var part = Part()
        for leaf in draft.leaves.sorted(by: Self.precedes) {
            let passage = draft.passages[leaf.parcel]
            if let passage, let stated = leaf.passage, passage.digest != stated {
                throw IdentityError.malformed("The passage of \(leaf.parcel) is not the leaf's.")
            }
            let bytes = Self.encode(leaf, passage: leaf.passage ?? passage?.digest)
            let lines = passage?.lines ?? []
            let byteCount =
                bytes.count + Self.leafOverheadByteCount + lines.reduce(0) { $0 + $1.count + 4 }
            let isFull =
                part.leaves.count == Limits.leavesPerStatementMax
                || part.byteCount + byteCount
                    > SignedStatement.byteCountMax - Self.reservedByteCount
                // Two parcels of one number, as a cloned origin makes them, need two statements.
                || part.runs.contains(leaf.sequence.rawValue)
            if isFull {
                parts.append(self.finish(part, of: draft, at: now))
                part = Part()
            }
            part.leaves.append(bytes)
            part.passages.append(ProtoPassage.with { $0.lines = lines.map { Data($0) } })
            part.runs.insert(leaf.sequence.rawValue)
            part.byteCount += byteCount
        }
        parts.append(self.finish(part, of: draft, at: now))
        return parts
    }

    private func finish(_ part: Part, of draft: StatementDraft, at now: UnixMilliseconds) -> Part {
        var part = part
        if part.passages.allSatisfy(\.lines.isEmpty) { part.passages = [] }
        var statement = ProtoStatement()
        statement.mesh = self.mesh.text
        statement.signer = self.node.text
        statement.keyID = Data(self.key.publicKey.keyID)
        statement.kind = draft.kind.proto
        statement.reason = draft.reason
        statement.at = now.rawValue
        statement.origin = draft.stream.origin.text
        statement.flow = draft.stream.flow.text
        statement.incarnationNumber = draft.stream.incarnation.number
        statement.incarnationRandom = draft.stream.incarnation.random
        statement.runs = part.runs.runs.map { run in
            ProtoSequenceRun.with {
                $0.first = run.lowerBound
                $0.last = run.upperBound
            }
        }
        statement.root = Data(MerkleTree.root(part.leaves).bytes)
        part.statement = Wire.encode(statement)
        return part
    }

    private static func encode(_ leaf: StatementLeaf, passage: Digest?) -> [UInt8] {
        var proto = ProtoLeaf()
        proto.sequence = leaf.sequence.rawValue
        proto.parcelID = Data(leaf.parcel.bytes)
        proto.closingID = Data(leaf.closing?.bytes ?? [])
        proto.passageDigest = Data(passage?.bytes ?? [])
        proto.detail = leaf.detail
        return Wire.encode(proto)
    }

    private static func precedes(_ left: StatementLeaf, _ right: StatementLeaf) -> Bool {
        (left.sequence, left.parcel) < (right.sequence, right.parcel)
    }
}
