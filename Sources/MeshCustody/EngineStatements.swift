import Dispatch
import Logging
import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// Others' statements come in.
extension Engine {
    func received(note body: NoteBody, _ head: NoteHead, from call: Call) {
        switch body {
        case .statement(let bytes): self.received(statement: bytes, head, from: call)
        case .tally, .inquiry: self.received(word: body, head, from: call)
        }
    }

    /// Takes a statement in that came in a note, or without a head as an answer to an offer.
    func received(statement bytes: [UInt8], _ head: NoteHead?, from call: Call) {
        let statement: SignedStatement
        do {
            let index = self.parts.index
            statement = try SignedStatement(verifying: bytes, mesh: self.parts.mesh) {
                index.statementKey($0, $1)
            }
        } catch {
            return self.cut(call, why: "statement_invalid", "\(error)")
        }
        guard self.mayState(statement) || statement.signer == self.parts.node else {
            return self.cut(
                call,
                why: "statement_invalid",
                "\(statement.signer) may not state \(statement.kind.rawValue)"
            )
        }
        let onward = self.onward(statement, head, from: call)
        if statement.signer == self.parts.node {
            self.learn(fromOwn: statement, shownBy: call.peer)
            // The cursor covers every note before this one, so it waits its turn behind those that
            // are not durable yet. A way round may lead through here: then it goes on.
            if onward == nil {
                return self.after(self.spool.durablePosition) { self.note(head, from: call) }
            }
        }
        guard self.passes(.onCustodyArrival) else { return }
        let isNew = !self.ask(true) { try $0.hasStatement(.sha256(bytes)) }
        self.log(
            [
                try .statement(
                    statement,
                    issued: false,
                    neighbour: call.peer,
                    destination: onward?.destination,
                    hops: onward?.hops ?? 0,
                    at: self.now
                )
            ]
        ) {
            guard self.passes(.beforeNoted) else { return }
            self.note(head, from: call)
            // Custody counts for whoever it was said to, a word of the end for everybody.
            if onward == nil || statement.kind != .custody { self.follow(statement) }
            if isNew { self.passOn(statement) }
        }
    }

    /// Where a statement goes from here; `nil`: it is for this node.
    private func onward(
        _ statement: SignedStatement,
        _ head: NoteHead?,
        from call: Call
    ) -> (destination: NodeName, hops: UInt32)? {
        if let head { return self.onward(head, from: call) }
        // An answer to an offer tells this node; the origin is to hear of an end too.
        guard let origin = self.addressee(of: statement.kind, statement.stream),
            origin == statement.stream.origin
        else { return nil }
        return (origin, UInt32(Limits.hopsMax))
    }

    /// Whether a signer may say such a thing at all; nobody states for us.
    ///
    /// Landings are the collector's to state, the origin alone abandons. Everything else comes from
    /// a node on the way to the collector; custody not from the origin, which has it from the start.
    private func mayState(_ statement: SignedStatement) -> Bool {
        let index = self.parts.index
        let signer = statement.signer
        guard signer != self.parts.node, let flow = index.flow(statement.stream.flow) else {
            return false
        }
        let isOnTheWay =
            signer == flow.collector
            || !index.nextHops(from: signer, to: flow.collector).isEmpty
        switch statement.kind {
        case .landed, .landedLate, .secured: return signer == flow.collector
        case .abandoned, .recalled: return signer == statement.stream.origin
        case .custody: return isOnTheWay && signer != statement.stream.origin
        case .refused, .superseded, .expired, .damaged, .lost: return isOnTheWay
        }
    }

    /// What follows from somebody else's statement once it is durable here.
    private func follow(_ statement: SignedStatement) {
        self.isDoubled(statement)
        self.openAnew(after: statement)
        let states = self.ask([:]) { try $0.states(of: statement.leaves.map(\.parcel)) }
        for leaf in statement.leaves where self.counts(states[leaf.parcel], leaf, of: statement) {
            switch statement.kind {
            case .custody:
                self.stopGiving(leaf.parcel)
                self.forgetArrival(leaf.parcel)
                // One that was to be made again here need not be: others hold all of it.
                self.isWhole(leaf.parcel)
            case .damaged, .lost:
                // That the collector does not know it only matters to the origin.
                guard statement.reason != "unknown" || self.isDamagedHere(leaf.parcel) else {
                    continue
                }
                self.isLost(leaf.parcel)
                self.reroute()
            case .secured:
                break
            default:
                self.stopGiving(leaf.parcel)
                self.forgetArrival(leaf.parcel)
                self.hasEnded(leaf.parcel, statement.kind, leaf.detail)
            }
        }
    }

    /// Whether the index has followed a statement: what is about another closing is ignored there.
    private func counts(
        _ state: ParcelState?,
        _ leaf: StatementLeaf,
        of statement: SignedStatement
    ) -> Bool {
        guard let state else { return true }
        let counts =
            switch statement.kind {
            case .custody: state == .passed || state == .ended
            case .secured, .damaged, .lost: true
            default: state == .ended
            }
        if !counts {
            self.parts.logger.warning(
                "Statement ignored",
                metadata: [
                    "parcel.id": "\(leaf.parcel)", "peer.node": "\(statement.signer)",
                    "statement.kind": "\(statement.kind.rawValue)",
                ]
            )
        }
        return counts
    }

    private func isDamagedHere(_ parcel: ParcelID) -> Bool {
        self.ask(nil) { try $0.parcel(parcel) }.map { $0.giver == nil && $0.isDamaged } ?? false
    }

    func hasEnded(_ parcel: ParcelID, _ kind: StatementKind, _ detail: String) {
        self.roomTaken[parcel] = nil
        self.healing.remove(parcel)
        self.landings.promised[parcel] = nil
        self.landings.forget(parcel)
        self.landings.failedSince[parcel] = nil
        for send in self.sends.values { send.ended(parcel, kind, detail) }
        self.haveSendsChanged = true
        if !self.waitingOffers.isEmpty { self.admitWaiting() }
    }
}
