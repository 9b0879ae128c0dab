import Dispatch
import Logging
import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// The receiver's side: entries, wants, blobs, closings, small parcels.
extension Engine {
    // MARK: Entries and blobs

    func received(_ entries: [Entry], from first: UInt64, of parcel: ParcelID, from call: Call) {
        guard var arrival = self.arrivals[parcel], arrival.giver == call.peer else { return }
        guard first <= arrival.entriesLogged else {
            return self.cut(call, why: "protocol_violation", "entries leave a gap")
        }
        let known = Int(min(arrival.entriesLogged - first, UInt64(entries.count)))
        let fresh = Array(entries[known...])
        guard !fresh.isEmpty else { return }
        let start = arrival.entriesLogged
        let waiting = UInt64(arrival.missing.count + arrival.wanted.count) + start
        guard
            waiting + UInt64(fresh.count) <= arrival.entriesKnown
                + UInt64(Limits.entriesUnackedMax + Limits.entriesPerRunMax)
        else { return self.cut(call, why: "protocol_violation", "too many entries ahead") }
        arrival.entriesLogged += UInt64(fresh.count)
        arrival.storedBytes += fresh.reduce(0) { $0 + Int64($1.storedLength) }
        arrival.plainBytes += fresh.reduce(0) { $0 + Int64($1.plainLength) }
        guard arrival.storedBytes <= Self.reservation(arrival.opening.size),
            arrival.plainBytes <= arrival.opening.size.rawValue,
            arrival.entriesLogged <= UInt64(Limits.entriesPerParcelMax)
        else {
            return self.cut(call, why: "protocol_violation", "more than the opening says")
        }
        self.arrivals[parcel] = arrival
        self.log([try .entries(parcel, first: start, fresh.flatMap { $0.encoded() })]) {
            self.entriesAreDurable(fresh, from: start, of: parcel)
        }
    }

    private func entriesAreDurable(_ entries: [Entry], from start: UInt64, of parcel: ParcelID) {
        guard var arrival = self.arrivals[parcel] else { return }
        // The parcel may have been taken up anew meanwhile, and know some of them already.
        let end = start + UInt64(entries.count)
        let known = Int(min(max(arrival.entriesKnown, start), end) - start)
        arrival.entriesKnown = max(arrival.entriesKnown, end)
        arrival.entriesLogged = max(arrival.entriesLogged, end)
        var have = RunSet()
        let passed =
            arrival.through.flatMap { self.gift(of: parcel, to: $0.nextHop) }?.acked ?? RunSet()
        for (offset, entry) in entries.enumerated().dropFirst(known) {
            let number = start + UInt64(offset)
            if entry.isHole || passed.contains(number) {
                arrival.had.insert(number)
                have.insert(number)
            } else if self.ask(nil, { try $0.blob(entry.blob) }) != nil {
                arrival.had.insert(number)
                arrival.stale.append(number)
                have.insert(number)
            } else {
                arrival.missing.append(WantedBlob(number: number, entry: entry))
            }
        }
        self.arrivals[parcel] = arrival
        if let call = self.calls[arrival.giver] {
            self.ack(have, of: parcel, to: call)
            self.fillWants(call)
        }
        self.moreIsHere(of: parcel)
        // What is here already lands as well while the rest arrives.
        self.landAhead(parcel)
        self.checkComplete(parcel)
    }

    /// Asks a neighbour for what it gives, in the order in which it was admitted, short before long.
    ///
    /// A blob that somebody else brings already is not asked for twice.
    func fillWants(_ call: Call) {
        guard !self.standsStill else { return }
        let nodeTotal = self.calls.values.reduce(0) { $0 + $1.pendingBytes }
        var room = min(
            Limits.wantedBytesPerSessionMax - call.pendingBytes,
            Limits.wantedBytesPerNodeMax - nodeTotal
        )
        guard room > 0 || call.pendingBytes == 0 else { return }
        var short: [ParcelID] = []
        var long: [ParcelID] = []
        for parcel in call.givers {
            // Read in place: most lack nothing that is not asked for already.
            guard let place = self.arrivals.index(forKey: parcel),
                !self.arrivals.values[place].missing.isEmpty
            else { continue }
            if self.arrivals.values[place].opening.size.isShort {
                short.append(parcel)
            } else {
                long.append(parcel)
            }
        }
        for parcel in short + long {
            guard room > 0 || call.pendingBytes == 0 else { return }
            guard var arrival = self.arrivals[parcel] else { continue }
            // What is long may be owed for long, by a giver that it goes through itself.
            let left = arrival.opening.size.isShort ? room : room - Limits.wantedBytesForShort
            let window = self.throughRoom(arrival)
            guard window > 0, left > 0 || call.pendingBytes == 0 else { continue }
            let most = min(left, window)
            room -= most - self.want(of: &arrival, from: call, room: most)
            self.arrivals[parcel] = arrival
            if arrival.missing.isEmpty { self.checkComplete(parcel) }
        }
    }

    /// Asks for as much of one parcel as there is room for; what remains of the room.
    private func want(of arrival: inout Arrival, from call: Call, room: Int) -> Int {
        var room = room
        var wants: [WantedBlob] = []
        var rest: [WantedBlob] = []
        var have = RunSet()
        var looked = 0
        for want in arrival.missing {
            guard room > 0 || call.pendingBytes == 0 else { break }
            looked += 1
            if self.blobsWanted.contains(want.entry.blob) {
                rest.append(want)
                continue
            }
            if self.ask(nil, { try $0.blob(want.entry.blob) }) != nil {
                arrival.had.insert(want.number)
                arrival.stale.append(want.number)
                have.insert(want.number)
                continue
            }
            let length = Int(want.entry.storedLength)
            room -= length
            call.pendingBytes += length
            arrival.wanted[want.number] = want.entry
            self.blobsWanted.insert(want.entry.blob)
            wants.append(want)
        }
        arrival.missing.replaceSubrange(0..<looked, with: rest)
        if !wants.isEmpty { call.session.want(arrival.id, wants) }
        if !have.isEmpty { self.ack(have, of: arrival.id, to: call) }
        return room
    }

    func received(_ blob: StoredBlob, _ number: UInt64, of parcel: ParcelID, from call: Call) {
        guard self.passes(.midSlice), self.arrivals[parcel]?.wanted[number] != nil,
            !self.place(blob, number, of: parcel)
        else { return }
        self.log([.blob(blob)]) { self.blobIsDurable(number, of: parcel, in: .log) }
    }

    /// Where a blob is that came.
    enum BlobPlace { case log, file }

    func blobIsDurable(_ number: UInt64, of parcel: ParcelID, in place: BlobPlace) {
        guard self.passes(.afterBlobSync) else { return }
        // Whoever brought it may have gone, and another have been asked.
        let call = self.arrivals[parcel].flatMap { self.calls[$0.giver] }
        if var arrival = self.arrivals[parcel] {
            let entry = arrival.wanted.removeValue(forKey: number)
            if let entry { self.blobsWanted.remove(entry.blob) }
            let length = Int(entry?.storedLength ?? 0)
            arrival.missing.removeAll { $0.number == number }
            arrival.had.insert(number)
            arrival.fresh.insert(number)
            arrival.movedAt = self.now
            arrival.through?.hold(Int64(length))
            self.arrivals[parcel] = arrival
            if place == .log, let room = self.roomTaken[parcel] {
                self.roomTaken[parcel] = max(0, room - Int64(length))
            }
            call?.pendingBytes -= length
        }
        if let call {
            self.ack(RunSet([number...number]), of: parcel, to: call)
            self.fillWants(call)
        }
        // Others may have waited for the same bytes.
        for other in self.calls.values where other !== call && !other.givers.isEmpty {
            self.fillWants(other)
        }
        self.serveWaiting(parcel)
        self.landAhead(parcel)
        self.checkComplete(parcel)
    }

    func receivedBad(_ number: UInt64, of parcel: ParcelID, from call: Call) {
        self.cut(call, why: "blob_invalid", "entry \(number) of \(parcel) is not what it says")
    }

    private func ack(_ numbers: RunSet, of parcel: ParcelID, to call: Call) {
        for run in numbers.runs { call.acks[parcel, default: RunSet()].insert(run) }
    }

    func flushAcks(_ call: Call) {
        for (parcel, numbers) in call.acks { call.session.send(.ack(parcel, numbers)) }
        call.acks = [:]
        if call.smallAck > 0 {
            call.session.send(.smallAck(call.smallAck))
            call.smallAck = 0
        }
        if call.noteCursor > call.notedCursor {
            call.notedCursor = call.noteCursor
            call.session.send(.noted(cursor: call.noteCursor))
        }
    }

    // MARK: Closings and small parcels

    func received(_ closing: SignedClosing, _ passage: Passage, from call: Call) {
        let parcel = closing.closing.parcel
        guard var arrival = self.arrivals[parcel], arrival.giver == call.peer,
            !arrival.isClosingLogged
        else { return }
        guard let key = self.key(of: arrival.opening), closing.isSigned(by: key),
            passage.nodes.last == call.peer
        else { return self.cut(call, why: "signature_invalid", "closing of \(parcel)") }
        arrival.isClosingLogged = true
        self.arrivals[parcel] = arrival
        self.log([try .closing(closing, passage: passage, at: self.now)]) {
            guard self.passes(.afterClosing) else { return }
            self.arrivals[parcel]?.closing = closing
            // What only goes through is never complete here: its closing follows its blobs.
            if self.arrivals[parcel]?.through != nil { self.moreIsHere(of: parcel) }
            self.checkComplete(parcel)
        }
    }

    func received(_ small: SmallParcel, _ passage: Passage, again: Bool, from call: Call) {
        let opening = small.opening.opening
        let grant = small.grantBytes
        if let fault = self.fault(in: opening, from: call.peer) {
            call.smallAck += grant
            return call.session.send(
                .answer(small.id, .never(why: fault.code, detail: fault.detail))
            )
        }
        guard let key = self.key(of: opening), self.verifiedBatches.isSigned(small, by: key),
            passage.nodes.last == call.peer
        else { return self.cut(call, why: "signature_invalid", "small parcel \(small.id)") }
        let carriers = self.ask([]) { try $0.carriers(of: opening.stream, opening.sequence) }
        let isKnown = carriers.contains { $0.parcel == small.id }
        let known = isKnown ? self.ask(nil) { try $0.parcel(small.id) } : nil
        if let row = known,
            row.body != nil
                || (row.state == .passed && !again) || row.state == .ended
        {
            call.smallAck += grant
            self.answerKnown(row, again: again, to: call)
            return self.flushAcks(call)
        }
        if carriers.contains(where: { $0.counts && $0.parcel != small.id }) {
            call.smallAck += grant
            return self.refuseDoubled(
                small.opening,
                closing: ClosingID(ofClosing: small.closing.bytes),
                by: call
            )
        }
        if self.endCameFirst(opening) {
            call.smallAck += grant
            return call.session.send(
                .answer(small.id, .never(why: "ended", detail: "word of its end came before it"))
            )
        }
        if self.refuseWhileShut(small.id, by: call) {
            call.smallAck += grant
            return self.flushAcks(call)
        }
        guard self.hasRoom(for: small, from: call.peer) else {
            call.smallAck += grant
            let soon = self.now.adding(milliseconds: 5_000)
            call.session.send(.answer(small.id, .later(until: soon, why: "full")))
            return self.flushAcks(call)
        }
        let peer = call.peer
        // One that was passed on, and is given again, is taken again.
        let isPassed = known?.state == .passed
        self.log(
            try
                (isPassed
                ? [.admission(small.id, reserved: .zero, giver: peer, at: self.now)] : [])
                + [.small(small, passage: passage, from: .neighbour(peer), at: self.now)]
        ) {
            guard self.passes(.afterClosing) else { return }
            self.calls[peer]?.smallAck += grant
            self.custodyDue.append(small.id)
        }
    }

    /// Whether there is room for a small parcel: they are not admitted one by one beforehand.
    private func hasRoom(for small: SmallParcel, from giver: NodeName) -> Bool {
        let opening = small.opening.opening
        let need = Int64(small.grantBytes) + 1_024
        if self.exceededQuota(opening, need, from: giver) == nil,
            need <= self.freeRoom(for: opening.collector, keeping: self.roomAwaited)
        {
            self.room.took(need, opening, from: giver)
            return true
        }
        self.makeRoom()
        return false
    }
}
