package import MeshModel

/// The first message of each side: who speaks, in which life, and what it knows of the other.
package struct Hello: Hashable, Sendable {
    /// The version of the protocol: ``currentVersion``.
    package var version: UInt32
    /// The mesh that the node belongs to.
    package var mesh: MeshName
    /// The node that speaks.
    package var node: NodeName
    /// Random per start of the node.
    package var runID: UInt64
    /// The life of the node's log.
    package var incarnation: Incarnation
    /// The serial of the index that the node holds.
    package var indexSerial: UInt64
    /// The node's clock.
    package var clock: UnixMilliseconds
    /// Bytes of small parcels that the peer may have unacknowledged.
    package var smallGrant: UInt64
    /// The node's own highest batch number.
    package var lastBatch: UInt64
    /// The node's own highest opening per own flow.
    package var lastOpenings: [FlowName: SequenceNumber]
    /// The highest batch of the peer that the node holds, in ``heldIncarnation``.
    package var heldBatch: UInt64
    /// The life of the peer's log in which ``heldBatch`` and ``heldOpenings`` count.
    package var heldIncarnation: Incarnation?
    /// The digest of the batch that ``heldBatch`` names.
    package var heldBatchDigest: Digest?
    /// The highest opening of the peer that the node holds, per flow.
    package var heldOpenings: [FlowName: SequenceNumber]
    /// The parcels that have these numbers here.
    package var heldParcels: [FlowName: ParcelID] = [:]
    /// The program and its version, for people.
    package var software: String
    /// Whether the node moves anything; ``NodeLife/fresh`` is nobody else's concern and not sent.
    package var life: NodeLife = .whole
    /// The node's earlier lives of which it has not forgotten anything.
    package var keptLives: [KeptLife] = []

    /// The version that this code speaks.
    package static let currentVersion: UInt32 = 1

    /// Introduces a node.
    package init(
        mesh: MeshName,
        node: NodeName,
        runID: UInt64,
        incarnation: Incarnation,
        indexSerial: UInt64 = 0,
        clock: UnixMilliseconds,
        smallGrant: UInt64 = UInt64(Limits.smallGrantBytes),
        lastBatch: UInt64 = 0,
        lastOpenings: [FlowName: SequenceNumber] = [:],
        heldBatch: UInt64 = 0,
        heldIncarnation: Incarnation? = nil,
        heldOpenings: [FlowName: SequenceNumber] = [:],
        software: String = "tributary"
    ) {
        self.version = Self.currentVersion
        self.mesh = mesh
        self.node = node
        self.runID = runID
        self.incarnation = incarnation
        self.indexSerial = indexSerial
        self.clock = clock
        self.smallGrant = smallGrant
        self.lastBatch = lastBatch
        self.lastOpenings = lastOpenings
        self.heldBatch = heldBatch
        self.heldIncarnation = heldIncarnation
        self.heldOpenings = heldOpenings
        self.software = software
    }
}
