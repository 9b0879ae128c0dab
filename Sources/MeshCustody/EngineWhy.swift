import MeshIdentity
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology

// Why a parcel is where it is. Reads only; decides nothing.
extension Engine {
    typealias Reason = WhyReport.Reason

    /// Answers of a neighbour that mean that it has no room.
    static let fullAnswers: Set<String> = ["full", "quota_origin", "quota_neighbour"]
    private static let countedMax = 10_000

    func why(_ query: TraceQuery) -> WhyReport {
        let found = self.traced(query)
            .map { WhyReport.Item($0) }
        let live = found.filter(\.isUnderWay)
        return WhyReport(items: live.isEmpty ? Array(found.prefix(1)) : live)
    }

    /// Why a parcel is where it is; of several reasons the first weighs most.
    ///
    /// `isCounted` asks the index for its place among those that wait, too.
    func reasons(_ row: ParcelRow, isCounted: Bool = false) -> [Reason] {
        switch row.state {
        case .ended: return [self.endReason(row)]
        case .passed: return self.passedReasons(row)
        case .arriving, .held: break
        }
        var reasons: [Reason] = []
        if self.standsStill {
            let still = self.standingStill
            reasons.append(Reason(.standingStill, still.message, hint: still.hint))
        }
        if row.isDamaged { reasons.append(self.damageReason(row)) }
        let isWhole = row.state == .held || self.isWholeInPlace(row)
        if !isWhole { reasons += self.arrivalReasons(row) }
        if row.collector != self.parts.node {
            reasons += self.givingReasons(row, isCounted: isCounted)
        } else if isWhole, !row.isDamaged {
            reasons.append(self.landingReason(row, isCounted: isCounted))
        }
        return reasons
    }

    // MARK: Elsewhere, or over

    private func endReason(_ row: ParcelRow) -> Reason {
        let ending = row.ending ?? "ended"
        let word = self.ask([]) { try $0.statements(of: row.number) }
            .compactMap { try? SignedStatement(trusted: $0.bytes) }
            .last { $0.kind.rawValue == ending }
        let why = [word?.reason, word?.leaf(of: row.id)?.detail].compactMap { $0 }
            .filter { !$0.isEmpty }.joined(separator: ": ")
        let message =
            (word.map { "\(ending) at \($0.signer)" } ?? ending) + (why.isEmpty ? "" : ", \(why)")
        var reason = Reason(
            code: ending,
            PathBytes.printable(Array(message.utf8)) + ".",
            node: word?.signer,
            since: row.endedAt,
            hint: self.hint(onceEnded: ending, row)
        )
        reason.cause = word.map(\.reason).flatMap { $0.isEmpty ? nil : $0 }
        return reason
    }

    private func hint(onceEnded ending: String, _ row: ParcelRow) -> String? {
        let isOwn = row.giver == nil
        switch StatementKind(rawValue: ending) {
        case .refused where isOwn:
            return "Remove the cause; then `touch` the file, and it is sent as a new version."
        case .refused: return "Remove the cause; then `touch` the file at \(row.stream.origin)."
        case .abandoned where isOwn:
            return
                "The file changed or went before all of it was read, or, without a copy, had left; "
                + "what is there now is sent anew."
        default: return nil
        }
    }

    private func passedReasons(_ row: ParcelRow) -> [Reason] {
        guard let next = row.passedTo else { return [] }
        let passed = Reason(
            .passed,
            "\(next) has custody; word of its landing comes back from there.",
            node: next,
            since: row.passedAt,
            hint: "Ask there: `tributary why \(row.id)` at \(next)."
        )
        return [passed] + (self.isUp(next) ? [] : [self.callReason(next)])
    }

    private func damageReason(_ row: ParcelRow) -> Reason {
        if row.isInSource {
            return Reason(
                .damaged,
                "Its file could not be read, or not as it was captured; it is read again.",
                hint: "Nothing else has its bytes: see that the source is mounted and readable."
            )
        }
        guard let giver = row.giver else {
            return Reason(
                .damaged,
                "Stored bytes went bad; they are made again from the source file.",
                hint: "Look for disk errors; damaged bytes are kept in `spool/quarantine`."
            )
        }
        return Reason(
            .damaged,
            "Stored bytes went bad; they are asked for again, through \(giver).",
            node: giver,
            hint: "Look for disk errors; damaged bytes are kept in `spool/quarantine`."
        )
    }

    // MARK: Coming in

    private func arrivalReasons(_ row: ParcelRow) -> [Reason] {
        guard let giver = row.giver else { return [self.captureReason(row)] }
        guard self.isUp(giver) else {
            var reason = self.callReason(giver)
            reason.code = WhyCode.giverAway.rawValue
            reason.message = "The rest comes from \(giver). " + reason.message
            return [reason]
        }
        guard let arrival = self.arrivals[row.id], let call = self.calls[giver],
            call.givers.contains(row.id)
        else {
            if let transit = self.transits[row.id] { return [self.transitReason(transit)] }
            return [
                Reason(
                    .notOffered,
                    "The rest comes from \(giver), which has not offered it again yet.",
                    node: giver,
                    hint: "Ask there: `tributary why \(row.id)` at \(giver)."
                )
            ]
        }
        let done = "\(arrival.had.count) of \(row.entriesKnown) known pieces are here"
        let message =
            arrival.through == nil
            ? "Comes in from \(giver): \(done)."
            : "Goes through from \(giver): \(done) or were passed on."
        return [
            Reason(
                .arriving,
                arrival.isComplete ? "All of it is here and being checked." : message,
                node: giver,
                since: row.arrivedAt
            )
        ]
    }

    private func captureReason(_ row: ParcelRow) -> Reason {
        if self.sources.capturing.contains(row.id) {
            return Reason(.capturing, "The file is being read.", since: row.arrivedAt)
        }
        let place = self.sources.unfinished.firstIndex { $0.parcel == row.id }.map { $0 + 1 }
        guard let retryAt = self.sources.retryAt[row.stream.flow], retryAt > self.now else {
            return Reason(.captureQueued, "The file is read next in its turn.", place: place)
        }
        return Reason(
            .captureRetry,
            "The file could not be read to its end.",
            next: retryAt,
            place: place,
            hint: "The log says why; `tributary queue retry` tries now."
        )
    }

    // MARK: Going on

    private func givingReasons(_ row: ParcelRow, isCounted: Bool) -> [Reason] {
        for call in self.calls.values {
            if let gift = call.gifts[row.id] { return [self.giftReason(row, gift, call)] }
            if call.smallsInFlight[row.id] != nil {
                return [Reason(.sending, "On its way to \(call.peer).", node: call.peer)]
            }
        }
        if let held = self.holdReason(row) { return [held] }
        if row.isDamaged || (row.isSmall && row.state != .held) { return [] }
        let ways = self.waysOn(of: row)
        guard !ways.isEmpty else {
            return [
                Reason(
                    .noWay,
                    "No declared link leads on to \(row.collector) from here.",
                    node: row.collector,
                    hint: "Declare one: `tributary topology check` shows the ways."
                )
            ]
        }
        var reasons: [Reason] = []
        for way in ways {
            if let why = self.refusals[row.id]?[way] {
                reasons.append(
                    Reason(
                        .refusedBy,
                        "\(way) will not take it.",
                        cause: why,
                        node: way,
                        hint: "Remove the cause there; then `tributary queue retry \(row.id)`."
                    )
                )
            } else if self.isUp(way), let call = self.calls[way] {
                reasons.insert(self.queueReason(row, call, isCounted: isCounted), at: 0)
                break
            } else {
                reasons.append(self.callReason(way))
            }
        }
        return reasons
    }

    /// The neighbours that a parcel may go on to, best first, whether calls are up or not.
    private func waysOn(of row: ParcelRow) -> [NodeName] {
        if row.mode == .through { return row.nextHop.map { [$0] } ?? [] }
        let passed = Set(row.passage.compactMap { PassageLine(encoded: $0)?.node })
        return self.ways(to: row.collector).filter {
            $0 != row.giver && $0 != row.stream.origin && !passed.contains($0)
        }
    }

    func holdReason(_ row: ParcelRow) -> Reason? {
        if row.isHeldBack {
            return Reason(
                .heldBack,
                "The operator has it wait here.",
                hint: "`tributary queue release \(row.id)` lets it go on."
            )
        }
        guard let since = self.heldFlows[row.stream.flow] else { return nil }
        return Reason(
            .flowHeldBack,
            "The operator has all of flow \(row.stream.flow) wait here.",
            since: since,
            hint: "`tributary queue release --flow \(row.stream.flow)` lets it go on."
        )
    }

    private func queueReason(_ row: ParcelRow, _ call: Call, isCounted: Bool) -> Reason {
        if row.isSmall, let until = call.fullFor[row.collector], until > self.now {
            return self.fullReason(
                row,
                call.peer,
                "full",
                since: call.smallsFull?.since,
                next: until
            )
        }
        var place: Int?
        if isCounted {
            place = self.ask(nil) {
                try $0.countWaiting(
                    before: row,
                    first: self.order(of: row.stream.flow),
                    limit: Self.countedMax
                )
            }.map { $0 + 1 }
        }
        let ahead =
            place.map {
                $0 > Self.countedMax
                    ? "; more than \(Self.countedMax) go before it"
                    : $0 > 1 ? "; \($0 - 1) of its flow go before it" : ""
            } ?? ""
        return Reason(
            .queued,
            "Waits its turn to go to \(call.peer)\(ahead).",
            node: call.peer,
            since: row.heldAt ?? row.arrivedAt,
            place: place
        )
    }

    private func giftReason(_ row: ParcelRow, _ gift: Gift, _ call: Call) -> Reason {
        let peer = call.peer
        if let why = gift.waits {
            if why == "next_hop" || why.hasPrefix("next_hop_") {
                let isFull = Self.fullAnswers.contains(String(why.dropFirst("next_hop_".count)))
                return Reason(
                    .nextHopAsked,
                    "\(peer) is too small to hold it and lets it through; "
                        + (isFull ? "the node behind it is full." : "it asks the node behind it."),
                    cause: why,
                    node: peer,
                    since: gift.waitsSince,
                    next: gift.offerAgainAt,
                    hint: "Ask there: `tributary why \(row.id)` at \(peer)."
                )
            }
            if Self.fullAnswers.contains(why) {
                return self.fullReason(
                    row,
                    peer,
                    why,
                    since: gift.waitsSince,
                    next: gift.offerAgainAt
                )
            }
            return Reason(
                .neighbourLater,
                why == "draining"
                    ? "\(peer) is being drained and takes nothing new."
                    : "\(peer) says to come back later.",
                cause: why,
                node: peer,
                since: gift.waitsSince,
                next: gift.offerAgainAt,
                hint: "`tributary queue retry \(row.id)` offers it now."
            )
        }
        guard gift.isAdmitted else {
            return Reason(.offered, "Offered to \(peer), which has not answered yet.", node: peer)
        }
        guard gift.isBegun else {
            let place = call.gifts.values.count {
                $0.lane == gift.lane && $0.isAdmitted && !$0.isBegun && $0.order < gift.order
            }
            return Reason(
                .behind,
                "\(peer) has room for it; what was begun before finishes first.",
                node: peer,
                place: place + 1
            )
        }
        let pieces = "\(gift.acked.count) of \(row.entriesKnown) known pieces are there"
        return gift.isDone
            ? Reason(
                .awaitingCustody,
                "All of it is at \(peer), whose word for it is awaited.",
                node: peer,
                since: gift.begunAt
            )
            : Reason(.sending, "Goes to \(peer): \(pieces).", node: peer, since: gift.begunAt)
    }

    private func fullReason(
        _ row: ParcelRow,
        _ peer: NodeName,
        _ why: String,
        since: UnixMilliseconds?,
        next: UnixMilliseconds?
    ) -> Reason {
        let message =
            switch why {
            case "quota_origin": "\(peer) holds as much of \(row.stream.origin) as its quota allows"
            case "quota_neighbour": "\(peer) holds as much from here as its quota allows"
            default: "\(peer) has no room for it"
            }
        return Reason(
            .neighbourFull,
            next == nil ? "\(message); it takes it when there is." : "\(message).",
            cause: why,
            node: peer,
            since: since,
            next: next,
            hint:
                "See what fills it: `tributary why \(row.id)` and `tributary queue age` at \(peer)."
        )
    }

    /// How it stands with a neighbour that no call is up with, as a reason.
    func callReason(_ peer: NodeName) -> Reason {
        let state = self.state(of: peer)
        let dials = self.parts.view.neighbours.first { $0.name == peer }?.dial != nil
        let failure = state.lastError.map { " Last: \($0.code): \($0.message)" } ?? ""
        let hint =
            switch state.word {
            case .doubled, .rolledBack:
                "Run `tributary status` at \(peer), and `tributary adopt` where it shall go on."
            case .refused: "`tributary status` shows why; docs/calls.md lists what to do."
            default:
                dials
                    ? "`tributary call \(peer)` tries now."
                    : "\(peer) dials this node: run `tributary call \(self.parts.node)` there."
            }
        return Reason(
            .noCall,
            "No call with \(peer), \(state.word.rawValue).\(failure)",
            cause: state.word.rawValue,
            node: peer,
            since: state.since,
            next: state.next,
            hint: hint
        )
    }
}
