import Logging
import MeshContent
import MeshIdentity
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology

// Parcels that are too large for this node: it lets them through, and is never their custodian.
//
//     offered ── next hop asked ──▶ transit ── it admits ──▶ arrival with a window ── its custody
//                                     │ it refuses                 │ idle, withdrawn    ▼
//                                     ▼                            ▼                 passed
//                                  refused                       lapsed
//
// A blob lives here from its sync until the next hop acknowledges it; then it is given up, by a
// record. Whatever the next hop asks for later is asked of the giver again.
extension Engine {
    /// How many parcels may go through to one neighbour at a time.
    private static let slotsPerNextHop = 2
    /// How many parcels of one giver may wait for their next hop's word.
    private static let transitsMax = 16
    /// A parcel of which nothing moved for so long yields its slot, in milliseconds.
    private static let yieldsAfter: Int64 = 600_000
    /// A reservation of which nothing moved for so long lapses, in milliseconds.
    private static let lapsesAfter: Int64 = 7 * 86_400_000

    // MARK: Asking on

    /// Whether waiting for room is not enough: the parcel is larger than what is its own here.
    func mustGoThrough(_ opening: Opening, _ need: Int64) -> Bool {
        let shares = self.room.shares
        guard opening.collector != self.parts.node else { return false }
        return need > shares.most(for: opening.collector)
            || (shares.share > 0 && need > shares.share)
    }

    /// The neighbours that a parcel may go on to.
    func waysOn(for opening: Opening, from giver: NodeName) -> [NodeName] {
        guard opening.collector != self.parts.node else { return [] }
        return self.ways(to: opening.collector).filter { $0 != giver && $0 != opening.origin }
    }

    /// Asks the next hop for a parcel that has no room here; false if its way has none either.
    func goThrough(_ offer: WaitingOffer) -> Bool {
        let id = offer.opening.id
        guard self.transits[id] == nil,
            self.transits.values.count(where: { $0.giver == offer.giver }) < Self.transitsMax,
            self.freeRoom(for: offer.opening.opening.collector) >= self.throughWindow(for: offer)
        else { return false }
        self.transits[id] = Transit(
            opening: offer.opening,
            giver: offer.giver,
            need: Self.reservation(offer.opening.opening.size),
            since: offer.since,
            asked: nil
        )
        self.askOn()
        return true
    }

    private func throughWindow(for offer: WaitingOffer) -> Int64 {
        self.throughWindow(Self.reservation(offer.opening.opening.size))
    }

    /// What a parcel that goes through may hold: a quarter of the spool, half of its own share.
    private func throughWindow(_ need: Int64) -> Int64 {
        let shares = self.room.shares
        let most = shares.share > 0 ? min(shares.limit / 4, shares.share / 2) : shares.limit / 4
        return min(need, most)
    }

    /// Offers what waits in transit to a next hop that a call is up with.
    func askOn() {
        guard !self.isEnding, !self.standsStill else { return }
        for (parcel, transit) in self.transits where transit.asked == nil {
            let opening = transit.opening.opening
            guard self.heldFlows[opening.flow] == nil else { continue }
            let pinned = self.ask(nil) { try $0.parcel(parcel) }?.nextHop
            let ways = pinned.map { [$0] } ?? self.waysOn(for: opening, from: transit.giver)
            let hop = ways.first { way in
                self.isUp(way) && self.refusals[parcel]?[way] == nil
                    && self.throughCount(to: way) < Self.slotsPerNextHop
            }
            guard let hop, let call = self.calls[hop] else { continue }
            self.transits[parcel]?.asked = hop
            if let gift = call.gifts[parcel] {
                if gift.isAdmitted { _ = self.isAdmittedOn(parcel, by: call) }
                continue
            }
            call.gifts[parcel] = call.newGift(opening)
            call.session.send(.offer([transit.opening], again: false))
        }
    }

    private func throughCount(to peer: NodeName) -> Int {
        self.arrivals.values.count { $0.through?.nextHop == peer }
            + self.transits.values.count { $0.asked == peer && self.arrivals[$0.opening.id] == nil }
    }

    /// The next hop has admitted a parcel: so may this node, to let it through.
    ///
    /// - Returns: Whether it was one of those.
    func isAdmittedOn(_ parcel: ParcelID, by call: Call) -> Bool {
        if let transit = self.transits[parcel], transit.asked == call.peer {
            self.admitThrough(parcel, transit, to: call)
            return true
        }
        guard let arrival = self.arrivals[parcel], arrival.through?.nextHop == call.peer,
            let row = self.ask(nil, { try $0.parcel(parcel) }),
            let rebuilt = self.arrival(of: row, giver: arrival.giver)
        else { return false }
        // What it lacks and is no longer here is wanted of the giver again.
        self.arrivals[parcel] = rebuilt.keeping(arrival)
        if let giver = self.calls[arrival.giver] { self.fillWants(giver) }
        return false
    }

    private func admitThrough(_ parcel: ParcelID, _ transit: Transit, to call: Call) {
        let (giver, next) = (transit.giver, call.peer)
        let window = self.throughWindow(transit.need)
        self.roomTaken[parcel] = window
        self.log(
            [
                try .opening(transit.opening, from: .neighbour(giver), at: self.now),
                try .admission(
                    parcel,
                    reserved: ByteCount(window),
                    giver: giver,
                    mode: .through,
                    nextHop: next,
                    at: self.now
                ),
            ]
        ) {
            guard self.passes(.afterAdmitted) else { return }
            // The giver may have withdrawn it meanwhile.
            guard self.transits.removeValue(forKey: parcel) != nil || self.arrivals[parcel] != nil,
                let row = self.ask(nil, { try $0.parcel(parcel) }), row.mode == .through
            else {
                self.roomTaken[parcel] = nil
                self.lapseUnlisted(parcel)
                return
            }
            self.calls[next]?.gifts[parcel]?.number = row.number
            let known = self.arrivals[parcel]
            guard let arrival = self.arrival(of: row, giver: giver) else { return }
            self.arrivals[parcel] = known.map { arrival.keeping($0) } ?? arrival
            self.groups.insert(row.group)
            if let call = self.calls[next] { self.beginAdmitted(call) }
            guard let giverCall = self.calls[giver] else { return }
            if !giverCall.givers.contains(parcel) { giverCall.givers.append(parcel) }
            giverCall.session.send(
                .answer(
                    parcel,
                    .admitted(.through, has: arrival.had, entriesKnown: arrival.entriesKnown)
                )
            )
            self.fillWants(giverCall)
        }
    }

    /// A giver offers again what goes through here: its next hop is asked first, again.
    func resumeThrough(_ row: ParcelRow, from call: Call) {
        guard
            let opening = try? SignedOpening(bytes: row.opening, signature: row.openingSignature)
        else { return }
        if let old = self.arrivals[row.id], old.giver != call.peer, self.calls[old.giver] != nil {
            let soon = self.now.adding(milliseconds: 5_000)
            return call.session.send(
                .answer(row.id, .later(until: soon, why: "offered_twice"))
            )
        }
        self.transits[row.id] = Transit(
            opening: opening,
            giver: call.peer,
            need: Self.reservation(row.size),
            since: self.now,
            asked: nil
        )
        self.askOn()
        if self.transits[row.id] != nil {
            call.session.send(.answer(row.id, .later(until: nil, why: "next_hop")))
        }
    }

    /// The next hop will not take it: another may; if none does, nor does this node.
    func transitRefused(
        _ parcel: ParcelID,
        _ transit: Transit,
        _ why: String,
        _ detail: String,
        by call: Call
    ) {
        self.refusals[parcel, default: [:]][call.peer] = why
        self.transits[parcel]?.asked = nil
        let refused = self.refusals[parcel] ?? [:]
        let ways = self.waysOn(for: transit.opening.opening, from: transit.giver)
        guard ways.allSatisfy({ refused[$0] != nil }) else { return self.askOn() }
        self.dropTransit(parcel)
        self.refusals[parcel] = nil
        self.calls[transit.giver]?.session.send(
            .answer(parcel, .never(why: why, detail: "\(call.peer): \(detail)"))
        )
    }

    /// The next hop has the parcel already: its word goes to the giver.
    func passBack(_ statement: [UInt8], of parcel: ParcelID, _ transit: Transit) {
        self.dropTransit(parcel)
        self.calls[transit.giver]?.session.send(.answer(parcel, .passed(statement)))
    }

    /// The next hop has no room now: whoever offered it hears why it waits.
    func tellGiver(of parcel: ParcelID, later why: String) {
        guard let transit = self.transits[parcel] else { return }
        self.calls[transit.giver]?.session.send(
            .answer(parcel, .later(until: nil, why: "next_hop_\(why)"))
        )
    }

    func dropTransit(_ parcel: ParcelID) {
        guard let transit = self.transits.removeValue(forKey: parcel),
            let hop = transit.asked, let call = self.calls[hop], self.arrivals[parcel] == nil
        else { return }
        self.withdraw(parcel, from: call, why: "withdrawn")
    }

    /// A call has ended: its giver's transits are gone, its next hop's are asked of another.
    func forgetTransits(with peer: NodeName) {
        for (parcel, transit) in self.transits {
            if transit.giver == peer { self.dropTransit(parcel) }
            if transit.asked == peer { self.transits[parcel]?.asked = nil }
        }
    }

    // MARK: Through

    func through(of row: ParcelRow) -> Through? {
        guard row.mode == .through, let next = row.nextHop else { return nil }
        return Through(nextHop: next, window: row.reserved.rawValue)
    }

    /// How much more of a parcel this node may hold or have asked for.
    func throughRoom(_ arrival: Arrival) -> Int {
        guard let through = arrival.through else { return .max }
        // Without its next hop nobody knows what is wanted at all.
        guard self.gift(of: arrival.id, to: through.nextHop)?.isAdmitted == true else { return 0 }
        // Bytes that were given up may still take blocks.
        let free = Int(self.spool.freeRoom.rawValue)
        return min(Int(through.window - through.heldBytes) - arrival.wantedBytes, free)
    }

    /// Asks on for what goes through, where room came back that nobody told of: the daemon's upkeep
    /// gives back blocks, and others leave the file system.
    func fillWindows() {
        let givers = Set(self.arrivals.values.filter { $0.through != nil }.map(\.giver))
        for giver in givers { self.calls[giver].map { self.fillWants($0) } }
    }

    /// The next hop wants what is not here: it is wanted of the giver, again if need be.
    func wantForNextHop(_ numbers: RunSet, of parcel: ParcelID) {
        guard var arrival = self.arrivals[parcel], arrival.through != nil, !numbers.isEmpty,
            let row = self.ask(nil, { try $0.parcel(parcel) })
        else { return }
        let asked = Set(arrival.missing.map(\.number)).union(arrival.wanted.keys)
        for run in numbers.runs {
            let located = self.ask([]) {
                try $0.entries(
                    of: row.number,
                    from: run.lowerBound,
                    limit: Int(run.upperBound - run.lowerBound + 1)
                )
            }
            for one in located where one.location == nil && !asked.contains(one.number) {
                guard let entry = Entry(encoded: one.entry), !entry.isHole else { continue }
                arrival.had.remove(one.number)
                arrival.missing.append(WantedBlob(number: one.number, entry: entry))
            }
        }
        arrival.missing.sort { $0.number < $1.number }
        self.arrivals[parcel] = arrival
        if let giver = self.calls[arrival.giver] { self.fillWants(giver) }
    }

    /// The next hop has blobs: what only goes through gives its own copy up.
    func passedOn(_ numbers: RunSet, of parcel: ParcelID, to peer: NodeName) {
        guard let arrival = self.arrivals[parcel], arrival.through?.nextHop == peer,
            let row = self.ask(nil, { try $0.parcel(parcel) })
        else { return }
        var freed: Int64 = 0
        var gone = RunSet()
        for run in numbers.runs {
            let located = self.ask([]) {
                try $0.entries(
                    of: row.number,
                    from: run.lowerBound,
                    limit: Int(run.upperBound - run.lowerBound + 1)
                )
            }
            for one in located {
                guard let location = one.location, run.contains(one.number) else { continue }
                freed += Int64(location.length)
                gone.insert(one.number)
            }
        }
        guard !gone.isEmpty else { return }
        self.log([try .release(parcel, gone, at: self.now)]) {
            guard var arrival = self.arrivals[parcel], arrival.through != nil else { return }
            arrival.movedAt = self.now
            arrival.through?.letGo(freed)
            self.arrivals[parcel] = arrival
            self.roomTaken[parcel] = arrival.through.map { $0.window - $0.heldBytes }
            if let giver = self.calls[arrival.giver] { self.fillWants(giver) }
        }
        if self.freeRoom < arrival.through.map({ $0.window }) ?? 0 { self.makeRoom() }
    }

    // MARK: Lapse

    /// Gives up what was promised to parcels of which nothing has moved for long.
    func lapseIdle(_ now: UnixMilliseconds) {
        for arrival in self.arrivals.values {
            let since = max(arrival.movedAt, self.startedAt)
            let isIdle =
                arrival.through == nil
                ? now.rawValue - since.rawValue >= Self.lapsesAfter
                : now.rawValue - since.rawValue >= Self.yieldsAfter
            guard isIdle, !arrival.isComplete else { continue }
            let giver = self.calls[arrival.giver]
            self.lapse(arrival.id, why: arrival.through == nil ? "lapsed" : "yielded")
            giver?.session.send(
                .answer(
                    arrival.id,
                    .later(until: now.adding(milliseconds: 60_000), why: "yielded")
                )
            )
        }
    }

    /// The same for what was admitted and is not wanted any more.
    private func lapseUnlisted(_ parcel: ParcelID) {
        self.log([try .lapse(parcel, why: "withdrawn", at: self.now)]) {}
    }

    /// Forgets a parcel that this node never was custodian of.
    func lapse(_ parcel: ParcelID, why: String) {
        guard self.arrivals[parcel] != nil else { return }
        self.parts.logger.notice(
            "Reservation lapses",
            metadata: ["parcel.id": "\(parcel)", "error.code": "\(why)"]
        )
        self.transits[parcel] = nil
        self.landings.forget(parcel)
        self.forgetArrival(parcel)
        for call in self.calls.values { self.withdraw(parcel, from: call, why: why) }
        self.log([try .lapse(parcel, why: why, at: self.now)]) { self.admitWaiting() }
    }
}

extension Arrival {
    /// The same, rebuilt from the index, with what only memory knows.
    func keeping(_ old: Self) -> Self {
        var merged = self
        merged.fresh = old.fresh
        merged.stale = self.stale.filter { !old.fresh.contains($0) }
        merged.wanted = old.wanted
        merged.missing = self.missing.filter { old.wanted[$0.number] == nil }
        merged.movedAt = old.movedAt
        merged.entriesLogged = max(self.entriesLogged, old.entriesLogged)
        merged.isClosingLogged = self.isClosingLogged || old.isClosingLogged
        return merged
    }
}
