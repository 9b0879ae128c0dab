import Dispatch
import Logging
import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

/// A statement to be signed with the next batch, and the neighbour that is to hear of it.
struct Draft {
    let neighbour: NodeName?
    var statement: StatementDraft
}

// Custody passes: parcels become complete, statements are made, received and sent.
extension Engine {
    // MARK: Completion

    /// Once opening, closing and every blob are durable, has a worker check all of it.
    func checkComplete(_ parcel: ParcelID) {
        guard var arrival = self.arrivals[parcel], !arrival.isComplete, arrival.through == nil,
            let closing = arrival.closing?.closing, arrival.missing.isEmpty,
            arrival.wanted.isEmpty, arrival.entriesKnown >= closing.entryCount,
            let row = self.ask(nil, { try $0.parcel(parcel) })
        else { return }
        self.checksBegun += 1
        let check = self.checksBegun
        arrival.isComplete = true
        arrival.check = check
        self.arrivals[parcel] = arrival
        let (spool, store, mailbox) = (self.spool, self.store, self.mailbox)
        let stale = Set(arrival.stale)
        let placed = self.placedEntries(of: row)
        EngineWorkers.checks.async {
            var root = MerkleRootBuilder()
            var bad: [UInt64] = []
            var next: UInt64 = 0
            while let run = try? store.entries(of: row.number, from: next, limit: 4_096),
                let last = run.last
            {
                for located in run {
                    root.append(located.entry)
                    let isHole = Entry(encoded: located.entry)?.isHole ?? false
                    guard !isHole, located.number >= placed,
                        located.location == nil || stale.contains(located.number)
                    else { continue }
                    if !Self.verifies(located, in: spool) { bad.append(located.number) }
                }
                next = last.number + 1
            }
            mailbox.yield(.checked(parcel, check: check, root: root.root(), bad: bad))
        }
    }

    /// Whether a blob that was here from before still is what was written: its checksum says so, as
    /// whenever a blob is read, and its record's header whose bytes they are.
    private nonisolated static func verifies(_ located: LocatedEntry, in spool: Spool) -> Bool {
        guard let location = located.location, let record = try? spool.readRecord(location) else {
            return false
        }
        return record.kind == .blob
            && record.id.bytes.elementsEqual(located.entry.prefix(Digest.byteCount))
    }

    func checked(_ parcel: ParcelID, by check: UInt64, _ root: Digest, _ bad: [UInt64]) {
        // What was looked at may have been lost, or taken up anew, since.
        guard var arrival = self.arrivals[parcel], arrival.check == check,
            let closing = arrival.closing?.closing,
            let row = self.ask(nil, { try $0.parcel(parcel) }),
            row.state == .arriving || row.state == .held
        else { return }
        guard bad.isEmpty else {
            arrival.isComplete = false
            arrival.stale.removeAll { bad.contains($0) }
            self.arrivals[parcel] = arrival
            return self.wantAgain(bad, of: parcel)
        }
        guard root == closing.root, arrival.entriesKnown == closing.entryCount else {
            self.end(parcel, .refused, reason: "digest", detail: "root differs")
            return self.signDrafts()
        }
        if self.isInPlace(row) {
            // Custody is for what the spool has, or stands in a whole and durable file.
            self.arrivals[parcel]?.isChecked = true
            self.landings.queue.append(parcel)
        } else {
            self.custodyDue.append(parcel)
        }
        self.settle()
    }

    /// Blobs that were counted on are damaged: they are given up and asked for again.
    private func wantAgain(_ numbers: [UInt64], of parcel: ParcelID) {
        guard let row = self.ask(nil, { try $0.parcel(parcel) }) else { return }
        let located = numbers.compactMap { number in
            self.ask([]) { try $0.entries(of: row.number, from: number, limit: 1) }.first
        }
        self.quarantined += located.count
        let blobs = located.compactMap { Digest($0.entry.prefix(Digest.byteCount)) }
        self.log([try .evict(blobs, why: "damaged", at: self.now)]) {
            guard var arrival = self.arrivals[parcel] else { return }
            for entry in located {
                guard let parsed = Entry(encoded: entry.entry) else { continue }
                arrival.had.remove(entry.number)
                arrival.missing.append(WantedBlob(number: entry.number, entry: parsed))
            }
            self.arrivals[parcel] = arrival
            if let call = self.calls[arrival.giver] { self.fillWants(call) }
        }
    }

    // MARK: Making statements

    /// Drafts custody of everything that became complete since the last time.
    func stateCustody() {
        guard !self.custodyDue.isEmpty else { return }
        var leaves: [Destination: [StatementLeaf]] = [:]
        var intents: [LandingIntent] = []
        let rows = self.rows(of: self.custodyDue)
        for parcel in self.custodyDue {
            guard let row = rows[parcel], let giver = row.giver,
                row.state == .arriving || row.state == .held
            else { continue }
            leaves[Destination(neighbour: giver, stream: row.stream), default: []]
                .append(self.leaf(row, passage: Passage(lines: row.passage)))
            if let intent = self.landings.ready[parcel] { intents.append(intent) }
        }
        self.custodyDue = []
        do {
            for intent in intents {
                self.draftRecords.append(try .intent(intent, at: self.now))
            }
        } catch { return self.fail(.broken("record a landing", cause: error)) }
        for (destination, leaves) in leaves {
            self.draft(.custody, reason: "", leaves, to: destination)
        }
    }

    func rows(of parcels: some Collection<ParcelID>) -> [ParcelID: ParcelRow] {
        self.ask([:]) { try $0.parcels(parcels) }
    }

    struct Destination: Hashable {
        let neighbour: NodeName?
        let stream: FlowStream
    }

    func leaf(_ row: ParcelRow, passage: Passage?, detail: String = "") -> StatementLeaf {
        StatementLeaf(
            sequence: row.sequence,
            parcel: row.id,
            closing: row.closing.map { ClosingID(ofClosing: $0) },
            passage: passage?.digest,
            detail: detail
        )
    }

    func draft(
        _ kind: StatementKind,
        reason: String,
        _ leaves: [StatementLeaf],
        passages: [ParcelID: Passage] = [:],
        to destination: Destination
    ) {
        self.drafts.append(
            Draft(
                neighbour: destination.neighbour,
                statement: StatementDraft(
                    kind: kind,
                    reason: reason,
                    stream: destination.stream,
                    leaves: leaves,
                    passages: passages
                )
            )
        )
    }

    /// Drafts a terminal statement of this node's own about one parcel.
    func end(_ parcel: ParcelID, _ kind: StatementKind, reason: String, detail: String = "") {
        guard let row = self.ask(nil, { try $0.parcel(parcel) }) else { return }
        self.parts.logger.notice(
            "Parcel ends",
            metadata: [
                "parcel.id": "\(parcel)", "parcel.state": "\(kind.rawValue)",
                "error.code": "\(reason)", "error": "\(detail)",
            ]
        )
        self.draft(
            kind,
            reason: reason,
            [self.leaf(row, passage: nil, detail: detail)],
            to: Destination(neighbour: nil, stream: row.stream)
        )
    }

    /// Signs everything drafted with one signature, and says it once it is durable.
    func signDrafts() {
        guard !self.drafts.isEmpty, !self.isStopped, !self.standsStill else { return }
        let drafts = Self.joined(self.drafts)
        let records = self.draftRecords
        self.drafts = []
        self.draftRecords = []
        let batch: SignedBatch
        do {
            batch = try self.signer.sign(
                drafts.map(\.statement),
                after: self.lastBatch,
                at: self.now
            )
        } catch {
            return self.fail(.broken("sign statements", cause: error))
        }
        self.lastBatch = batch.position
        // One draft may have become several statements: its parcels tell which neighbour it is for.
        var neighbours: [StatementKind: [ParcelID: NodeName]] = [:]
        for draft in drafts {
            for leaf in draft.statement.leaves {
                neighbours[draft.statement.kind, default: [:]][leaf.parcel] = draft.neighbour
            }
        }
        let now = self.now
        self.log(
            try records
                + batch.statements.flatMap { statement in
                    let neighbour = statement.leaves.first.flatMap {
                        neighbours[statement.kind]?[$0.parcel]
                    }
                    return try self.records(of: statement, for: neighbour, at: now)
                }
        ) {
            for statement in batch.statements { self.isStated(statement) }
        }
    }

    /// Drafts that say the same of parcels of one stream to the same neighbour become one.
    private static func joined(_ drafts: [Draft]) -> [Draft] {
        struct Same: Hashable {
            let neighbour: NodeName?
            let kind: StatementKind
            let reason: String
            let stream: FlowStream
        }
        var joined: [Draft] = []
        var places: [Same: Int] = [:]
        for draft in drafts {
            let said = draft.statement
            let same = Same(
                neighbour: draft.neighbour,
                kind: said.kind,
                reason: said.reason,
                stream: said.stream
            )
            guard let place = places[same] else {
                places[same] = joined.count
                joined.append(draft)
                continue
            }
            joined[place].statement.leaves += said.leaves
            joined[place].statement.passages.merge(said.passages) { first, _ in first }
        }
        return joined
    }

    /// The neighbours that a parcel may have been offered to.
    func downstream(of row: ParcelRow) -> [NodeName] {
        self.parts.index.nextHops(from: self.parts.node, to: row.collector)
            .filter { $0 != row.giver && $0 != row.stream.origin }
    }

    /// Word that a parcel was abandoned follows it down every way that it may have gone.
    ///
    /// It goes to the collector in any case; with one way only, everybody hears of it then.
    func passOn(_ statement: SignedStatement) {
        guard statement.kind == .abandoned else { return }
        let rows = self.rows(of: statement.leaves.map(\.parcel)).values
        let ways = rows.filter { $0.collector != self.parts.node }.map { self.downstream(of: $0) }
        let informed = Set(ways.filter { $0.count > 1 }.joined())
        guard !informed.isEmpty else { return }
        let digest = Digest.sha256(statement.bytes)
        self.log(try informed.sorted().map { try .forward(digest, to: $0, at: self.now) }) {}
    }

    /// What follows from a statement of this node's own once it is durable.
    private func isStated(_ statement: SignedStatement) {
        self.passOn(statement)
        self.openAnew(after: statement)
        switch statement.kind {
        case .custody: guard self.passes(.afterCustodyRecord) else { return }
        case .landed: guard self.passes(.afterLanded) else { return }
        default: break
        }
        if statement.kind == .custody {
            let digest = Digest.sha256(statement.bytes)
            if self.custodyStated.count > Self.custodyStatedMax { self.custodyStated = [:] }
            for leaf in statement.leaves { self.custodyStated[leaf.parcel] = digest }
            return self.haveCustody(of: statement.leaves.map(\.parcel))
        }
        // What nobody knew may have begun to arrive meanwhile.
        guard statement.kind != .lost || statement.reason != "unknown" else { return }
        for leaf in statement.leaves {
            self.forgetArrival(leaf.parcel)
            if statement.kind == .lost {
                self.isLost(leaf.parcel)
                self.reroute()
            } else if statement.kind.isTerminal {
                self.stopGiving(leaf.parcel)
                self.hasEnded(leaf.parcel, statement.kind, leaf.detail)
            }
        }
    }

    /// How many parcels' custody is remembered, so that what goes on at once needs no question.
    private static let custodyStatedMax = 4_096

    /// This node's own statement of its custody of a parcel; of its own it is custodian without one.
    func ownCustody(of row: ParcelRow) -> Digest? {
        guard row.giver != nil else { return nil }
        return self.custodyStated.removeValue(forKey: row.id)
            ?? self.ask(nil) { try $0.ownCustody(of: row.number) }
    }

    /// Parcels are held, or whole again: they land, or go on.
    private func haveCustody(of parcels: [ParcelID]) {
        let rows = self.rows(of: parcels)
        var ready: [ParcelRow] = []
        var intents: [LandingIntent] = []
        for parcel in parcels {
            self.forgetArrival(parcel)
            guard let row = rows[parcel] else { continue }
            let isHealed = self.healing.remove(parcel) != nil
            if let intent = self.landings.ready.removeValue(forKey: parcel) {
                self.landings.jobs[parcel]?.row = row
                intents.append(intent)
            } else if row.collector == self.parts.node {
                self.landings.queue.append(parcel)
            } else {
                // Calls may have looked past it.
                if isHealed || row.isSmall { ready.append(row) }
                self.moreIsHere(of: parcel)
                self.supersede(by: parcel)
            }
        }
        self.mayBeGiven(ready)
        if !intents.isEmpty { self.beginRenaming(intents) }
    }

    func forgetArrival(_ parcel: ParcelID) {
        self.roomTaken[parcel] = nil
        guard let arrival = self.arrivals.removeValue(forKey: parcel) else { return }
        for entry in arrival.wanted.values { self.blobsWanted.remove(entry.blob) }
        guard let call = self.calls[arrival.giver] else { return }
        call.givers.removeAll { $0 == parcel }
        call.pendingBytes -= arrival.wantedBytes
        call.session.unwant(parcel)
        self.fillWants(call)
    }

    // MARK: Damage

    /// A body did not verify: it is given up, not passed on, and asked for again.
    func isUnreadable(_ body: Digest, of parcel: ParcelID) {
        guard let row = self.ask(nil, { try $0.parcel(parcel) }),
            row.state == .held || row.state == .arriving
        else { return }
        self.parts.logger.error(
            "Blob damaged",
            metadata: ["parcel.id": "\(parcel)", "blob.id": "\(body)"]
        )
        self.quarantined += 1
        if row.isSmall {
            if let location = row.body {
                try? self.spool.quarantine(location, name: "\(parcel)")
            }
        } else if let location = self.ask(nil, { try $0.blob(BlobID(body)) }) {
            try? self.spool.quarantine(location, name: "\(body)")
        }
        self.log([try .evict([body], why: "damaged", at: self.now)]) {
            self.askToHeal()
        }
    }

    /// A file that stands for its blobs could not be read, or is no longer what was captured.
    ///
    /// What is being captured is judged at its end; who wanted the blob gets it then. What is held is
    /// read again from the first byte: it is whole then, or given up.
    func isUnread(_ number: UInt64, of parcel: ParcelID) {
        guard let row = self.ask(nil, { try $0.parcel(parcel) }) else { return }
        if row.state == .arriving || row.isDamaged {
            for call in self.calls.values { call.gifts[parcel]?.unread.insert(number) }
        }
        // Several blobs are read ahead of the first word of it.
        guard row.state == .held, !row.isDamaged, self.healing.insert(parcel).inserted else {
            return
        }
        self.parts.logger.warning(
            "Source file not as it was captured",
            metadata: ["parcel.id": "\(parcel)"]
        )
        // Of this parcel only: others may have the same blobs elsewhere.
        self.log([try .evict([parcel.digest], why: "gone", at: self.now)]) {
            self.healing.remove(parcel)
            self.askToHeal()
        }
    }

    /// Has everything made whole that is held here and damaged, once each until it is.
    ///
    /// One blob may be missing in several parcels, and a crash may come between the damage and the
    /// word of it.
    func askToHeal() {
        for row in self.ask([], { try $0.unfinishedCaptures() }) where row.isDamaged {
            guard self.healing.insert(row.id).inserted else { continue }
            self.pauseGiving(row.id)
            self.recapture(row.id)
        }
        for row in self.ask([], { try $0.unfinishedArrivals() })
        where row.isDamaged && row.state == .held {
            guard row.giver != nil, self.healing.insert(row.id).inserted else { continue }
            self.pauseGiving(row.id)
            self.landings.forget(row.id)
            self.draft(
                .damaged,
                reason: "blob",
                [self.leaf(row, passage: nil)],
                to: Destination(neighbour: nil, stream: row.stream)
            )
        }
        self.signDrafts()
    }
}

/// Threads for what takes long: the engine itself never reads or writes files.
enum EngineWorkers {
    static let checks = DispatchQueue(label: "tributary.checks")
}
