package import MeshModel

/// Divides the room of a spool, so that full never becomes lockup.
///
/// Every collector that a node works for has a share that others cannot take; the rest is common.
/// Parcels for one collector therefore always have room to drain into at the next node, whatever
/// waits there for another.
package struct RoomShares: Sendable, Hashable {
    /// The most that the spool may take, in bytes.
    package let limit: Int64
    /// Whom this node takes parcels for.
    package let collectors: Set<NodeName>
    /// Bytes held or promised, by collector.
    package var used: [NodeName: Int64] = [:]

    /// Divides `limit` among collectors.
    package init(limit: Int64, collectors: Set<NodeName>) {
        (self.limit, self.collectors) = (limit, collectors)
    }

    /// Kept for control, and for what segments take beyond their records: statements move while
    /// everything else is full.
    package var reserve: Int64 { min(max(self.limit / 8, 8 << 20), 128 << 20) }

    /// What each collector has for itself: nothing where there is only one.
    package var share: Int64 {
        self.collectors.count < 2 ? 0 : self.limit / Int64(2 * self.collectors.count)
    }

    /// What parcels for one collector may take at most, with nothing else in the spool.
    package func most(for collector: NodeName) -> Int64 {
        let others = self.collectors.subtracting([collector]).count
        return self.limit - self.reserve - Int64(others) * self.share
    }

    /// What is free for parcels of one collector.
    ///
    /// - Parameters:
    ///   - collector: Whose parcels.
    ///   - free: Bytes that nobody uses and nobody was promised.
    ///   - promised: What the common room must keep for an offer that waits, if any.
    /// - Returns: Bytes; may be negative.
    package func free(for collector: NodeName, of free: Int64, keeping promised: Int64 = 0) -> Int64
    {
        let others = self.collectors.reduce(Int64(0)) { sum, other in
            other == collector ? sum : sum + max(0, self.share - (self.used[other] ?? 0))
        }
        let own = max(0, self.share - (self.used[collector] ?? 0))
        return max(free - others - promised, min(free, own))
    }
}
