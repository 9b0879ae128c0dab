import Logging
import MeshContent
import MeshFiles
import MeshIdentity
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology

// The giver's side: answers, entries, blobs on demand, closings.
extension Engine {
    /// The passage with this node's own line, as the next hop gets it.
    func passageOn(_ row: ParcelRow) -> Passage {
        let before = Passage(lines: row.passage) ?? .empty
        let line = PassageLine(
            node: self.parts.node,
            arrived: row.arrivedAt,
            held: row.heldAt ?? row.arrivedAt,
            sent: row.collector == self.parts.node ? nil : self.now,
            statement: self.ownCustody(of: row),
            previous: before.digest
        )
        return before.appending(line) ?? before
    }

    func answered(_ answer: Answer, for parcel: ParcelID, by call: Call) {
        switch answer {
        case .admitted(_, let has, let entriesKnown):
            self.admitted(parcel, has, entriesKnown, by: call)
        case .later(let until, let why): self.putOff(parcel, until, why, by: call)
        case .never("doubled", _) where self.isNumberTaken(of: parcel, by: call): break
        case .never(let why, let detail):
            call.gifts[parcel] = nil
            self.smallIsDone(parcel, call)
            if let transit = self.transits[parcel] {
                return self.transitRefused(parcel, transit, why, detail, by: call)
            }
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
            if let transit = self.transits[parcel] { self.passBack(bytes, of: parcel, transit) }
            self.received(statement: bytes, nil, from: call)
        case .needsIndex:
            call.session.send(.index(self.parts.indexBytes))
            call.gifts[parcel]?.waits = "needs_index"
            call.gifts[parcel]?.offerAgainAt = self.now.adding(milliseconds: 1_000)
        }
    }

    private func admitted(
        _ parcel: ParcelID,
        _ has: RunSet,
        _ entriesKnown: UInt64,
        by call: Call
    ) {
        guard var gift = call.gifts[parcel] else { return }
        gift.isAdmitted = true
        gift.waits = nil
        gift.waitsSince = nil
        gift.acked = has
        gift.served = [:]
        gift.entriesSent = entriesKnown
        gift.isClosingSent = false
        gift.isDone = false
        call.gifts[parcel] = gift
        // It may have more than it could acknowledge before the last call ended.
        self.passedOn(has, of: parcel, to: call.peer)
        if self.isAdmittedOn(parcel, by: call) { return }
        if gift.isBegun {
            self.pushEntries(of: parcel, to: call)
        } else {
            self.beginAdmitted(call)
        }
    }

    /// The neighbour has no room, or another reason to wait; its clock may differ from ours.
    private func putOff(
        _ parcel: ParcelID,
        _ until: UnixMilliseconds?,
        _ why: String,
        by call: Call
    ) {
        // However far off a clock is, an hour is enough.
        let until = until.map { min(call.here($0), self.now.adding(milliseconds: 3_600_000)) }
        if call.smallsInFlight[parcel] != nil {
            self.smallIsDone(parcel, call)
            guard let row = self.ask(nil, { try $0.parcel(parcel) }) else { return }
            call.fullFor[row.collector] = until ?? self.now.adding(milliseconds: 5_000)
            call.smallsFull = (call.smallsFull?.since ?? self.now, self.now)
            call.queue.restart(row.group)
            return
        }
        guard var gift = call.gifts[parcel] else { return }
        gift.waitsSince = gift.waits == why ? gift.waitsSince : self.now
        gift.waits = why
        gift.offerAgainAt = until
        gift.isAdmitted = false
        gift.isBegun = false
        gift.served = [:]
        call.gifts[parcel] = gift
        self.tellGiver(of: parcel, later: why)
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
            self.lapse(parcel, why: "refused")
        } else {
            self.end(parcel, .refused, reason: why, detail: detail)
            self.signDrafts()
        }
    }

    /// Sends entries as far as the window beyond the last acknowledged one allows, then the closing.
    func pushEntries(of parcel: ParcelID, to call: Call) {
        guard var gift = call.gifts[parcel], gift.isAdmitted, gift.isBegun, !gift.isClosingSent
        else { return }
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
            let row = self.ask(nil, { try $0.parcel(parcel) }),
            row.state == .held || row.mode == .through, let bytes = row.closing,
            let signature = row.closingSignature,
            let closing = try? SignedClosing(bytes: bytes, signature: signature),
            gift.entriesSent >= closing.closing.entryCount
        else { return }
        call.gifts[parcel]?.isClosingSent = true
        call.session.send(.closing(closing, self.passageOn(row)))
        self.finishGift(parcel, on: call)
    }

    /// Once nothing more is to be sent of a parcel, another may begin, and one more be offered.
    private func finishGift(_ parcel: ParcelID, on call: Call) {
        guard let gift = call.gifts[parcel], gift.isClosingSent, !gift.isDone,
            gift.acked.count >= gift.entriesSent
        else { return }
        call.gifts[parcel]?.isDone = true
        gift.file?.blobs.close()
        self.beginAdmitted(call)
        self.settle()
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
            let served = self.served(located, of: parcel, by: call) { pending.insert($0) }
            // Numbers that are not in the index yet are wanted all the same.
            let next = run.lowerBound + UInt64(located.count)
            if next <= run.upperBound { pending.insert(next...run.upperBound) }
            self.lookForDamage(located, of: parcel)
            for pendingRun in pending.runs { call.gifts[parcel]?.pendingWants.insert(pendingRun) }
            self.wantForNextHop(pending, of: parcel)
            if !served.isEmpty {
                call.session.serve(parcel, class: gift.parcelClass, served)
            }
        }
    }

    /// The blobs of these entries that can be had; the numbers of the others are `missing`.
    private func served(
        _ located: [LocatedEntry],
        of parcel: ParcelID,
        by call: Call,
        missing: (UInt64) -> Void
    ) -> [ServedBlob] {
        guard let gift = call.gifts[parcel], let first = located.first else { return [] }
        var file = gift.file
        file?.move(to: first.number) { from, limit in
            self.ask([]) { try $0.entries(of: gift.number, from: from, limit: limit) }
        }
        var served: [ServedBlob] = []
        for entry in located {
            if let file, let parsed = Entry(encoded: entry.entry) {
                if !parsed.isHole {
                    served.append(self.served(entry.number, parsed, from: file, of: parcel))
                }
            } else if let location = entry.location {
                served.append(self.served(entry, at: location, of: parcel))
            } else {
                missing(entry.number)
            }
            file?.pass(entry)
        }
        call.gifts[parcel]?.file = file
        if !served.isEmpty, call.gifts.values.allSatisfy(\.served.isEmpty) {
            call.pace.began(at: self.now)
        }
        for blob in served { call.gifts[parcel]?.served[blob.number] = blob.length }
        return served
    }

    /// A parcel that is held lacks a blob: that is damage, however it came about.
    private func lookForDamage(_ located: [LocatedEntry], of parcel: ParcelID) {
        let missing = located.first {
            $0.location == nil && Entry(encoded: $0.entry)?.isHole == false
        }
        guard let missing, let row = self.ask(nil, { try $0.parcel(parcel) }), row.state == .held,
            !row.isDamaged, !row.isInSource,
            let blob = Digest(missing.entry.prefix(Digest.byteCount))
        else { return }
        self.isUnreadable(blob, of: parcel)
    }

    private func served(
        _ entry: LocatedEntry,
        at location: BodyLocation,
        of parcel: ParcelID
    ) -> ServedBlob {
        let (spool, mailbox) = (self.spool, self.mailbox)
        let blob = BlobID(Digest(entry.entry.prefix(Digest.byteCount)) ?? .zero)
        return self.served(entry.number, length: location.length) {
            do { return try spool.blob(blob, at: location) } catch {
                mailbox.yield(.unreadable(blob.digest, of: parcel))
                throw error
            }
        }
    }

    /// A blob that is in no log: from memory if it was made just now, else made again.
    private func served(
        _ number: UInt64,
        _ entry: Entry,
        from file: GivenFile,
        of parcel: ParcelID
    ) -> ServedBlob {
        let (spool, mailbox) = (self.spool, self.mailbox)
        return self.served(number, length: entry.storedLength) {
            if let fresh = spool.freshBlob(entry.blob) { return fresh }
            do { return try file.blobs.read(entry, at: file.offset) } catch {
                mailbox.yield(.unread(number: number, of: parcel))
                throw error
            }
        }
    }

    private func served(
        _ number: UInt64,
        length: UInt32,
        _ read: @escaping @Sendable () throws -> [UInt8]
    ) -> ServedBlob {
        guard let crash = self.parts.crash else {
            return ServedBlob(number: number, length: length, read: read)
        }
        let (mailbox, node) = (self.mailbox, self.parts.node)
        return ServedBlob(number: number, length: length) {
            if crash(node, .midSlice) {
                mailbox.yield(.stop)
                throw CrashedInTest()
            }
            return try read()
        }
    }

    /// What makes the blobs of a parcel that was not copied; `nil` for any other.
    func blobsInSource(of row: ParcelRow) -> SourceBlobs? {
        guard row.isInSource, let root = self.parts.sources[row.stream.flow],
            let path = PathBytes(row.path), let opening = try? Opening(encoded: row.opening),
            let profile = CutProfile.profile(opening.profile)
        else { return nil }
        return SourceBlobs(root: root, path: path, profile: profile)
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
        self.lastMoveAt = self.now
        for run in numbers.runs where run.upperBound < gift.entriesSent { gift.acked.insert(run) }
        let carried = gift.served.filter { numbers.contains($0.key) }
        for number in carried.keys { gift.served[number] = nil }
        call.pace.carried(carried.values.reduce(0) { $0 + Int64($1) }, at: self.now)
        call.gifts[parcel] = gift
        self.pushEntries(of: parcel, to: call)
        self.finishGift(parcel, on: call)
        self.passedOn(numbers, of: parcel, to: call.peer)
    }

    /// A parcel has left this node's hands or ended: nobody is given it any more.
    func stopGiving(_ parcel: ParcelID) {
        self.refusals[parcel] = nil
        for call in self.calls.values {
            if call.gifts.removeValue(forKey: parcel) != nil { call.session.withdraw(parcel) }
            if call.smallsInFlight[parcel] != nil { call.smallsFull = nil }
            self.smallIsDone(parcel, call)
        }
    }

    /// A parcel cannot be given before it is whole again, which may take long: whoever has asked for
    /// blobs of it is free to ask for others.
    func pauseGiving(_ parcel: ParcelID) {
        for call in self.calls.values { self.withdraw(parcel, from: call, why: "damaged") }
        self.stopGiving(parcel)
    }

    private func smallIsDone(_ parcel: ParcelID, _ call: Call) {
        guard let bytes = call.smallsInFlight.removeValue(forKey: parcel) else { return }
        call.smallBytesInFlight -= bytes
    }
}

/// A test's crash point was reached while a blob was read.
struct CrashedInTest: Error {}
