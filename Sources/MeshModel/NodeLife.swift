/// Whether a node may act as the one that its log says it is.
public enum NodeLife: String, Hashable, Sendable, Codable {
    /// Nothing speaks against it.
    case whole
    /// Its log began empty, and not every neighbour was met since: somebody may know a later life.
    case fresh
    /// Another run of this node has acted in its name.
    case doubled
    /// A neighbour has what this node signed and no longer knows: its home came from a backup.
    case rolledBack = "rolled-back"

    /// Whether it moves nothing until its operator has decided.
    public var standsStill: Bool { self == .doubled || self == .rolledBack }
}

/// An earlier life of a node's log of which it still knows everything up to a batch.
public struct KeptLife: Hashable, Sendable {
    /// The life.
    public var incarnation: Incarnation
    /// What was stated in it up to this batch still stands.
    public var batch: UInt64
    /// Gathers the two.
    public init(incarnation: Incarnation, batch: UInt64) {
        self.incarnation = incarnation
        self.batch = batch
    }
}
