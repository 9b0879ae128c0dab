import Dispatch
import Logging
import MeshContent
import MeshIdentity
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology

// The receiver's side: who may bring what, and what there is room for.
extension Engine {
    func offered(_ opening: SignedOpening, again: Bool, by call: Call) {
        if let fault = self.fault(in: opening.opening, from: call.peer) {
            return call.session.send(
                .answer(opening.id, .never(why: fault.code, detail: fault.detail))
            )
        }
        guard let key = self.key(of: opening.opening), opening.isSigned(by: key) else {
            return call.session.send(
                .answer(
                    opening.id,
                    .never(why: "signature_invalid", detail: "opening not verified")
                )
            )
        }
        if let row = self.ask(nil, { try $0.parcel(opening.id) }) {
            return self.answerKnown(row, again: again, to: call)
        }
        if let other = self.ask(
            nil,
            {
                try $0.parcel(of: opening.opening.stream, opening.opening.sequence)
            }
        ), other != opening.id {
            return self.refuseDoubled(opening, closing: nil, by: call)
        }
        if self.endCameFirst(opening.opening) {
            return call.session.send(
                .answer(
                    opening.id,
                    .never(why: "ended", detail: "word of its end came before it")
                )
            )
        }
        let soon = self.now.adding(milliseconds: 5_000)
        if let transit = self.transits[opening.id], transit.giver == call.peer { return }
        if self.transits[opening.id] != nil {
            return call.session.send(
                .answer(opening.id, .later(until: soon, why: "offered_twice"))
            )
        }
        if let arrival = self.arrivals[opening.id] {
            // Its admission is on its way to the disk; a second giver comes back.
            guard arrival.giver != call.peer else { return }
            return call.session.send(
                .answer(opening.id, .later(until: soon, why: "offered_twice"))
            )
        }
        if self.refuseWhileShut(opening.id, by: call) { return }
        if let never = self.neverFits(opening.opening, from: call.peer) {
            return call.session.send(
                .answer(opening.id, .never(why: never.code, detail: never.detail))
            )
        }
        let waiting = self.waitingOffers.count { $0.giver == call.peer }
        guard waiting < Limits.offersUnansweredMax,
            !self.waitingOffers.contains(where: { $0.opening.id == opening.id })
        else {
            return call.session.send(.answer(opening.id, .later(until: soon, why: "full")))
        }
        self.offersTaken += 1
        self.waitingOffers.append(
            WaitingOffer(
                opening: opening,
                giver: call.peer,
                order: self.offersTaken,
                since: self.now
            )
        )
        self.admitWaiting()
        if self.waitingOffers.contains(where: { $0.opening.id == opening.id }) {
            let why = self.exceededQuota(
                opening.opening,
                Self.reservation(opening.opening.size),
                from: call.peer
            )
            call.session.send(.answer(opening.id, .later(until: nil, why: why ?? "full")))
        } else if self.transits[opening.id] != nil {
            call.session.send(.answer(opening.id, .later(until: nil, why: "next_hop")))
        }
    }

    /// Why a parcel can never be held here, nor go through, if so.
    private func neverFits(_ opening: Opening, from peer: NodeName) -> (
        code: String, detail: String
    )? {
        let need = Self.reservation(opening.size)
        let view = self.parts.view
        if let quota = view.quotaPerOrigin, need > quota.rawValue {
            return (
                "quota", "\(opening.origin) may have \(quota) here, this needs \(ByteCount(need))"
            )
        }
        if let quota = view.quotaPerNeighbour, need > quota.rawValue {
            return ("quota", "\(peer) may have \(quota) here, this needs \(ByteCount(need))")
        }
        guard need > self.room.shares.most(for: opening.collector),
            self.waysOn(for: opening, from: peer).isEmpty
        else { return nil }
        return ("too_large", "needs \(ByteCount(need)), the spool has \(view.spool)")
    }

    /// Whether a parcel that was never here has ended: word of it may overtake the parcel.
    func endCameFirst(_ opening: Opening) -> Bool {
        self.ask(false) { try $0.hasSeen(opening.stream, opening.sequence) }
    }

    /// What is wrong with an opening that a neighbour hands over, if anything.
    func fault(in opening: Opening, from peer: NodeName) -> (code: String, detail: String)? {
        guard opening.mesh == self.parts.mesh else { return ("wrong_mesh", "\(opening.mesh)") }
        guard let flow = self.parts.index.flow(opening.flow) else {
            return ("unknown_flow", "no flow \(opening.flow) in the index")
        }
        guard flow.origins.contains(opening.origin), flow.collector == opening.collector else {
            return ("not_declared", "\(opening.origin) does not send \(opening.flow) to there")
        }
        let hasWay =
            opening.origin == peer
            ? self.parts.index.neighbours(of: self.parts.node).contains(peer)
            : self.parts.index.hasWay(
                from: opening.origin,
                through: peer,
                to: self.parts.node
            )
        guard hasWay else { return ("no_way", "no declared way leads through \(peer)") }
        return nil
    }

    func key(of opening: Opening) -> StatementPublicKey? {
        self.parts.index.statementKey(opening.origin, opening.keyID)
    }

    func answerKnown(_ row: ParcelRow, again: Bool, to call: Call) {
        if row.state == .arriving, self.landings.promised[row.id] != nil {
            // It is whole where it lands, and gets its name.
            let soon = self.now.adding(milliseconds: 5_000)
            return call.session.send(.answer(row.id, .later(until: soon, why: "stating")))
        }
        let needsBytes = row.state == .arriving || (row.state == .held && row.isDamaged)
        if needsBytes {
            return row.mode == .through
                ? self.resumeThrough(row, from: call) : self.resume(row, from: call)
        }
        if again, self.takesAgain(row, from: call) { return }
        let statements = self.ask([]) { try $0.statements(of: row.number) }
        let words = statements.compactMap { stored in
            (try? SignedStatement(trusted: stored.bytes)).map { (stored, $0) }
        }
        let terminal = words.last { $0.1.kind.isTerminal }
        let custody = words.last { $0.1.kind == .custody }
        guard let (stored, statement) = terminal ?? custody else {
            // Captured here: whoever offers it back has it from this node.
            return call.session.send(
                .answer(row.id, .never(why: "own", detail: "this node is its custodian"))
            )
        }
        let isOwn = stored.isIssuedHere || statement.kind.isTerminal
        call.session.send(
            .answer(row.id, isOwn ? .statement(stored.bytes) : .passed(stored.bytes))
        )
    }

    /// Admits offers that waited: the most urgent first, then the one that has waited longest.
    ///
    /// Freed room accrues to the first that does not fit; others pass only where their collector
    /// has room of its own.
    func admitWaiting() {
        guard !self.isEnding, !self.standsStill, !self.waitingOffers.isEmpty else { return }
        self.waitingOffers.removeAll { self.calls[$0.giver] == nil }
        self.waitingOffers.sort { left, right in
            (left.opening.opening.parcelClass, left.order)
                < (right.opening.opening.parcelClass, right.order)
        }
        var rest: [WaitingOffer] = []
        var promised: Int64 = 0
        let offers = self.waitingOffers
        for offer in offers {
            guard !self.isStopped, let call = self.calls[offer.giver] else { continue }
            let opening = offer.opening.opening
            let need = Self.reservation(opening.size)
            // An offer whose landing is full keeps nobody else out.
            guard self.hasLandingRoom(opening),
                self.exceededQuota(opening, need, from: offer.giver) == nil
            else {
                rest.append(offer)
                continue
            }
            if need <= self.freeRoom(for: opening.collector, keeping: promised) {
                self.admit(offer.opening, need, from: call)
            } else if self.mustGoThrough(opening, need), self.goThrough(offer) {
                continue
            } else {
                rest.append(offer)
                promised = promised == 0 ? need : promised
            }
        }
        self.waitingOffers = rest
        self.roomAwaited = promised
        if promised > 0 { self.makeRoom() }
    }

    private func admit(_ opening: SignedOpening, _ need: Int64, from call: Call) {
        let id = opening.id
        let peer = call.peer
        self.roomTaken[id] = need
        self.room.took(need, opening.opening, from: peer)
        self.arrivals[id] = Arrival(
            id: id,
            opening: opening.opening,
            giver: peer,
            entriesLogged: 0,
            entriesKnown: 0
        )
        self.log(
            [
                try .opening(opening, from: .neighbour(peer), at: self.now),
                try .admission(id, reserved: ByteCount(need), giver: peer, at: self.now),
            ]
        ) {
            guard self.passes(.afterAdmitted) else { return }
            self.hasCome(id)
            guard let call = self.calls[peer] else { return }
            call.givers.append(id)
            call.session.send(
                .answer(id, .admitted(.whole, has: RunSet(), entriesKnown: 0))
            )
        }
    }

    /// Takes up a parcel of which something is here.
    func resume(_ row: ParcelRow, from call: Call) {
        guard var arrival = self.arrival(of: row, giver: call.peer) else { return }
        if let old = self.arrivals[row.id], old.giver != call.peer, self.calls[old.giver] != nil {
            // One giver at a time: a second waits for the first to finish or to go.
            return call.session.send(
                .answer(
                    row.id,
                    .later(until: self.now.adding(milliseconds: 5_000), why: "offered_twice")
                )
            )
        }
        if let old = self.arrivals[row.id] {
            arrival.fresh = old.fresh
            arrival.isCopied = old.isCopied
            arrival.stale = arrival.stale.filter { !old.fresh.contains($0) }
            for entry in old.wanted.values { self.blobsWanted.remove(entry.blob) }
            if let giver = self.calls[old.giver] {
                giver.givers.removeAll { $0 == row.id }
                giver.session.unwant(row.id)
                giver.pendingBytes -= old.wantedBytes
            }
        }
        if row.giver != call.peer {
            // Custody and the end are stated to whoever gives it now.
            self.log(
                [
                    try .admission(
                        row.id,
                        reserved: row.reserved,
                        giver: call.peer,
                        at: self.now
                    )
                ]
            ) {}
        }
        self.arrivals[row.id] = arrival
        self.roomTaken[row.id] = self.roomOwed(to: arrival)
        call.givers.append(row.id)
        self.mayBeGiven([row])
        call.session.send(
            .answer(
                row.id,
                .admitted(.whole, has: arrival.had, entriesKnown: arrival.entriesKnown)
            )
        )
        self.fillWants(call)
        self.checkComplete(row.id)
    }

    /// Rebuilds what is known of a parcel under way from the log.
    func arrival(of row: ParcelRow, giver: NodeName) -> Arrival? {
        guard
            let opening = try? SignedOpening(bytes: row.opening, signature: row.openingSignature)
        else { return nil }
        var arrival = Arrival(
            id: row.id,
            opening: opening.opening,
            giver: giver,
            entriesLogged: row.entriesKnown,
            entriesKnown: row.entriesKnown
        )
        arrival.through = self.through(of: row)
        // What the next hop has is not wanted here.
        let passed =
            arrival.through.flatMap { self.gift(of: row.id, to: $0.nextHop) }?.acked
            ?? RunSet()
        let placed = self.placedEntries(of: row)
        for located in self.ask([], { try $0.entries(of: row.number, from: 0, limit: .max) }) {
            guard let entry = Entry(encoded: located.entry) else { return nil }
            arrival.storedBytes += Int64(entry.storedLength)
            arrival.plainBytes += Int64(entry.plainLength)
            if located.number < placed {
                arrival.had.insert(located.number)
            } else if entry.isHole {
                arrival.had.insert(located.number)
            } else if located.location != nil {
                arrival.had.insert(located.number)
                arrival.stale.append(located.number)
                arrival.hereBytes += Int64(entry.storedLength)
                arrival.through?.hold(Int64(entry.storedLength))
            } else if passed.contains(located.number) {
                arrival.had.insert(located.number)
            } else {
                arrival.missing.append(WantedBlob(number: located.number, entry: entry))
            }
        }
        if let closing = row.closing, let signature = row.closingSignature {
            arrival.closing = try? SignedClosing(bytes: closing, signature: signature)
            arrival.isClosingLogged = true
        }
        return arrival
    }

    /// What stays promised to a parcel that is here in part: what its file has is wanted again, and
    /// needs the room, should that be lost.
    func roomOwed(to arrival: Arrival) -> Int64 {
        max(0, Self.reservation(arrival.opening.size) - arrival.hereBytes)
    }

    /// At start: what was promised to parcels under way stays promised.
    func resumeArrivals() {
        for row in self.ask([], { try $0.unfinishedArrivals() }) where !row.isSmall {
            guard let giver = row.giver, self.landings.promised[row.id] == nil,
                let arrival = self.arrival(of: row, giver: giver)
            else { continue }
            self.arrivals[row.id] = arrival
            if let through = arrival.through {
                self.roomTaken[row.id] = max(0, through.window - through.heldBytes)
                continue
            }
            self.roomTaken[row.id] = self.roomOwed(to: arrival)
            self.checkComplete(row.id)
        }
        // Small parcels that were durable before their custody was stated.
        for row in self.ask([], { try $0.unfinishedArrivals() }) where row.isSmall {
            if row.body != nil { self.custodyDue.append(row.id) }
        }
    }

    /// The giver is gone: what was asked of it is to be asked of the next.
    func suspend(_ parcel: ParcelID) {
        guard var arrival = self.arrivals[parcel] else { return }
        // In their order again, so that the next giver is asked for the first first.
        let wanted = arrival.wanted.map { WantedBlob(number: $0.key, entry: $0.value) }
        for want in wanted { self.blobsWanted.remove(want.entry.blob) }
        arrival.missing = (wanted + arrival.missing).sorted { $0.number < $1.number }
        arrival.wanted = [:]
        self.arrivals[parcel] = arrival
    }

    func withdrawn(_ parcel: ParcelID, by call: Call) {
        self.waitingOffers.removeAll { $0.opening.id == parcel && $0.giver == call.peer }
        call.givers.removeAll { $0 == parcel }
        if self.transits[parcel]?.giver == call.peer { self.dropTransit(parcel) }
        if let arrival = self.arrivals[parcel], arrival.giver == call.peer {
            // A node that only lets it through is no custodian: it drops what it buffers.
            if arrival.through != nil { return self.lapse(parcel, why: "withdrawn") }
            call.pendingBytes -= arrival.wantedBytes
            call.session.unwant(parcel)
            self.suspend(parcel)
            // What it had asked for others may now ask for.
            for other in self.calls.values { self.fillWants(other) }
        }
    }
}
