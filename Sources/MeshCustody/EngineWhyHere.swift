import MeshFiles
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// Why a parcel is not here yet, or does not land.
extension Engine {
    // MARK: Offers

    /// What is offered here and not admitted, by a condition on its opening.
    func offersTraced(_ isMeant: (SignedOpening) -> Bool) -> [TraceReport.Parcel] {
        let waiting = self.waitingOffers.enumerated().filter { isMeant($1.opening) }
            .map { place, offer in
                self.traced(offer.opening, from: offer.giver, self.offerReason(offer, at: place))
            }
        let transits = self.transits.values
            .filter { isMeant($0.opening) && self.arrivals[$0.opening.id] == nil }
            .map { self.traced($0.opening, from: $0.giver, self.transitReason($0)) }
        return waiting + transits
    }

    private func traced(
        _ opening: SignedOpening,
        from giver: NodeName,
        _ reason: Reason
    ) -> TraceReport.Parcel {
        var parcel = TraceReport.Parcel(
            id: opening.id,
            path: opening.opening.path,
            flow: opening.opening.flow,
            origin: opening.opening.origin,
            sequence: opening.opening.sequence,
            size: opening.opening.size,
            state: "offered",
            events: [],
            hops: []
        )
        parcel.custodian = giver.text
        parcel.why = [reason]
        return parcel
    }

    /// Why an offer waits; `index` is its place among all that wait.
    private func offerReason(_ offer: WaitingOffer, at index: Int) -> Reason {
        let opening = offer.opening.opening
        let need = Self.reservation(opening.size)
        if !self.hasLandingRoom(opening) {
            return Reason(
                .landingFull,
                "The disk that \(opening.flow) lands on has no room for it.",
                node: offer.giver,
                since: offer.since,
                hint: "Free \(ByteCount(need)) on the disk of \(self.landingPath(opening.flow))."
            )
        }
        if let quota = self.exceededQuota(opening, need, from: offer.giver) {
            let whose = quota == "quota_origin" ? opening.origin : offer.giver
            return Reason(
                .quota,
                "\(whose) has as much here as its quota allows.",
                cause: quota,
                node: offer.giver,
                since: offer.since,
                hint: "It goes on as parcels are handed on; or raise `quota` in the topology."
            )
        }
        let kept = index == 0 ? 0 : self.roomAwaited
        let missing = max(0, need - self.freeRoom(for: opening.collector, keeping: kept))
        let many = self.waitingOffers.count
        return Reason(
            .reservation,
            "Waits for room here, place \(index + 1) of \(many): it needs \(ByteCount(need)), "
                + "\(ByteCount(missing)) are missing.",
            node: offer.giver,
            since: offer.since,
            place: index + 1,
            missing: missing,
            hint: "`tributary queue age` shows what fills the spool, and whom it waits for."
        )
    }

    private func landingPath(_ flow: FlowName) -> String {
        self.parts.landings[flow]?.path ?? "its landing"
    }

    /// Why a parcel that can only go through does not.
    func transitReason(_ transit: Transit) -> Reason {
        let opening = transit.opening
        let small = "It is too large for this node, which lets it through"
        guard let hop = transit.asked else {
            let ways = self.waysOn(for: opening.opening, from: transit.giver)
            if let down = ways.first, !ways.contains(where: { self.isUp($0) }) {
                var reason = self.callReason(down)
                reason.message = "\(small). " + reason.message
                return reason
            }
            return Reason(
                .nextHopAsked,
                "\(small); as many as may are on their way through already.",
                since: transit.since
            )
        }
        let gift = self.gift(of: opening.id, to: hop)
        let answer =
            gift?.waits.map { Self.fullAnswers.contains($0) ? "has no room" : "says later" }
            ?? "has not answered yet"
        return Reason(
            .nextHopAsked,
            "\(small); \(hop) was asked, and \(answer).",
            cause: gift?.waits,
            node: hop,
            since: gift?.waitsSince ?? transit.since,
            next: gift?.offerAgainAt,
            hint: "Ask there: `tributary why \(opening.id)` at \(hop)."
        )
    }

    // MARK: Landing

    func landingReason(_ row: ParcelRow, isCounted: Bool) -> Reason {
        if let wait = self.landings.waiting[row.id] {
            return Reason(
                .landingWaits,
                wait.detail,
                cause: wait.code,
                since: self.landings.failedSince[row.id],
                next: wait.retryAt,
                hint: self.hint(onceLandingWaits: wait.code, row)
            )
        }
        if self.landings.busy[row.id] != nil {
            return Reason(.landing, "The file is being written.", since: row.heldAt)
        }
        if let held = self.holdReason(row) { return held }
        let place = isCounted ? self.landings.queue.firstIndex(of: row.id).map { $0 + 1 } : nil
        return Reason(
            .landingQueued,
            "Waits its turn to land.",
            since: row.heldAt,
            place: place
        )
    }

    private func hint(onceLandingWaits code: String, _ row: ParcelRow) -> String {
        let path = self.landingPath(row.stream.flow)
        let retry = "; then `tributary queue retry \(row.id)`."
        switch FilesError.Code(rawValue: code) {
        case .noRoom: return "Free room on the disk of \(path)" + retry
        case .landingMissing: return "Create \(path), or mount its disk" + retry
        case .notPermitted:
            return "Give the daemon's user the right to write beneath \(path)" + retry
        default:
            return code == "site_forbids"
                ? "Allow the landing in `site.yaml` and start the node again."
                : "Look at \(path) and at the log" + retry
        }
    }
}
