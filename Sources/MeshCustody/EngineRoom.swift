import Dispatch
import Logging
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology

/// Who uses the spool, as of a moment ago.
struct RoomUse {
    var shares: RoomShares
    var byOrigin: [NodeName: Int64] = [:]
    var byNeighbour: [NodeName: Int64] = [:]
    /// When the index is asked again.
    var staleAt = UnixMilliseconds(0)
    /// Bytes of files that were captured, are not copied, and wait in a source; until when that is
    /// believed.
    var inSources: [FlowName: (bytes: Int64, staleAt: UnixMilliseconds)] = [:]

    mutating func took(_ bytes: Int64, _ opening: Opening, from giver: NodeName) {
        self.shares.used[opening.collector, default: 0] += bytes
        self.byOrigin[opening.origin, default: 0] += bytes
        self.byNeighbour[giver, default: 0] += bytes
    }
}

// What there is room for. Everything counts allocated blocks; promises count as if kept.
extension Engine {
    private static let useIsFreshFor: Int64 = 1_000

    /// The room that a parcel of so many bytes is promised; without a copy, that of its entries.
    static func reservation(_ size: ByteCount, isCopied: Bool = true) -> Int64 {
        let bytes = min(size.rawValue, Limits.fileBytesMax)
        return (isCopied ? bytes : 0) + bytes / 64 + (1 << 20)
    }

    /// Whether a file may be captured that stays in its source: those of a source are together no
    /// more than a spool would hold, so that little is read in vain if they change, or there is only
    /// this one.
    func mayWaitInSource(_ size: Int64, of flow: FlowName) -> Bool {
        var known = self.room.inSources[flow] ?? (0, UnixMilliseconds(0))
        if known.staleAt <= self.now {
            known.bytes = self.ask(0) { try $0.bytesInSource(of: flow) }
            known.staleAt = self.now.adding(milliseconds: Self.useIsFreshFor)
            self.room.inSources[flow] = known
        }
        return known.bytes == 0 || known.bytes + size <= self.parts.view.spool.rawValue
    }

    /// The bytes of the spool, and of its file system, that are neither used nor promised, nor kept
    /// for control.
    var freeRoom: Int64 {
        let taken = self.roomTaken.values.reduce(0, +)
        return self.spool.freeRoom.rawValue - self.room.shares.reserve - taken
    }

    /// The same, less what belongs to other collectors.
    func freeRoom(for collector: NodeName, keeping promised: Int64 = 0) -> Int64 {
        self.refreshRoom()
        return self.room.shares.free(for: collector, of: self.freeRoom, keeping: promised)
    }

    /// Whom this node takes parcels for: itself, its flows' collectors, those that it lies between.
    static func collectors(of parts: EngineParts) -> Set<NodeName> {
        var found: Set<NodeName> = []
        for flow in parts.index.flows {
            let isOwn = flow.collector == parts.node || flow.origins.contains(parts.node)
            if isOwn || Self.isBetween(flow, parts) { found.insert(flow.collector) }
        }
        return found
    }

    private static func isBetween(_ flow: PublicIndex.FlowEntry, _ parts: EngineParts) -> Bool {
        let onwards = Set(parts.index.nextHops(from: parts.node, to: flow.collector))
        let neighbours = parts.index.neighbours(of: parts.node)
        return flow.origins.contains { origin in
            neighbours.contains { giver in
                let hasWay =
                    giver == origin
                    || parts.index.hasWay(from: origin, through: giver, to: parts.node)
                return hasWay && !onwards.subtracting([giver, origin]).isEmpty
            }
        }
    }

    /// Asks the index who uses the spool, where that matters and the last answer is old.
    private func refreshRoom() {
        let hasQuota =
            self.parts.view.quotaPerOrigin != nil
            || self.parts.view.quotaPerNeighbour != nil
        guard self.room.shares.collectors.count > 1 || hasQuota, self.room.staleAt <= self.now
        else { return }
        self.room.staleAt = self.now.adding(milliseconds: Self.useIsFreshFor)
        self.room.shares.used = [:]
        self.room.byOrigin = [:]
        self.room.byNeighbour = [:]
        for use in self.ask([], { try $0.bytesHeld() }) {
            self.room.shares.used[use.collector, default: 0] += use.bytes
            self.room.byOrigin[use.origin, default: 0] += use.bytes
            if let giver = use.giver { self.room.byNeighbour[giver, default: 0] += use.bytes }
        }
        for arrival in self.arrivals.values where arrival.through != nil {
            self.room.shares.used[arrival.opening.collector, default: 0] +=
                self.roomTaken[arrival.id] ?? 0
        }
    }

    /// Whether an origin or a neighbour would have more here than its quota; which one.
    func exceededQuota(_ opening: Opening, _ need: Int64, from giver: NodeName) -> String? {
        self.refreshRoom()
        let view = self.parts.view
        if let quota = view.quotaPerOrigin,
            (self.room.byOrigin[opening.origin] ?? 0) + need > quota.rawValue
        {
            return "quota_origin"
        }
        if let quota = view.quotaPerNeighbour,
            (self.room.byNeighbour[giver] ?? 0) + need > quota.rawValue
        {
            return "quota_neighbour"
        }
        return nil
    }

    /// Has a worker remove segments that nobody needs; whoever waits for room is looked at again.
    func makeRoom() {
        guard !self.isMakingRoom else { return }
        self.isMakingRoom = true
        let (spool, mailbox, logger) = (self.spool, self.mailbox, self.parts.logger)
        EngineWorkers.checks.async {
            let before = spool.allocatedBytes
            do { try spool.maintain(wantingRoom: true) } catch {
                logger.error("Spool not maintained", metadata: ["error": "\(error)"])
            }
            mailbox.yield(.roomMade(isMore: spool.allocatedBytes < before))
        }
    }
}
