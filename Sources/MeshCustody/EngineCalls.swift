import Logging
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// Calls begin and end; messages find their room.
extension Engine {
    func handle(_ event: SessionEvent) {
        switch event {
        case .opened(let session, let hello): self.opened(session, hello)
        case .message(let session, let message):
            guard let call = self.call(session), self.mayAct(on: message, from: call) else {
                return
            }
            self.handle(message, from: call)
        case .blob(let session, let parcel, let number, let bytes):
            guard let call = self.call(session), !self.standsStill else { return }
            self.received(blob: bytes, number, of: parcel, from: call)
        case .badBlob(let session, let parcel, let number):
            guard let call = self.call(session) else { return }
            self.receivedBad(number, of: parcel, from: call)
        case .closed(let session, let reason, let detail):
            self.closed(session, reason, detail)
        }
    }

    private func call(_ session: any Session) -> Call? {
        guard let call = self.calls[session.peer], call.session.id == session.id else { return nil }
        return call
    }

    private func opened(_ session: any Session, _ hello: Hello) {
        guard !self.isEnding else { return session.end(Bye(why: "stopping")) }
        if let old = self.calls[session.peer] {
            guard self.prefers(session, hello, to: old) else {
                return session.end(Bye(why: "double_call"))
            }
            self.forget(old)
            old.session.end(Bye(why: "double_call"))
        }
        let call = Call(session, hello, since: self.now)
        self.calls[session.peer] = call
        self.peers[session.peer] = PeerState(state: "ok", since: self.now, lastError: nil)
        self.parts.logger.info(
            "Call opened",
            metadata: ["peer.node": "\(session.peer)", "call.dialled": "\(session.isDialler)"]
        )
        self.meet(call)
        // Another neighbour may now be the better way.
        self.reroute()
        self.settle()
    }

    /// Whether a new call replaces the one that is open.
    ///
    /// Same run and same dialler: the newer stays. Dialled by both: the lesser name's stays.
    private func prefers(_ session: any Session, _ hello: Hello, to old: Call) -> Bool {
        guard hello.runID == old.hello.runID, session.isDialler != old.session.isDialler else {
            return true
        }
        let dialler = session.isDialler ? self.parts.node : session.peer
        return dialler == min(self.parts.node, session.peer)
    }

    private func closed(_ session: any Session, _ reason: String, _ detail: String) {
        guard let call = self.call(session) else { return }
        if reason == "doubled" { self.life.saidDoubled.insert(session.peer) }
        self.forget(call)
        self.peers[session.peer] = PeerState(
            state: "idle",
            since: self.now,
            lastError: ["bye", "stopping"].contains(reason) ? nil : "\(reason): \(detail)"
        )
        self.parts.logger.info(
            "Call closed",
            metadata: [
                "peer.node": "\(session.peer)", "call.reason": "\(reason)",
                "call.detail": "\(detail)",
            ]
        )
        self.reroute()
        self.settle()
    }

    private func forget(_ call: Call) {
        self.calls[call.peer] = nil
        for parcel in call.givers { self.suspend(parcel) }
        self.waitingOffers.removeAll { $0.giver == call.peer }
    }

    /// Looks at every live parcel again for every call: which way is best may have changed.
    func reroute() {
        for call in self.calls.values { call.cursor = 0 }
    }

    func dialFailed(_ peer: NodeName, _ code: String) {
        guard self.calls[peer] == nil else { return }
        let since = self.peers[peer].flatMap { $0.state == "unreachable" ? $0.since : nil }
        self.peers[peer] = PeerState(
            state: "unreachable",
            since: since ?? self.now,
            lastError: code
        )
    }

    func handle(_ message: Message, from call: Call) {
        switch message {
        case .offer(let openings, let again):
            for opening in openings { self.offered(opening, again: again, by: call) }
        case .answer(let parcel, let answer): self.answered(answer, for: parcel, by: call)
        case .entries(let parcel, let first, let entries):
            self.received(entries, from: first, of: parcel, from: call)
        case .want(let parcel, let numbers): self.wanted(numbers, of: parcel, by: call)
        case .ack(let parcel, let numbers): self.acked(numbers, of: parcel, by: call)
        case .smallAck: self.give(call)
        case .closing(let closing, let passage):
            self.received(closing, passage, from: call)
        case .small(let small, let passage, let again):
            self.received(small, passage, again: again, from: call)
        case .withdrawn(let parcel, _): self.withdrawn(parcel, by: call)
        case .note(let number, _, _, let body):
            self.received(note: body, number: number, from: call)
        case .noted(let cursor): self.noted(upTo: cursor, by: call)
        case .index:
            // One serial per mesh for now: a new one is installed by its administrator.
            self.parts.logger.debug(
                "Index not taken",
                metadata: ["peer.node": "\(call.peer)"]
            )
        case .hello, .ping, .pong, .bye, .evidence: break  // The link, or mayAct, answers these.
        }
    }

    /// Ends a call whose peer breaks the rules.
    func cut(_ call: Call, why: String, _ detail: String) {
        self.parts.logger.warning(
            "Peer broke the rules",
            metadata: [
                "peer.node": "\(call.peer)", "error.code": "\(why)", "error": "\(detail)",
            ]
        )
        call.session.end(Bye(why: why, detail: detail))
    }

    func stream(_ flow: FlowName) -> FlowStream {
        FlowStream(origin: self.parts.node, flow: flow, incarnation: self.incarnation)
    }
}
