package import MeshModel
import MeshProtocol
import MeshTopology

/// How it stands with a neighbour, in one word.
package enum PeerWord: String, Sendable, CaseIterable {
    /// A call is up, and something moved on it within the last minute or is under way.
    case ok
    /// A call is up, and there is nothing to move.
    case idle
    /// This node is dialling, or about to.
    case calling
    /// This node could not reach it and waits for the next attempt.
    case backingOff = "backing-off"
    /// It dials us; there is nothing to do but wait.
    case expected
    /// A call is up, and it has no room for what it is offered.
    case full
    /// One of the two does not accept the other: certificate, name, a broken rule.
    case refused
    /// The last call ended because nothing came any more.
    case silent
    /// Two nodes run under its name, or it says so of us.
    case doubled
    /// Its log is older than what its neighbours hold of it, or it says so of us.
    case rolledBack = "rolled-back"

    /// The word for how a call ended, or did not come about; `nil` when that says nothing.
    init?(ending code: String) {
        switch code {
        case "silent": self = .silent
        case "doubled": self = .doubled
        case "rolled-back": self = .rolledBack
        case "unreachable", "no_route", "timed_out": self = .backingOff
        case "bye", "cut", "done", "double_call", "new_incarnation", "standing_still", "stopped",
            "stopping", "window":
            return nil
        default: self = .refused
        }
    }
}

/// What is known of a neighbour, for `status`.
struct PeerState {
    var word: PeerWord
    var since: UnixMilliseconds
    /// When it is dialled next.
    var next: UnixMilliseconds?
    var lastError: StatusReport.Failure?
}

/// How dialling a neighbour goes.
package enum DialEvent: Sendable {
    /// An attempt begins.
    case begun
    /// It came to nothing, or to a call that ended at once: a stable code and words for people.
    case failed(code: String, message: String, next: UnixMilliseconds)
    /// A call is over; the next attempt is then.
    case waits(until: UnixMilliseconds)
}

// How it stands with each neighbour.
extension Engine {
    /// The time without anything moving after which a call counts as idle.
    private static let idleMilliseconds: Int64 = 60_000

    /// Sets the word for a neighbour; the time since when it holds stays if it is the same.
    func note(_ peer: NodeName, _ word: PeerWord, error: StatusReport.Failure? = nil) {
        var state = self.state(of: peer)
        if state.word != word { (state.word, state.since) = (word, self.now) }
        if let error { state.lastError = error }
        state.next = nil
        self.peers[peer] = state
    }

    func state(of peer: NodeName) -> PeerState {
        self.peers[peer] ?? PeerState(word: self.restingWord(for: peer), since: self.startedAt)
    }

    private func restingWord(for peer: NodeName) -> PeerWord {
        let neighbour = self.parts.view.neighbours.first { $0.name == peer }
        return neighbour?.dial == nil ? .expected : .calling
    }

    func callBegan(_ call: Call) {
        let word: PeerWord =
            switch call.hello.life {
            case .doubled: .doubled
            case .rolledBack: .rolledBack
            case .whole, .fresh: .ok
            }
        self.note(call.peer, word)
        self.peers[call.peer]?.lastError = nil
    }

    func callEnded(with peer: NodeName, _ code: String, _ detail: String) {
        let word = PeerWord(ending: code)
        let isFault = word != nil || code == "cut"
        self.note(
            peer,
            word ?? self.restingWord(for: peer),
            error: isFault ? .init(code: code, message: detail, at: self.now) : nil
        )
    }

    func dial(_ peer: NodeName, _ event: DialEvent) {
        guard self.calls[peer] == nil else { return }
        switch event {
        case .begun: self.peers[peer]?.next = nil
        case .failed(let code, let message, let next):
            self.note(
                peer,
                PeerWord(ending: code) ?? .backingOff,
                error: .init(code: code, message: message, at: self.now)
            )
            self.peers[peer]?.next = next
        case .waits(let next):
            self.peers[peer] = self.state(of: peer)
            self.peers[peer]?.next = next
        }
    }

    /// Tells calls on which something moves from idle ones; once a tick.
    func watchCalls(_ now: UnixMilliseconds) {
        for call in self.calls.values {
            let isBusy =
                call.hasMoved || !call.givers.isEmpty || !call.notesSent.isEmpty
                || !call.smallsInFlight.isEmpty || call.gifts.values.contains { $0.waits == nil }
            call.hasMoved = false
            if isBusy { call.movedAt = now }
            let word = self.state(of: call.peer).word
            let fullSince = call.fullSince(at: now)
            if let fullSince, word == .ok || word == .idle {
                self.note(call.peer, .full)
                self.peers[call.peer]?.since = fullSince
            }
            switch self.state(of: call.peer).word {
            case .full where fullSince == nil: self.note(call.peer, .ok)
            case .ok where now.rawValue - call.movedAt.rawValue >= Self.idleMilliseconds:
                self.note(call.peer, .idle)
            case .idle where isBusy: self.note(call.peer, .ok)
            default: break
            }
        }
    }

    func neighbourReports() -> [StatusReport.Neighbour] {
        self.parts.view.neighbours.map { neighbour in
            let state = self.state(of: neighbour.name)
            var report = StatusReport.Neighbour(
                name: neighbour.name,
                state: state.word,
                since: state.since,
                next: state.next,
                lastError: state.lastError
            )
            report.clockAhead = self.calls[neighbour.name].map {
                $0.hello.clock.rawValue - $0.since.rawValue
            }
            return report
        }
    }
}
