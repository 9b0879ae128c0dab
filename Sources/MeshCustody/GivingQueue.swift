import MeshModel
import MeshPolicy
import MeshSpool

/// What one neighbour is to be given next, group by group.
///
/// Nothing but a place in the index's order and some rows read ahead: it may be forgotten at any
/// time and begins again from the front.
struct GivingQueue {
    /// One start in so many goes to the parcel that has waited longest, where the newest go first.
    static let oldestEvery = 8

    private struct Line {
        var ahead: ArraySlice<WaitingParcel> = []
        var last: WaitingParcel?
        var isAtEnd = false
        var starts = 0
    }

    private var lines: [ParcelGroup: Line] = [:]
    private var smallTurns = FairTurns<NodeName>()
    private var largeTurns = FairTurns<NodeName>()

    /// Looks at a group again from its front: something came that may go before the rest.
    mutating func restart(_ group: ParcelGroup) {
        let starts = self.lines[group]?.starts ?? 0
        self.lines[group] = Line(starts: starts)
    }

    /// Looks at everything again.
    mutating func restartAll() {
        for group in self.lines.keys { self.restart(group) }
    }

    /// Whether a group has nothing more to start, as far as was read.
    func isEmpty(_ group: ParcelGroup) -> Bool {
        self.lines[group].map { $0.isAtEnd && $0.ahead.isEmpty } ?? false
    }

    /// Takes the next parcel of a group.
    ///
    /// `more` reads on after a parcel; `isBusy` says which parcels are on their way already.
    mutating func pop(
        _ group: ParcelGroup,
        isBusy: (ParcelID) -> Bool,
        more: (WaitingParcel?) -> [WaitingParcel]
    ) -> WaitingParcel? {
        var line = self.lines[group] ?? Line()
        defer { self.lines[group] = line }
        while true {
            while let next = line.ahead.popFirst() {
                guard !isBusy(next.id) else { continue }
                line.starts += 1
                return next
            }
            if line.isAtEnd { return nil }
            let read = more(line.last)
            line.last = read.last ?? line.last
            line.ahead = read[...]
            line.isAtEnd = read.isEmpty
        }
    }

    /// Parcels that come after those taken, up to a sum of their sizes, as far as was read.
    func ahead(in group: ParcelGroup, within bytes: Int) -> [ParcelID] {
        var room = Int64(bytes)
        return (self.lines[group]?.ahead ?? []).prefix { parcel in
            room -= parcel.size
            return room > 0
        }.map(\.id)
    }

    /// Whether the next start of a group is the turn of the one that has waited longest.
    func isTurnOfOldest(_ group: ParcelGroup) -> Bool {
        (self.lines[group]?.starts ?? 0) % Self.oldestEvery == Self.oldestEvery - 1
    }

    /// A parcel was started out of the order.
    mutating func started(_ group: ParcelGroup) { self.lines[group, default: Line()].starts += 1 }

    /// Which of several origins goes next.
    mutating func origin(of origins: Set<NodeName>, isSmall: Bool) -> NodeName? {
        isSmall ? self.smallTurns.next(of: origins) : self.largeTurns.next(of: origins)
    }

    /// Puts a start to an origin's account.
    mutating func took(_ bytes: Int64, of origin: NodeName, isSmall: Bool) {
        if isSmall {
            self.smallTurns.took(bytes, by: origin)
        } else {
            self.largeTurns.took(bytes, by: origin)
        }
    }
}
