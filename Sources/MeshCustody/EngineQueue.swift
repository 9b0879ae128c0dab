import Logging
package import MeshModel
import MeshProtocol
package import MeshSpool
import MeshTopology

/// What `queue` asks of the engine.
package enum QueueCommand: Sendable {
    /// Why parcels are here.
    case explain([ParcelRow], @Sendable ([QueueReport.Parcel]) -> Void)
    /// To whom sums of parcels go next.
    case ways([QueueAge], @Sendable (QueueAgeReport) -> Void)
    /// Whether parcels shall wait here.
    case hold(QueueTarget, isHeld: Bool, @Sendable (Result<HoldReport, EngineError>) -> Void)
    /// Waiting for a next attempt ends.
    case retry(RetryTarget, @Sendable (Result<RetryReport, EngineError>) -> Void)
}

/// What is to wait.
package enum QueueTarget: Sendable {
    case parcels(TraceQuery)
    case flow(FlowName)
}

/// What is to be tried again.
package enum RetryTarget: Sendable {
    case parcels(TraceQuery)
    case neighbour(NodeName)
    case all
}

// What the operator asks of what waits here.
extension Engine {
    func handle(_ command: QueueCommand) {
        switch command {
        case .explain(let rows, let reply):
            reply(rows.map { QueueReport.Parcel($0, self.reasons($0)) })
        case .ways(let sums, let reply):
            reply(QueueAgeReport(sums.map { ($0, self.nextHop(of: $0)) }))
        case .hold(let target, let isHeld, let reply):
            guard !self.standsStill else { return reply(.failure(self.standingStill)) }
            switch target {
            case .flow(let flow): self.hold(flow, isHeld: isHeld, reply)
            case .parcels(let query): self.hold(query, isHeld: isHeld, reply)
            }
        case .retry(let target, let reply):
            guard !self.standsStill else { return reply(.failure(self.standingStill)) }
            self.retry(target, reply)
        }
    }

    /// The neighbour that such parcels go to now, or would if a call were up.
    func nextHop(of sum: QueueAge) -> NodeName? {
        guard sum.collector != self.parts.node else { return nil }
        let ways = self.ways(to: sum.collector).filter { $0 != sum.giver && $0 != sum.origin }
        return ways.first { self.isUp($0) } ?? ways.first
    }

    // MARK: Hold and release

    /// Whether the operator has a parcel wait here.
    func isHeldBack(_ row: ParcelRow) -> Bool {
        row.isHeldBack || self.heldFlows[row.stream.flow] != nil
    }

    /// Reads which flows the operator has wait.
    func recallHolds() {
        for task in self.ask([], { try $0.tasks() }) where task.kind == SpoolTask.holdFlow {
            let words = String(decoding: task.body, as: UTF8.self).split(separator: "\n")
            guard words.count == 2, let flow = FlowName(String(words[0])),
                let since = Int64(words[1])
            else { continue }
            self.heldFlows[flow] = UnixMilliseconds(since)
        }
    }

    private static func holdTask(_ flow: FlowName, since: UnixMilliseconds) -> SpoolTask {
        let id = Digest.sha256(Array("hold \(flow)".utf8)).bytes.prefix(8)
            .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        // One task a flow; the highest number is the engine's own.
        return SpoolTask(
            id: id >> 1,
            kind: SpoolTask.holdFlow,
            body: Array("\(flow)\n\(since.rawValue)".utf8)
        )
    }

    private func hold(
        _ flow: FlowName,
        isHeld: Bool,
        _ reply: @escaping @Sendable (Result<HoldReport, EngineError>) -> Void
    ) {
        guard self.parts.index.flow(flow) != nil else {
            let names = self.parts.index.flows.map(\.name.text).sorted().joined(separator: ", ")
            return reply(
                .failure(
                    EngineError(
                        code: "not_found",
                        message: "This mesh has no flow \(flow).",
                        hint: "Its flows are: \(names)."
                    )
                )
            )
        }
        let task = Self.holdTask(flow, since: self.heldFlows[flow] ?? self.now)
        // Those that were named one by one are let go with their flow.
        let filter = QueueFilter(flow: flow, isHeldBack: true)
        let rows = isHeld ? [] : self.ask([]) { try $0.queue(filter, after: 0, limit: .max) }
        self.log(
            [try .task(task, finished: !isHeld, at: self.now)]
                + (try rows.map { try self.holdRecord($0, isHeld: false) })
        ) {
            if isHeld {
                self.heldFlows[flow] = self.heldFlows[flow] ?? self.now
                for call in self.calls.values { self.takeBack(on: call) { $0.stream.flow == flow } }
            } else {
                self.heldFlows[flow] = nil
                for call in self.calls.values { call.queue.restartAll() }
                self.askOn()
                self.queueLandings(of: flow)
            }
            let report = HoldReport(parcels: UInt64(rows.count), begun: 0, flow: flow.text)
            reply(.success(report))
        }
    }

    private func holdRecord(_ row: ParcelRow, isHeld: Bool) throws -> LogRecord {
        let task = SpoolTask(id: 0, kind: SpoolTask.hold, body: row.id.bytes)
        return try .task(task, finished: !isHeld, at: self.now)
    }

    private func hold(
        _ query: TraceQuery,
        isHeld: Bool,
        _ reply: @escaping @Sendable (Result<HoldReport, EngineError>) -> Void
    ) {
        let rows: [ParcelRow]
        switch self.underWay(query) {
        case .success(let found): rows = found.filter { $0.isHeldBack != isHeld }
        case .failure(let error): return reply(.failure(error))
        }
        self.log(try rows.map { try self.holdRecord($0, isHeld: isHeld) }) {
            let begun = rows.count { self.isBegun($0.id) }
            let ids = Set(rows.map(\.id))
            if isHeld {
                for call in self.calls.values { self.takeBack(on: call) { ids.contains($0.id) } }
            } else {
                for row in rows {
                    if row.collector == self.parts.node {
                        self.queueLanding(row)
                    } else {
                        self.mayBeGiven([row])
                    }
                }
            }
            reply(
                .success(HoldReport(parcels: UInt64(rows.count), begun: UInt64(begun), flow: nil))
            )
        }
    }

    /// The parcels here that a command means: those that still can wait.
    private func underWay(_ query: TraceQuery) -> Result<[ParcelRow], EngineError> {
        let found = self.find(query)
        let live = found.filter { $0.state == .held || $0.state == .arriving }
        guard live.isEmpty else { return .success(live) }
        guard let row = found.first else {
            return .failure(
                EngineError(
                    code: "not_found",
                    message: "This node has no such parcel.",
                    hint: "`tributary queue list` shows what is here."
                )
            )
        }
        let word = row.state == .passed ? "passed on" : row.ending ?? "ended"
        return .failure(
            EngineError(
                code: "not_found",
                message: "Nothing of it is under way here: \(row.id) is \(word).",
                hint: "`tributary why \(row.id)` says more."
            )
        )
    }

    private func isBegun(_ parcel: ParcelID) -> Bool {
        self.landings.busy[parcel] != nil
            || self.calls.values.contains { call in
                call.smallsInFlight[parcel] != nil || call.gifts[parcel]?.isBegun == true
            }
    }

    /// Offers that were not begun are withdrawn; what is begun finishes.
    private func takeBack(on call: Call, _ isMeant: (ParcelRow) -> Bool) {
        for (parcel, gift) in call.gifts where !gift.isBegun && gift.number > 0 {
            guard let row = self.ask(nil, { try $0.parcel(parcel) }), isMeant(row) else { continue }
            self.withdraw(parcel, from: call, why: "held_back")
        }
    }

    private func queueLanding(_ row: ParcelRow) {
        guard row.state == .held || self.isWholeInPlace(row), self.landings.busy[row.id] == nil,
            self.landings.waiting[row.id] == nil, !self.landings.queue.contains(row.id)
        else { return }
        self.landings.queue.append(row.id)
    }

    private func queueLandings(of flow: FlowName) {
        guard self.parts.landings[flow] != nil else { return }
        for arrival in self.arrivals.values where arrival.opening.flow == flow {
            self.ask(nil) { try $0.parcel(arrival.id) }.map { self.queueLanding($0) }
        }
        let queued = Set(self.landings.queue)
        var cursor: Int64 = 0
        while true {
            let filter = QueueFilter(flow: flow, collectors: [self.parts.node], state: .held)
            let rows = self.ask([]) { try $0.queue(filter, after: cursor, limit: 1_000) }
            guard let last = rows.last else { return }
            cursor = last.number
            for row in rows
            where self.landings.busy[row.id] == nil && self.landings.waiting[row.id] == nil
                && !queued.contains(row.id)
            {
                self.landings.queue.append(row.id)
            }
        }
    }

    // MARK: Retry

    private func retry(
        _ target: RetryTarget,
        _ reply: @escaping @Sendable (Result<RetryReport, EngineError>) -> Void
    ) {
        var parcels: Set<ParcelID>?
        var neighbours = self.parts.view.neighbours.map(\.name)
        var isLocal = true
        switch target {
        case .all: break
        case .neighbour(let name):
            guard neighbours.contains(name) else {
                let names = neighbours.map(\.text).joined(separator: ", ")
                return reply(
                    .failure(
                        EngineError(
                            code: "not_found",
                            message: "\(name) is no neighbour of \(self.parts.node).",
                            hint: names.isEmpty ? "It has none." : "Its neighbours are: \(names)."
                        )
                    )
                )
            }
            neighbours = [name]
            isLocal = false
        case .parcels(let query):
            // What is only offered here waits elsewhere; what it waits for is asked again.
            let offered = self.transits.values.filter { self.means(query, $0.opening) }.map(
                \.opening
            )
            switch self.underWay(query) {
            case .failure(let error) where offered.isEmpty: return reply(.failure(error))
            case .failure: parcels = Set(offered.map(\.id))
            case .success(let rows):
                parcels = Set(rows.map(\.id) + offered.map(\.id))
                let concerned = Set(rows.flatMap { self.ways(to: $0.collector) + [$0.giver] })
                neighbours = neighbours.filter { concerned.contains($0) }
            }
        }
        var report = RetryReport()
        for call in self.calls.values where neighbours.contains(call.peer) {
            report.offers += self.offerNow(parcels, to: call)
        }
        report.refusals = self.forgetRefusals(of: parcels, by: neighbours)
        if isLocal {
            report.landings = self.landNow(parcels)
            let meant = self.sources.unfinished.filter { parcels?.contains($0.parcel) ?? true }
            let flows = Set(meant.map(\.flow)).filter { flow in
                self.sources.retryAt[flow].map { $0 > self.now } ?? false
            }
            report.captures = UInt64(self.sources.unfinished.count { flows.contains($0.flow) })
            for flow in flows { self.sources.retryAt[flow] = nil }
        }
        report.neighbours = neighbours.filter { self.calls[$0] == nil }.map(\.text)
        reply(.success(report))
        self.settle()
    }

    private func offerNow(_ parcels: Set<ParcelID>?, to call: Call) -> UInt64 {
        var count: UInt64 = 0
        for (parcel, gift) in call.gifts
        where gift.waits != nil && parcels?.contains(parcel) ?? true {
            call.gifts[parcel]?.offerAgainAt = self.now
            count += 1
        }
        // Small parcels come back one by one: all of a collector's wait together.
        count += UInt64(call.fullFor.count)
        call.fullFor = [:]
        call.queue.restartAll()
        return count
    }

    private func forgetRefusals(of parcels: Set<ParcelID>?, by nodes: [NodeName]) -> UInt64 {
        var count: UInt64 = 0
        for parcel in self.refusals.keys where parcels?.contains(parcel) ?? true {
            for node in nodes where self.refusals[parcel]?.removeValue(forKey: node) != nil {
                count += 1
            }
            if self.refusals[parcel]?.isEmpty == true { self.refusals[parcel] = nil }
            if let row = self.ask(nil, { try $0.parcel(parcel) }) { self.mayBeGiven([row]) }
        }
        self.askOn()
        return count
    }

    private func landNow(_ parcels: Set<ParcelID>?) -> UInt64 {
        var count: UInt64 = 0
        for parcel in self.landings.waiting.keys where parcels?.contains(parcel) ?? true {
            self.landings.waiting[parcel]?.retryAt = self.now
            count += 1
        }
        return count
    }
}
