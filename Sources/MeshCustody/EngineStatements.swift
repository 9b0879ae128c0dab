import Dispatch
import Logging
import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// Others' statements come in, this node's own go out until they are noted.
extension Engine {
    // MARK: Receiving statements

    func received(note body: NoteBody, number: UInt64, from call: Call) {
        switch body {
        case .statement(let bytes): self.received(statement: bytes, number: number, from: call)
        case .tally, .inquiry:
            // Later versions answer them; what is not kept is not acknowledged.
            self.parts.logger.debug("Note not taken", metadata: ["peer.node": "\(call.peer)"])
        }
    }

    func received(statement bytes: [UInt8], number: UInt64?, from call: Call) {
        let statement: SignedStatement
        do {
            let index = self.parts.index
            statement = try SignedStatement(verifying: bytes, mesh: self.parts.mesh) {
                index.statementKey($0, $1)
            }
        } catch {
            return self.cut(call, why: "statement_invalid", "\(error)")
        }
        let (peer, session) = (call.peer, call.session.id)
        func note() {
            guard let number, let call = self.calls[peer], call.session.id == session else {
                return
            }
            call.noteCursor = max(call.noteCursor, number)
        }
        if statement.signer == self.parts.node {
            self.learn(fromOwn: statement, shownBy: call.peer)
            // The cursor covers every
            // note before this one, so it waits its turn behind those that are not durable yet.
            return self.after(self.spool.durablePosition) { note() }
        }
        guard self.mayState(statement, from: call.peer, asAnswer: number == nil) else {
            return self.cut(
                call,
                why: "statement_invalid",
                "\(statement.signer) may not state \(statement.kind.rawValue)"
            )
        }
        guard self.passes(.onCustodyArrival) else { return }
        let isNew = !self.ask(true) { try $0.hasStatement(.sha256(bytes)) }
        self.log(
            [try .statement(statement, issued: false, neighbour: peer, at: self.now)]
        ) {
            guard self.passes(.beforeNoted) else { return }
            note()
            self.follow(statement)
            if isNew { self.passOn(statement) }
        }
    }

    /// Whether a signer may say such a thing at all; nobody states for us.
    ///
    /// Landings are the collector's to state, the origin alone abandons. Custody comes from the
    /// neighbour that took it, or as its answer from a node further on. Everything else comes from
    /// a node on the way to the collector.
    private func mayState(
        _ statement: SignedStatement,
        from peer: NodeName,
        asAnswer isAnswer: Bool
    ) -> Bool {
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
        case .custody:
            return isOnTheWay && signer != statement.stream.origin
        case .refused, .superseded, .expired, .damaged, .lost: return isOnTheWay
        }
    }

    /// What follows from somebody else's statement once it is durable here.
    private func follow(_ statement: SignedStatement) {
        self.isDoubled(statement)
        self.openAnew(after: statement)
        for leaf in statement.leaves {
            switch statement.kind {
            case .custody:
                self.stopGiving(leaf.parcel)
                self.forgetArrival(leaf.parcel)
            case .damaged, .lost:
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

    func hasEnded(_ parcel: ParcelID, _ kind: StatementKind, _ detail: String) {
        self.roomTaken[parcel] = nil
        self.healing.remove(parcel)
        self.landings.promised[parcel] = nil
        self.landings.forget(parcel)
        for send in self.sends.values { send.ended(parcel, kind, detail) }
        self.haveSendsChanged = true
        if !self.waitingOffers.isEmpty { self.admitWaiting() }
    }

    // MARK: Outbox

    /// Sends statements that this neighbour has not noted, a bounded number at a time.
    func flushOutbox(_ call: Call) {
        while call.notesSent.count < 64 {
            let rows = self.ask([]) {
                try $0.outbox(to: call.peer, after: call.outboxCursor, limit: 16)
            }
            if rows.isEmpty { return }
            for row in rows {
                call.outboxCursor = row.number
                call.notesSent.append((call.nextNote, row.digest))
                call.session.send(
                    .note(
                        number: call.nextNote,
                        destination: call.peer,
                        hops: UInt32(Limits.hopsMax),
                        .statement(row.bytes)
                    )
                )
                call.nextNote += 1
            }
        }
    }

    func noted(upTo cursor: UInt64, by call: Call) {
        let noted = call.notesSent.prefix { $0.number <= cursor }.map(\.digest)
        guard !noted.isEmpty else { return }
        call.notesSent.removeFirst(noted.count)
        let peer = call.peer
        self.log([try .noted(by: peer, noted, at: self.now)]) {}
        self.flushOutbox(call)
    }
}
