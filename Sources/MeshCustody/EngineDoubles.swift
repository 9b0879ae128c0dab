import Logging
import MeshModel
import MeshProtocol

/// A call from another run of a neighbour whose call is still open: one of the two is dead, or
/// there are two such nodes.
struct Contender {
    let session: any Session
    let hello: Hello
    /// What it said meanwhile.
    var events: [SessionEvent] = []

    /// More than anybody has to say before he is answered.
    static let eventsMax = 8_192
}

// Two calls of one neighbour.
extension Engine {
    /// Whether the neighbour is known to run twice, and this hello shows no later life.
    func isRefusedAsDoubled(_ session: any Session, _ hello: Hello) -> Bool {
        guard let number = self.doubled[session.peer] else { return false }
        guard hello.incarnation.number <= number else {
            self.doubled[session.peer] = nil
            return false
        }
        session.end(Self.doubledBye(session.peer))
        return true
    }

    /// Settles which of two calls stays.
    ///
    /// Same run and same dialler: the newer. Dialled by both: the one dialled by the lesser name.
    /// Another run: the old one, if it still answers, and then the neighbour is doubled.
    ///
    /// - Returns: Whether the new call is to be taken now, in place of the old one.
    func replaces(_ old: Call, _ session: any Session, _ hello: Hello) -> Bool {
        let peer = session.peer
        guard hello.runID != old.hello.runID else {
            if let contender = self.contenders[peer] {
                // Just now both runs have shown that they live.
                session.end(Self.doubledBye(peer))
                self.becameDoubled(old, contender)
                return false
            }
            let dialler = session.isDialler ? self.parts.node : peer
            guard
                session.isDialler == old.session.isDialler
                    || dialler == min(self.parts.node, peer)
            else {
                session.end(Bye(why: "double_call"))
                return false
            }
            self.forget(old)
            old.session.end(Bye(why: "double_call"))
            return true
        }
        if let earlier = self.contenders.updateValue(
            Contender(session: session, hello: hello),
            forKey: peer
        ) {
            earlier.session.end(Bye(why: "double_call"))
        } else {
            old.session.probe()
        }
        return false
    }

    /// Keeps what a contender says until it is known whether its call stays; false if it is none.
    func keeps(_ event: SessionEvent, of session: any Session) -> Bool {
        guard let contender = self.contenders[session.peer], contender.session.id == session.id
        else { return false }
        guard contender.events.count < Contender.eventsMax else {
            session.end(Bye(why: "double_call"))
            return true
        }
        self.contenders[session.peer]?.events.append(event)
        return true
    }

    /// The call that another run contends for has answered.
    func isAlive(_ call: Call) {
        guard let contender = self.contenders[call.peer] else { return }
        self.becameDoubled(call, contender)
    }

    /// The open call is over: whoever contended for its place has it.
    func promoteContender(of peer: NodeName) {
        guard let contender = self.contenders.removeValue(forKey: peer) else { return }
        self.take(contender.session, contender.hello)
        for event in contender.events { self.handle(event) }
    }

    private func becameDoubled(_ old: Call, _ contender: Contender) {
        let peer = old.peer
        self.contenders[peer] = nil
        self.doubled[peer] = max(
            old.hello.incarnation.number,
            contender.hello.incarnation.number
        )
        self.forget(old)
        for session in [old.session, contender.session] { session.end(Self.doubledBye(peer)) }
        let message = "Two nodes run under the name \(peer)."
        self.note(peer, .doubled, error: .init(code: "doubled", message: message, at: self.now))
        self.parts.logger.warning(
            "Neighbour is doubled",
            metadata: [
                "peer.node": "\(peer)", "error.code": "doubled",
                "error":
                    "Two nodes run under this name. Stop one, then `tributary adopt` at the other.",
            ]
        )
        self.reroute()
        self.settle()
    }

    private static func doubledBye(_ peer: NodeName) -> Bye {
        Bye(
            why: "doubled",
            detail: "Two nodes run as \(peer): stop one, then `tributary adopt` at the other."
        )
    }
}
