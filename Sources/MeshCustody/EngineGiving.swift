import Logging
import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// The giver's side: offers, entries, blobs on demand, closings.
extension Engine {
    /// How many parcels are offered to a neighbour at a time.
    private static let giftsMax = 128

    /// Hands on what this neighbour is the way for, as far as bounds allow.
    func give(_ call: Call) {
        guard !self.isEnding, !self.isStopped, !self.standsStill, !call.isQuiet else { return }
        while call.gifts.count < Self.giftsMax, call.smallBytesInFlight < call.hello.smallGrant {
            let rows = self.ask([]) {
                try $0.live(after: call.cursor, isHere: false, limit: 64)
            }
            if rows.isEmpty { break }
            for row in rows {
                guard call.gifts.count < Self.giftsMax,
                    call.smallBytesInFlight < call.hello.smallGrant
                else { return }
                call.cursor = row.number
                guard self.isFor(call, row) else { continue }
                if row.isSmall { self.giveSmall(row, to: call) } else { self.offer(row, to: call) }
            }
        }
        for (parcel, gift) in call.gifts {
            guard let again = gift.offerAgainAt, again <= self.now,
                let row = self.ask(nil, { try $0.parcel(parcel) })
            else { continue }
            self.offer(row, to: call)
        }
    }

    private func isFor(_ call: Call, _ row: ParcelRow) -> Bool {
        guard !row.isDamaged, row.giver != call.peer, call.gifts[row.id] == nil,
            call.smallsInFlight[row.id] == nil, !(row.isSmall && row.state != .held)
        else { return false }
        return self.nextHop(of: row) == call.peer
    }

    /// The best neighbour towards a parcel's collector that a call is up with.
    ///
    /// Never one that the parcel has passed: a parcel goes in no circle.
    func nextHop(of row: ParcelRow) -> NodeName? {
        let ways =
            self.routes[row.collector]
            ?? self.parts.index.nextHops(from: self.parts.node, to: row.collector)
        self.routes[row.collector] = ways
        let passed = Set(row.passage.compactMap { PassageLine(encoded: $0)?.node })
        return ways.first { way in
            self.calls[way].map { !$0.isQuiet } == true && way != row.giver && !passed.contains(way)
                && way != row.stream.origin && self.refusals[row.id]?[way] == nil
        }
    }

    private func offer(_ row: ParcelRow, to call: Call) {
        guard
            let opening = try? SignedOpening(bytes: row.opening, signature: row.openingSignature)
        else { return self.parts.logger.error("Opening unreadable") }
        var gift = call.gifts[row.id] ?? Gift(number: row.number, parcelClass: row.parcelClass)
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

    /// The passage with this node's own line, as the next hop gets it.
    func passageOn(_ row: ParcelRow) -> Passage {
        let before = Passage(lines: row.passage) ?? .empty
        let own = self.ask([]) { try $0.statements(of: row.number) }.lazy
            .filter(\.isIssuedHere)
            .compactMap { try? SignedStatement(trusted: $0.bytes) }
            .first { $0.kind == .custody }
        let line = PassageLine(
            node: self.parts.node,
            arrived: row.arrivedAt,
            held: row.heldAt ?? row.arrivedAt,
            sent: self.now,
            statement: own?.digest,
            previous: before.digest
        )
        return before.appending(line) ?? before
    }

    func answered(_ answer: Answer, for parcel: ParcelID, by call: Call) {
        switch answer {
        case .admitted(_, let has, let entriesKnown):
            guard var gift = call.gifts[parcel] else { return }
            gift.isAdmitted = true
            gift.waits = nil
            gift.acked = has
            gift.entriesSent = entriesKnown
            gift.isClosingSent = false
            call.gifts[parcel] = gift
            self.pushEntries(of: parcel, to: call)
        case .later(let until, let why):
            call.gifts[parcel]?.waits = why
            call.gifts[parcel]?.offerAgainAt = until
        case .never("doubled", _) where self.isNumberTaken(of: parcel, by: call): break
        case .never(let why, let detail):
            call.gifts[parcel] = nil
            self.smallIsDone(parcel, call)
            // Never this way: others are tried.
            self.refusals[parcel, default: [:]][call.peer] = why
            self.endIfNoWayIsLeft(parcel, why, detail)
            self.reroute()
            self.parts.logger.warning(
                "Parcel not taken",
                metadata: [
                    "peer.node": "\(call.peer)", "error.code": "\(why)", "error": "\(detail)",
                    "parcel.id": "\(parcel)",
                ]
            )
        case .statement(let bytes), .passed(let bytes):
            self.received(statement: bytes, number: nil, from: call)
        case .needsIndex:
            call.session.send(.index(self.parts.indexBytes))
            call.gifts[parcel]?.waits = "needs_index"
            call.gifts[parcel]?.offerAgainAt = self.now.adding(milliseconds: 1_000)
        }
    }

    /// What no neighbour on the way will ever take ends here, with the last one's reason.
    private func endIfNoWayIsLeft(_ parcel: ParcelID, _ why: String, _ detail: String) {
        guard let row = self.ask(nil, { try $0.parcel(parcel) }),
            row.state == .held || row.state == .arriving
        else { return }
        let refused = self.refusals[parcel] ?? [:]
        guard self.downstream(of: row).allSatisfy({ refused[$0] != nil }) else { return }
        if row.state == .arriving, let giver = row.giver {
            // Its custodian may know another way.
            self.calls[giver]?.session.send(
                .answer(parcel, .never(why: why, detail: "\(self.parts.node): \(detail)"))
            )
        } else {
            self.end(parcel, .refused, reason: why, detail: detail)
            self.signDrafts()
        }
    }

    /// Sends entries as far as the window beyond the last acknowledged one allows, then the closing.
    func pushEntries(of parcel: ParcelID, to call: Call) {
        guard var gift = call.gifts[parcel], gift.isAdmitted, !gift.isClosingSent else { return }
        while true {
            let acked = gift.acked.runs.first.flatMap {
                $0.lowerBound == 0 ? $0.upperBound + 1 : nil
            }
            let room = (acked ?? 0) + UInt64(Limits.entriesUnackedMax)
            guard gift.entriesSent < room else { break }
            let limit = min(UInt64(Limits.entriesPerRunMax), room - gift.entriesSent)
            let located = self.ask([]) {
                try $0.entries(of: gift.number, from: gift.entriesSent, limit: Int(limit))
            }
            if located.isEmpty { break }
            let entries = located.compactMap { Entry(encoded: $0.entry) }
            call.session.send(.entries(parcel, first: gift.entriesSent, entries))
            // Holes have no blob to acknowledge.
            for (entry, at) in zip(entries, located) where entry.isHole {
                gift.acked.insert(at.number)
            }
            gift.entriesSent += UInt64(located.count)
        }
        call.gifts[parcel] = gift
        self.sendClosing(of: parcel, to: call)
    }

    private func sendClosing(of parcel: ParcelID, to call: Call) {
        guard let gift = call.gifts[parcel],
            let row = self.ask(nil, { try $0.parcel(parcel) }), row.state == .held,
            let bytes = row.closing, let signature = row.closingSignature,
            let closing = try? SignedClosing(bytes: bytes, signature: signature),
            gift.entriesSent >= closing.closing.entryCount
        else { return }
        call.gifts[parcel]?.isClosingSent = true
        call.session.send(.closing(closing, self.passageOn(row)))
    }

    func wanted(_ numbers: RunSet, of parcel: ParcelID, by call: Call) {
        guard let gift = call.gifts[parcel], gift.isAdmitted else { return }
        for run in numbers.runs where run.upperBound < gift.entriesSent {
            var pending = RunSet()
            let located = self.ask([]) {
                try $0.entries(
                    of: gift.number,
                    from: run.lowerBound,
                    limit: Int(run.upperBound - run.lowerBound + 1)
                )
            }
            let served = located.compactMap { entry -> ServedBlob? in
                guard let location = entry.location else {
                    pending.insert(entry.number)
                    return nil
                }
                return self.served(entry, at: location, of: parcel)
            }
            // Numbers that are not in the index yet are wanted all the same.
            let next = run.lowerBound + UInt64(located.count)
            if next <= run.upperBound { pending.insert(next...run.upperBound) }
            self.lookForDamage(located, of: parcel)
            for pendingRun in pending.runs { call.gifts[parcel]?.pendingWants.insert(pendingRun) }
            if !served.isEmpty {
                call.session.serve(parcel, class: gift.parcelClass, served)
            }
        }
    }

    /// A parcel that is held lacks a blob: that is damage, however it came about.
    private func lookForDamage(_ located: [LocatedEntry], of parcel: ParcelID) {
        let missing = located.first {
            $0.location == nil && Entry(encoded: $0.entry)?.isHole == false
        }
        guard let missing, let row = self.ask(nil, { try $0.parcel(parcel) }), row.state == .held,
            !row.isDamaged, let blob = Digest(missing.entry.prefix(Digest.byteCount))
        else { return }
        self.isUnreadable(blob, of: parcel)
    }

    private func served(
        _ entry: LocatedEntry,
        at location: BodyLocation,
        of parcel: ParcelID
    ) -> ServedBlob {
        let spool = self.spool
        let mailbox = self.mailbox
        let crash = self.parts.crash
        let node = self.parts.node
        let blob = Digest(entry.entry.prefix(Digest.byteCount)) ?? .zero
        return ServedBlob(number: entry.number, length: location.length) {
            if let crash, crash(node, .midSlice) {
                mailbox.yield(.stop)
                throw CrashedInTest()
            }
            do { return try spool.read(location, verify: true) } catch {
                mailbox.yield(.unreadable(blob, of: parcel))
                throw error
            }
        }
    }

    /// Serves wants that waited for blobs which are durable here now.
    func serveWaiting(_ parcel: ParcelID) {
        for call in self.calls.values {
            guard let gift = call.gifts[parcel], !gift.pendingWants.isEmpty else { continue }
            call.gifts[parcel]?.pendingWants = RunSet()
            self.wanted(gift.pendingWants, of: parcel, by: call)
        }
    }

    /// More of a parcel is durable here: whoever gets it may go on.
    func moreIsHere(of parcel: ParcelID) {
        for call in self.calls.values { self.pushEntries(of: parcel, to: call) }
        self.serveWaiting(parcel)
    }

    func acked(_ numbers: RunSet, of parcel: ParcelID, by call: Call) {
        guard var gift = call.gifts[parcel] else { return }
        for run in numbers.runs where run.upperBound < gift.entriesSent { gift.acked.insert(run) }
        call.gifts[parcel] = gift
        self.pushEntries(of: parcel, to: call)
    }

    /// A parcel has left this node's hands or ended: nobody is given it any more.
    func stopGiving(_ parcel: ParcelID) {
        self.refusals[parcel] = nil
        for call in self.calls.values {
            if call.gifts.removeValue(forKey: parcel) != nil { call.session.withdraw(parcel) }
            self.smallIsDone(parcel, call)
        }
    }

    private func smallIsDone(_ parcel: ParcelID, _ call: Call) {
        guard let bytes = call.smallsInFlight.removeValue(forKey: parcel) else { return }
        call.smallBytesInFlight -= bytes
    }
}

/// A test's crash point was reached while a blob was read.
struct CrashedInTest: Error {}
