package import MeshModel

/// What a statement says of one parcel beyond its kind.
package struct StatementLeaf: Hashable, Sendable {
    /// The parcel's place in its stream; at least 1.
    package let sequence: SequenceNumber
    /// The parcel.
    package let parcel: ParcelID
    /// Its closing; `nil` when it has none yet.
    package let closing: ClosingID?
    /// The digest of its passage; `nil` when there is none.
    package let passage: Digest?
    /// The kind's detail, such as `same` or `unseen` for landed.
    package let detail: String

    /// The longest detail, in bytes of UTF-8.
    package static let detailByteCountMax = 256

    /// Gathers a leaf; control characters of the detail are dropped, and what exceeds
    /// ``detailByteCountMax``.
    package init(
        sequence: SequenceNumber,
        parcel: ParcelID,
        closing: ClosingID? = nil,
        passage: Digest? = nil,
        detail: String = ""
    ) {
        self.sequence = sequence
        self.parcel = parcel
        self.closing = closing
        self.passage = passage
        self.detail = Wire.clean(detail, byteCountMax: Self.detailByteCountMax)
    }
}

/// What a node is about to state, before it is signed.
package struct StatementDraft: Sendable {
    /// What is said.
    package let kind: StatementKind
    /// A stable code, such as `digest` or `path`; empty when the kind says all.
    package let reason: String
    /// Where the parcels come from.
    package let stream: FlowStream
    /// The parcels, in any order.
    package var leaves: [StatementLeaf]
    /// Passages to send along; a leaf without a passage digest takes it from here.
    package var passages: [ParcelID: Passage]

    /// The longest reason, in bytes of UTF-8.
    package static let reasonByteCountMax = 64

    /// Gathers a draft.
    ///
    /// - Parameters:
    ///   - kind: What is said.
    ///   - reason: A stable code; cleaned and cut as a leaf's detail is.
    ///   - stream: Where the parcels come from.
    ///   - leaves: The parcels; at least one.
    ///   - passages: Passages to send along.
    package init(
        kind: StatementKind,
        reason: String = "",
        stream: FlowStream,
        leaves: [StatementLeaf],
        passages: [ParcelID: Passage] = [:]
    ) {
        precondition(!leaves.isEmpty, "A statement is about at least one parcel.")
        self.kind = kind
        self.reason = Wire.clean(reason, byteCountMax: Self.reasonByteCountMax)
        self.stream = stream
        self.leaves = leaves
        self.passages = passages
    }
}

/// A place in the chain of batches that one incarnation of a node has signed.
package struct BatchPosition: Hashable, Sendable {
    /// Counts up by one from 1.
    package let number: UInt64
    /// SHA-256 of the batch's bytes.
    package let digest: Digest

    /// Names a place.
    package init(number: UInt64, digest: Digest) {
        self.number = number
        self.digest = digest
    }
}

/// The statements that one signature covers.
package struct SignedBatch: Sendable {
    /// What the next batch must name as the one before.
    package let position: BatchPosition
    /// The statements, in the order of the drafts; a draft too large for one became several.
    package let statements: [SignedStatement]
}
