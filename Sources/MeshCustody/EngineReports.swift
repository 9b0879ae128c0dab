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
    private static let tracedMax = 100

    func status() -> StatusReport {
        var report = StatusReport(
            node: self.parts.node,
            mesh: self.parts.mesh,
            incarnation: self.incarnation,
            started: self.startedAt,
            spool: .init(limit: self.parts.view.spool, used: self.spool.allocatedBytes),
            neighbours: self.neighbourReports(),
            flows: self.flowReports(),
            counts: self.counts()
        )
        report.life = self.lifeReport()
        return report
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
                "offers_waiting": Int64(self.waitingOffers.count),
                "landings_waiting": Int64(self.landings.waiting.count),
                "sources_missing": Int64(self.sources.flows.values.count { $0.missing != nil }),
                "captures_waiting_for_room": Int64(self.sources.full.count),
            ],
            uniquingKeysWith: { $1 }
        )
    }

    func trace(_ query: TraceQuery) -> TraceReport {
        let rows: [ParcelRow] =
            switch query {
            case .id(let prefix): self.ask([]) { try $0.find(idPrefix: prefix, limit: 10) }
            case .path(let path):
                self.ask([]) { try $0.find(path: self.tracedPath(path), limit: Self.tracedMax) }
            }
        return TraceReport(parcels: rows.map { self.traced($0) })
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
            let key = self.parts.index.statementKey(statement.signer, statement.keyID)
            let detail = [statement.reason, statement.leaf(of: row.id)?.detail ?? ""]
                .filter { !$0.isEmpty }.joined(separator: ": ")
            events.append(
                TraceReport.Event(
                    at: statement.at,
                    node: statement.signer,
                    what: statement.kind.rawValue,
                    detail: detail.isEmpty ? nil : detail,
                    signature: key.map { statement.isSigned(by: $0) ? "verifies" : "fails" }
                        ?? "unknown"
                )
            )
        }
        events.sort { $0.at.milliseconds < $1.at.milliseconds }
        return TraceReport.Parcel(
            id: row.id,
            path: row.path,
            flow: row.stream.flow,
            origin: row.stream.origin,
            sequence: row.sequence,
            size: row.size,
            state: self.word(for: row),
            events: events,
            hops: self.hops(row, statements)
        )
    }

    func word(for row: ParcelRow) -> String {
        if row.state == .ended { return row.ending ?? "ended" }
        if row.isDamaged { return "damaged" }
        if let wait = self.landings.waiting[row.id] { return "waiting (\(wait.code))" }
        if row.state == .passed { return "passed to \(row.passedTo?.text ?? "?")" }
        var waits = self.calls.values.compactMap { call in
            call.gifts[row.id]?.waits.map { "waiting (\(call.peer): \($0))" }
        }
        waits += (self.refusals[row.id] ?? [:]).map { "not taken (\($0.key): \($0.value))" }
        return waits.first ?? row.state.rawValue
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
    private func hops(_ row: ParcelRow, _ statements: [SignedStatement]) -> [TraceReport.Hop] {
        let stated = statements.compactMap { $0.passages[row.id] }
            .max { $0.lines.count < $1.lines.count }
        var lines = stated?.parsed ?? Passage(lines: row.passage)?.parsed ?? []
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
        return lines.map {
            .init(node: $0.node, arrived: $0.arrived, held: $0.held, sent: $0.sent)
        }
    }
}
