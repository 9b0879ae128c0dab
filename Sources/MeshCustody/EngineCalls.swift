import Logging
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// Calls begin and end; messages find their room.
extension Engine {
    func heard(_ event: SessionEvent) {
        self.handle(event)
        event.session.handled()
    }

    func handle(_ event: SessionEvent) {
        switch event {
        case .opened(let session, let hello): self.opened(session, hello)
        case .alive(let session):
            guard let call = self.call(session) else { return }
            self.isAlive(call)
        case .message(let session, let message):
            guard let call = self.call(session) else {
                _ = self.keeps(event, of: session)
                return
            }
            guard self.mayAct(on: message, from: call) else { return }
            call.hasMoved = true
            self.handle(message, from: call)
        case .blob(let session, let parcel, let number, let blob):
            guard let call = self.call(session), !self.standsStill else { return }
            self.received(blob, number, of: parcel, from: call)
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
        guard !self.isRefusedAsDoubled(session, hello) else { return }
        if let old = self.calls[session.peer], !self.replaces(old, session, hello) { return }
        self.take(session, hello)
    }

    /// Makes a session the call with its neighbour.
    func take(_ session: any Session, _ hello: Hello) {
        guard self.isCurrent(session.greeting) else {
            return session.end(Bye(why: "new_incarnation"))
        }
        let call = Call(session, hello, since: self.now)
        self.calls[session.peer] = call
        self.callBegan(call)
        self.parts.logger.info(
            "Call opened",
            metadata: ["peer.node": "\(session.peer)", "call.dialled": "\(session.isDialler)"]
        )
        self.meet(call)
        // Another neighbour may now be the better way.
        self.reroute()
        self.rerouteNotes()
        self.settle()
    }

    private func closed(_ session: any Session, _ reason: String, _ detail: String) {
        if self.contenders[session.peer]?.session.id == session.id {
            self.contenders[session.peer] = nil
        }
        guard let call = self.call(session) else { return }
        if reason == "doubled" { self.life.saidDoubled.insert(session.peer) }
        self.forget(call)
        self.callEnded(with: session.peer, reason, detail)
        self.logEnd(of: session.peer, reason, detail)
        self.promoteContender(of: session.peer)
        self.reroute()
        self.settle()
    }

    /// One line for each end; a warning with its code where somebody broke a rule.
    private func logEnd(of peer: NodeName, _ reason: String, _ detail: String) {
        let word = PeerWord(ending: reason)
        guard let word, word != .backingOff else {
            return self.parts.logger.info(
                "Call closed",
                metadata: [
                    "peer.node": "\(peer)", "call.reason": "\(reason)",
                    "call.detail": "\(detail)",
                ]
            )
        }
        self.parts.logger.warning(
            "Call ended",
            metadata: [
                "peer.node": "\(peer)", "error.code": "\(reason)", "error": "\(detail)",
            ]
        )
    }

    func forget(_ call: Call) {
        self.calls[call.peer] = nil
        for parcel in call.givers { self.suspend(parcel) }
        self.waitingOffers.removeAll { $0.giver == call.peer }
        self.forgetTransits(with: call.peer)
        self.rerouteNotes(without: call)
        // Blobs that it was asked for may be asked of others.
        for other in self.calls.values { self.fillWants(other) }
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
        case .note(let number, let destination, let hops, let body):
            let head = NoteHead(number: number, destination: destination, hops: hops)
            self.received(note: body, head, from: call)
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

    /// Ends a call whose peer breaks the rules; its end is logged with the code.
    func cut(_ call: Call, why: String, _ detail: String) {
        call.session.end(Bye(why: why, detail: detail))
    }

    func stream(_ flow: FlowName) -> FlowStream {
        FlowStream(origin: self.parts.node, flow: flow, incarnation: self.incarnation)
    }
}
