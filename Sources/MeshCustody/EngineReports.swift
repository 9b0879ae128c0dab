import Glibc
import MeshFiles
import MeshIdentity
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology

/// Which parcels a trace is about.
package enum TraceQuery: Sendable {
    /// A path as the source, the landing or the origin names it.
    case path([UInt8])
    /// The first bytes of a ParcelID.
    case id([UInt8])
}

// What the node tells people.
extension Engine {
    /// The most parcels that one question is answered with.
    private static let tracedMax = 100

    /// What the node holds and whom it reaches.
    ///
    /// Counting a long queue takes long: then the same is said again for ten times as long, so that
    /// whoever asks often takes no more than a tenth of the engine's time.
    func status() -> StatusReport {
        if let known = self.statusKnown, ContinuousClock.now < known.until { return known.report }
        let begun = Self.processorTime
        let report = self.countedStatus()
        let taken = Self.processorTime - begun
        self.statusKnown =
            taken > .milliseconds(100) ? (report, ContinuousClock.now + taken * 10) : nil
        return report
    }

    /// What the calling thread has had of the processor.
    private static var processorTime: Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }

    private func countedStatus() -> StatusReport {
        var report = StatusReport(
            node: self.parts.node,
            mesh: self.parts.mesh,
            incarnation: self.incarnation,
            started: self.startedAt,
            spool: .init(
                limit: self.parts.view.spool,
                used: self.spool.allocatedBytes,
                reservations: self.roomTaken.values.count { $0 > 0 },
                promised: ByteCount(self.roomTaken.values.reduce(0, +)),
                free: ByteCount(self.freeRoom)
            ),
            neighbours: self.neighboursWithQueues(),
            flows: self.flowReports(),
            counts: self.counts()
        )
        report.life = self.lifeReport()
        return report
    }

    /// Neighbours, with what goes to each.
    private func neighboursWithQueues() -> [StatusReport.Neighbour] {
        var waiting: [String: StatusReport.Waiting] = [:]
        for sum in self.ask([], { try $0.ages(at: self.now, upTo: []) }) {
            guard let next = self.nextHop(of: sum)?.text else { continue }
            var line = waiting[next] ?? StatusReport.Waiting()
            line.parcels += UInt64(sum.count)
            line.bytes += sum.bytes.rawValue
            line.oldest = ReportTime(min(line.oldest?.milliseconds ?? sum.oldest, sum.oldest))
            waiting[next] = line
        }
        return self.neighbourReports().map { neighbour in
            var neighbour = neighbour
            neighbour.waiting = waiting[neighbour.name] ?? StatusReport.Waiting()
            return neighbour
        }
    }

    private func flowReports() -> [StatusReport.Flow] {
        let counts = Dictionary(grouping: self.ask([]) { try $0.counts() }, by: \.flow)
        let own = Set(self.parts.view.sends.map(\.flow))
        let flows = own.union(self.parts.landings.keys).union(counts.keys)
        return flows.sorted().map { flow in
            func count(_ matches: (ParcelCount) -> Bool) -> UInt64 {
                UInt64((counts[flow] ?? []).filter(matches).reduce(0) { $0 + $1.count })
            }
            let role =
                own.contains(flow)
                ? "origin" : self.parts.landings[flow] == nil ? "relay" : "collector"
            let isLanded: (ParcelCount) -> Bool = { count in
                count.state == .ended
                    && (count.ending == "landed" || count.ending == "landed-late")
            }
            return StatusReport.Flow(
                flow: flow,
                role: role,
                waiting: UInt64(self.sources.flows[flow]?.queue.count ?? 0),
                held: count { $0.state == .held || $0.state == .arriving },
                landed: count(isLanded),
                ended: count { $0.state == .ended && !isLanded($0) }
            )
        }
    }

    private func counts() -> [String: Int64] {
        var skipped: [String: Int64] = [:]
        for report in self.sources.flows.values.compactMap(\.report) {
            for (reason, count) in report.skipped {
                skipped["skipped_\(reason.rawValue)", default: 0] += Int64(count)
            }
        }
        return skipped.merging(
            [
                "damaged": Int64(self.ask(0) { try $0.damagedCount() }),
                "quarantined": Int64(self.quarantined),
                "outbox": Int64(self.ask(0) { try $0.outboxCount() }),
                "overdue": Int64(
                    self.ask(0) { try $0.overdueCount(since: self.overdueSince(self.now)) }
                ),
                "offers_waiting": Int64(self.waitingOffers.count),
                "through": Int64(self.arrivals.values.count { $0.through != nil }),
                "next_hops_asked": Int64(self.transits.count),
                "flows_held_back": Int64(self.heldFlows.count),
                "landings_waiting": Int64(self.landings.waiting.count),
                "sources_missing": Int64(self.sources.flows.values.count { $0.missing != nil }),
                "captures_waiting_for_room": Int64(self.sources.full.count),
            ],
            uniquingKeysWith: { $1 }
        )
    }

    func trace(_ query: TraceQuery) -> TraceReport {
        TraceReport(parcels: self.traced(query))
    }

    /// The parcels that a person means, newest version first, offers that wait before them.
    func traced(_ query: TraceQuery) -> [TraceReport.Parcel] {
        let rows = self.find(query)
        let offered = self.offersTraced { self.means(query, $0) }
            .filter { offer in !rows.contains { $0.id.description == offer.id } }
        return offered + rows.map { self.traced($0) }
    }

    /// The same of what has come here, as the index has them.
    func find(_ query: TraceQuery) -> [ParcelRow] {
        switch query {
        case .id(let prefix):
            self.ask([]) { try $0.find(idPrefix: prefix, limit: Self.tracedMax) }
        case .path(let path):
            self.ask([]) { try $0.find(path: self.tracedPath(path), limit: Self.tracedMax) }
        }
    }

    /// Whether a person means what is opened thus.
    func means(_ query: TraceQuery, _ opening: SignedOpening) -> Bool {
        switch query {
        case .id(let prefix): opening.id.bytes.starts(with: prefix)
        case .path(let path): opening.opening.path == self.tracedPath(path)
        }
    }

    /// The origin's path of what a person named: by the source's root, the landing's, or as it is.
    private func tracedPath(_ path: [UInt8]) -> [UInt8] {
        guard path.first == UInt8(ascii: "/") else { return path }
        for root in self.parts.sources.values where path.starts(with: Array("\(root.path)/".utf8)) {
            return Array(path.dropFirst(root.path.utf8.count + 1))
        }
        for root in self.parts.landings.values where path.starts(with: Array("\(root.path)/".utf8))
        {
            // {origin}/{flow}/ comes before the origin's path.
            let rest = path.dropFirst(root.path.utf8.count + 1)
            let parts = rest.split(separator: UInt8(ascii: "/"), maxSplits: 2)
            if parts.count == 3 { return Array(parts[2]) }
        }
        return path
    }

    private func traced(_ row: ParcelRow) -> TraceReport.Parcel {
        let statements = self.ask([]) { try $0.statements(of: row.number) }
            .compactMap { try? SignedStatement(trusted: $0.bytes) }
        var events = self.recordedEvents(row)
        for statement in statements {
            let said = [statement.reason, statement.leaf(of: row.id)?.detail ?? ""]
                .filter { !$0.isEmpty }.joined(separator: ": ")
            let detail = PathBytes.printable(Array(said.utf8))
            events.append(
                TraceReport.Event(
                    at: statement.at,
                    node: statement.signer,
                    what: statement.kind.rawValue,
                    detail: detail.isEmpty ? nil : detail,
                    signature: self.verdict(on: statement)
                )
            )
        }
        events.sort { $0.at.milliseconds < $1.at.milliseconds }
        var parcel = TraceReport.Parcel(
            id: row.id,
            path: row.path,
            flow: row.stream.flow,
            origin: row.stream.origin,
            sequence: row.sequence,
            size: row.size,
            state: row.word,
            events: events,
            hops: self.hops(row, statements)
        )
        parcel.custodian = self.custodian(of: row, statements)?.text
        parcel.why = self.reasons(row, isCounted: true)
        return parcel
    }

    /// Who has the duty to deliver a parcel, by the latest word that came here.
    private func custodian(of row: ParcelRow, _ statements: [SignedStatement]) -> NodeName? {
        switch row.state {
        case .ended: return nil
        case .held: return self.parts.node
        // One that only goes through, or comes in, is its giver's; what is captured, its origin's.
        case .arriving: return row.giver ?? self.parts.node
        case .passed:
            let latest = statements.filter { $0.kind == .custody && $0.signer != self.parts.node }
                .max { $0.at < $1.at }
            return latest?.signer ?? row.passedTo
        }
    }

    private func recordedEvents(_ row: ParcelRow) -> [TraceReport.Event] {
        let node = self.parts.node
        let opening = try? Opening(encoded: row.opening)
        let key = opening.flatMap { self.parts.index.statementKey($0.origin, $0.keyID) }
        let isVerified: Bool? = key.map { key in
            if row.isSmall {
                let small = try? SmallParcel(
                    parsingOpening: row.opening,
                    closing: row.closing ?? [],
                    signature: row.openingSignature,
                    codec: 1,
                    content: []
                )
                return small?.isSigned(by: key) ?? false
            }
            let signed = try? SignedOpening(bytes: row.opening, signature: row.openingSignature)
            return signed?.isSigned(by: key) ?? false
        }
        let signature = isVerified.map { $0 ? "verifies" : "fails" } ?? "unknown"
        var events = [
            TraceReport.Event(
                at: row.arrivedAt,
                node: node,
                what: row.giver == nil ? "opened" : "arrived",
                detail: row.giver.map { "from \($0)" },
                signature: signature
            )
        ]
        if let closedAt = row.closedAt, !row.isSmall {
            let signed = row.closing.flatMap { closing in
                row.closingSignature.flatMap { try? SignedClosing(bytes: closing, signature: $0) }
            }
            let verdict = key.flatMap { key in signed.map { $0.isSigned(by: key) } }
            events.append(
                TraceReport.Event(
                    at: closedAt,
                    node: node,
                    what: "closed",
                    signature: verdict.map { $0 ? "verifies" : "fails" } ?? "unknown"
                )
            )
        }
        if let passedAt = row.passedAt {
            events.append(
                TraceReport.Event(
                    at: passedAt,
                    node: node,
                    what: "passed",
                    detail: row.passedTo.map { "to \($0)" },
                    signature: "unsigned"
                )
            )
        }
        return events
    }

    /// The way so far: the collector's statement has all of it, until then what came here and went.
    ///
    /// Lines chain by digest, and a statement names the last: its signature is good for all of them.
    private func hops(_ row: ParcelRow, _ statements: [SignedStatement]) -> [TraceReport.Hop] {
        let stated = statements.filter { $0.passages[row.id] != nil }
            .max { $0.passages[row.id]?.lines.count ?? 0 < $1.passages[row.id]?.lines.count ?? 0 }
        let passage = stated?.passages[row.id] ?? Passage(lines: row.passage)
        var lines = passage?.parsed ?? []
        let signature = stated.map { self.verdict(on: $0) } ?? "unsigned"
        if stated == nil {
            lines.append(
                PassageLine(
                    node: self.parts.node,
                    arrived: row.arrivedAt,
                    held: row.heldAt ?? row.arrivedAt,
                    sent: row.passedAt
                )
            )
        }
        return lines.map { line in
            var hop = TraceReport.Hop(
                node: line.node,
                arrived: line.arrived,
                held: line.held,
                sent: line.sent,
                signature: signature
            )
            hop.custody = statements.first { $0.kind == .custody && $0.signer == line.node }
                .map { ReportTime($0.at) }
            return hop
        }
    }

    private func verdict(on statement: SignedStatement) -> String {
        self.parts.index.statementKey(statement.signer, statement.keyID)
            .map { statement.isSigned(by: $0) ? "verifies" : "fails" } ?? "unknown"
    }
}

extension ParcelRow {
    /// Where it stands, in a word.
    var word: String {
        if self.state == .ended { return self.ending ?? self.state.rawValue }
        return self.isDamaged ? "damaged" : self.state.rawValue
    }
}
