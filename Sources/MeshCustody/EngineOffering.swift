import Logging
import MeshIdentity
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology

// The giver's side: what goes to whom, and what goes first.
extension Engine {
    private static let readAhead = 128

    /// Hands on what this neighbour is the way for, as far as bounds allow.
    func give(_ call: Call) {
        guard !self.isEnding, !self.isStopped, !self.standsStill, !call.isQuiet else { return }
        self.offerAgain(call)
        let groups = self.groups.filter { self.mayGive($0, to: call) }
        let classes = Set(groups.map(\.parcelClass)).sorted()
        for number in classes {
            let inClass = groups.filter { $0.parcelClass == number }
            self.start(inClass.filter { !$0.isSmall }, on: call)
            self.start(inClass.filter(\.isSmall), on: call)
        }
        self.giveRefused(to: call)
        self.beginAdmitted(call)
    }

    /// A parcel has become durable here that somebody may be given.
    func hasCome(_ parcel: ParcelID) {
        guard let row = self.ask(nil, { try $0.parcel(parcel) }) else { return }
        self.mayBeGiven([row])
    }

    /// Small files of one flow were captured together: of those that are new one stands for all.
    func haveCome(_ healed: [ParcelID], new: [ParcelID]) {
        self.mayBeGiven(Array(self.rows(of: healed + new.prefix(1)).values))
        for parcel in healed + new { self.supersede(by: parcel) }
    }

    /// Lets every call look at parcels again that it may have looked past.
    func mayBeGiven(_ rows: [ParcelRow]) {
        for group in Set(rows.map(\.group)) where group.collector != self.parts.node {
            self.groups.insert(group)
            for call in self.calls.values { call.queue.restart(group) }
        }
    }

    /// Looks at every live parcel again for every call: which way is best may have changed.
    ///
    /// What was offered to a neighbour that is no longer the best way, and has not begun, is
    /// withdrawn there.
    func reroute() {
        for call in self.calls.values {
            call.queue.restartAll()
            for (parcel, gift) in call.gifts where !gift.isBegun && gift.number > 0 {
                guard let row = self.ask(nil, { try $0.parcel(parcel) }),
                    let best = self.nextHop(of: row), best != call.peer
                else { continue }
                self.withdraw(parcel, from: call, why: "rerouted")
            }
        }
    }

    /// Tells a neighbour that a parcel will not come from here.
    func withdraw(_ parcel: ParcelID, from call: Call, why: String) {
        guard call.gifts.removeValue(forKey: parcel) != nil else { return }
        call.session.send(.withdrawn(parcel, why: why))
    }

    // MARK: Which way

    /// The best neighbour towards a parcel's collector that a call is up with.
    ///
    /// Never one that the parcel has passed: a parcel goes in no circle.
    func nextHop(of row: ParcelRow) -> NodeName? {
        // Whoever was asked to admit it before this node did is who gets it.
        if row.mode == .through { return row.nextHop }
        let passed = Set(row.passage.compactMap { PassageLine(encoded: $0)?.node })
        return self.waysNow(to: row.collector).first { way in
            self.isUp(way) && way != row.giver && !passed.contains(way)
                && way != row.stream.origin && self.refusals[row.id]?[way] == nil
        }
    }

    /// Whether a call is up that something may be sent on.
    func isUp(_ peer: NodeName) -> Bool { self.calls[peer].map { !$0.isQuiet } ?? false }

    /// The neighbours that lead to a collector, best first.
    func ways(to collector: NodeName) -> [NodeName] {
        if let known = self.routes[collector] { return known }
        let ways = self.parts.index.nextHops(from: self.parts.node, to: collector)
        self.routes[collector] = ways
        return ways
    }

    /// The same; a drain to one neighbour prefers it.
    private func waysNow(to collector: NodeName) -> [NodeName] {
        let ways = self.ways(to: collector)
        guard let to = self.draining?.task.to, ways.contains(to) else { return ways }
        return [to] + ways.filter { $0 != to }
    }

    private func mayGive(_ group: ParcelGroup, to call: Call) -> Bool {
        guard self.heldFlows[group.flow] == nil else { return false }
        let best = self.waysNow(to: group.collector).first { way in
            self.isUp(way) && way != group.giver && way != group.origin
        }
        return best == call.peer
    }

    private func isFor(_ call: Call, _ row: ParcelRow) -> Bool {
        guard !row.isDamaged, !self.isHeldBack(row), row.giver != call.peer,
            !call.isGiving(row.id), !(row.isSmall && row.state != .held),
            !row.isInSource || self.canBeRead(row)
        else { return false }
        return self.nextHop(of: row) == call.peer
    }

    /// Whether the source may have the blobs of a parcel that is not copied: one that is not all
    /// captured, and not being captured either, waits for its source.
    private func canBeRead(_ row: ParcelRow) -> Bool {
        self.parts.sources[row.stream.flow] != nil
            && (row.state == .held || self.sources.capturing.contains(row.id))
    }

    /// The order in which parcels of a flow start, here as at their origin.
    func order(of flow: FlowName) -> FileOrder {
        self.parts.index.flow(flow)?.first ?? .oldest
    }

    // MARK: What goes first

    /// Starts parcels of one class, origins in turn, until bounds are reached or none is left.
    private func start(_ groups: [ParcelGroup], on call: Call) {
        guard let parcelClass = groups.first?.parcelClass else { return }
        var rows: [ParcelID: ParcelRow] = [:]
        var offered = self.offered(parcelClass, on: call)
        var open = groups.filter {
            self.hasRoom(for: $0, call, offered[$0.collector]) && !call.queue.isEmpty($0)
        }
        while !open.isEmpty, !self.isStopped {
            let origins = Set(open.map(\.origin))
            guard let isSmall = open.first?.isSmall,
                let origin = call.queue.origin(of: origins, isSmall: isSmall),
                let place = open.firstIndex(where: { $0.origin == origin })
            else { return }
            let group = open[place]
            if let row = self.takeNext(of: group, for: call, &rows) {
                call.queue.took(row.size.rawValue, of: origin, isSmall: isSmall)
                if isSmall {
                    self.giveSmall(row, to: call)
                } else {
                    let size = row.size.rawValue
                    offered[group.collector, default: call.noneOffered].add(size, isAdmitted: false)
                    self.offer(row, to: call)
                }
            } else {
                open.remove(at: place)
            }
            open.removeAll { !self.hasRoom(for: $0, call, offered[$0.collector]) }
        }
    }

    /// What of a class is offered, by collector.
    private func offered(_ parcelClass: UInt8, on call: Call) -> [NodeName: OfferedParcels] {
        let gifts = call.gifts.values.filter { $0.parcelClass == parcelClass }
        // Where one must wait, no more than a few are offered any more.
        var offered: [NodeName: OfferedParcels] = [:]
        for gift in gifts where gift.waits != nil && !gift.isDone {
            offered[gift.collector] = OfferedParcels(
                atMost: GivingLimits.offered.brief(atMost: 0)
            )
        }
        for gift in gifts {
            offered[gift.collector, default: call.noneOffered].add(gift)
        }
        return offered
    }

    private func hasRoom(for group: ParcelGroup, _ call: Call, _ offered: OfferedParcels?) -> Bool {
        if let until = call.fullFor[group.collector] {
            if group.isSmall, until > self.now { return false }
            if until <= self.now { call.fullFor[group.collector] = nil }
        }
        if group.isSmall { return call.smallBytesInFlight < call.hello.smallGrant }
        return (offered ?? call.noneOffered).hasRoom
    }

    /// The next of a group that is for a neighbour; `rows` are those that were read ahead.
    private func takeNext(
        of group: ParcelGroup,
        for call: Call,
        _ rows: inout [ParcelID: ParcelRow]
    ) -> ParcelRow? {
        let order = self.order(of: group.flow)
        if order == .newest, call.queue.isTurnOfOldest(group) {
            let oldest = self.ask([]) {
                try $0.waiting(in: group, first: .oldest, after: nil, limit: Self.readAhead)
            }
            for waiting in oldest {
                guard let row = self.ask(nil, { try $0.parcel(waiting.id) }), self.isFor(call, row)
                else { continue }
                call.queue.started(group)
                return row
            }
        }
        while !self.isStopped {
            let next = call.queue.pop(group, isBusy: { call.isGiving($0) }) { last in
                self.ask([]) {
                    try $0.waiting(in: group, first: order, after: last, limit: Self.readAhead)
                }
            }
            guard let next else { return nil }
            if rows[next.id] == nil {
                // As many as there may be room for: they are asked for together.
                let grant = Int(clamping: call.hello.smallGrant)
                let room = group.isSmall ? grant - Int(clamping: call.smallBytesInFlight) : 0
                rows = self.rows(of: [next.id] + call.queue.ahead(in: group, within: room))
            }
            if let row = rows[next.id], self.isFor(call, row) { return row }
        }
        return nil
    }

    /// What the best way will not take may go another way.
    private func giveRefused(to call: Call) {
        for parcel in self.refusals.keys where !call.isGiving(parcel) {
            guard let row = self.ask(nil, { try $0.parcel(parcel) }),
                row.state == .held || row.state == .arriving,
                row.collector != self.parts.node, self.isFor(call, row),
                self.offered(row.parcelClass, on: call)[row.collector]?.areMost != true
            else { continue }
            if row.isSmall { self.giveSmall(row, to: call) } else { self.offer(row, to: call) }
        }
    }

    // MARK: Offers

    private func offerAgain(_ call: Call) {
        for (parcel, gift) in call.gifts {
            guard let again = gift.offerAgainAt, again <= self.now else { continue }
            if let row = self.ask(nil, { try $0.parcel(parcel) }) {
                self.offer(row, to: call)
            } else if let transit = self.transits[parcel] {
                call.gifts[parcel]?.offerAgainAt = nil
                call.session.send(.offer([transit.opening], again: false))
            }
        }
    }

    private func offer(_ row: ParcelRow, to call: Call) {
        guard
            let opening = try? SignedOpening(bytes: row.opening, signature: row.openingSignature)
        else { return self.parts.logger.error("Opening unreadable") }
        var gift = call.gifts[row.id] ?? call.newGift(opening.opening)
        gift.number = row.number
        gift.file = gift.file ?? self.blobsInSource(of: row).map { GivenFile($0) }
        gift.offerAgainAt = nil
        call.gifts[row.id] = gift
        call.session.send(.offer([opening], again: row.passedAt != nil))
    }

    private func giveSmall(_ row: ParcelRow, to call: Call) {
        guard let body = row.body else { return }
        do {
            let record = try self.spool.read(body, verify: true)
            let small = try SmallParcel(recordBody: record)
            call.smallsInFlight[row.id] = small.grantBytes
            call.smallBytesInFlight += small.grantBytes
            call.session.serveSmall(
                .small(small, self.passageOn(row), again: row.passedAt != nil),
                class: row.parcelClass
            )
        } catch {
            self.isUnreadable(row.id.digest, of: row.id)
        }
    }

    /// Begins what a neighbour has admitted, a bounded number at a time; what began finishes first.
    func beginAdmitted(_ call: Call) {
        let none = call.noneBegun
        var begun: [GiftLane: OpenParcels] = [:]
        for gift in call.gifts.values where gift.isBegun && !gift.isDone {
            begun[gift.lane, default: none].add(gift.size.rawValue)
        }
        let waiting = call.gifts.filter { $0.value.isAdmitted && !$0.value.isBegun }
            .sorted { $0.value.order < $1.value.order }
        var full: Set<GiftLane> = []
        for (parcel, gift) in waiting where !full.contains(gift.lane) {
            // None that is shorter overtakes it.
            guard begun[gift.lane, default: none].admits(gift.size.rawValue) else {
                full.insert(gift.lane)
                continue
            }
            begun[gift.lane, default: none].add(gift.size.rawValue)
            call.gifts[parcel]?.isBegun = true
            call.gifts[parcel]?.begunAt = self.now
            self.pushEntries(of: parcel, to: call)
        }
    }

    func gift(of parcel: ParcelID, to peer: NodeName) -> Gift? { self.calls[peer]?.gifts[parcel] }

    // MARK: Newer versions

    /// Ends older versions of a file that wait here, where the flow carries the latest only.
    ///
    /// Never one of which a byte went out, and never before the newer one is held whole.
    func supersede(by parcel: ParcelID) {
        guard self.carriesLatestOnly, let row = self.ask(nil, { try $0.parcel(parcel) }),
            self.parts.index.flow(row.stream.flow)?.latestOnly == true,
            row.collector != self.parts.node, row.state == .held, !row.isDamaged
        else { return }
        for older in self.ask([], { try $0.olderVersions(of: row) })
        where older.id != row.id && !older.isDamaged && !self.hasBegun(older.id) {
            self.end(older.id, .superseded, reason: "newer_version", detail: "\(row.id)")
        }
    }

    private var carriesLatestOnly: Bool { self.parts.index.flows.contains { $0.latestOnly } }

    private func hasBegun(_ parcel: ParcelID) -> Bool {
        self.calls.values.contains { call in
            call.smallsInFlight[parcel] != nil || call.gifts[parcel]?.isBegun == true
        }
    }
}

/// What of one class and collector is offered to a neighbour; see ``GivingLimits``.
struct OfferedParcels {
    private var open: OpenParcels
    private var unanswered = 0
    /// Those included that wait for custody only.
    private var count = 0

    init(atMost limit: OpenParcels.Limit) { self.open = OpenParcels(atMost: limit) }

    mutating func add(_ gift: Gift) {
        guard !gift.isDone else { return self.count += 1 }
        self.add(gift.size.rawValue, isAdmitted: gift.isAdmitted)
    }

    mutating func add(_ size: Int64, isAdmitted: Bool) {
        self.count += 1
        self.open.add(size)
        if !isAdmitted { self.unanswered += 1 }
    }

    var areMost: Bool { self.count >= GivingLimits.giftsMax }

    var hasRoom: Bool {
        guard !self.areMost else { return false }
        return self.open.areFew
            || (self.unanswered < GivingLimits.unansweredMax && self.open.admits())
    }
}

/// What shares the bound on parcels that are begun.
struct GiftLane: Hashable {
    let parcelClass: UInt8
    let collector: NodeName
    let isShort: Bool
}

extension Gift {
    var lane: GiftLane {
        GiftLane(
            parcelClass: self.parcelClass,
            collector: self.collector,
            isShort: self.size.isShort
        )
    }
}

extension ByteCount {
    /// Whether a file of this length need not wait for a long one that began before.
    var isShort: Bool { self.rawValue <= GivingLimits.shortMax }
}

extension Call {
    /// Whether a parcel is on its way to this neighbour.
    func isGiving(_ parcel: ParcelID) -> Bool {
        self.gifts[parcel] != nil || self.smallsInFlight[parcel] != nil
    }

    func newGift(_ opening: Opening) -> Gift {
        self.giftsMade += 1
        return Gift(
            number: 0,
            parcelClass: opening.parcelClass,
            collector: opening.collector,
            size: opening.size,
            order: self.giftsMade
        )
    }
}
