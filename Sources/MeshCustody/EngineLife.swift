import Logging
import MeshIdentity
package import MeshModel
package import MeshProtocol
import MeshSpool
import MeshTopology

/// What a node knows of its own life, beside its number.
struct LifeState {
    var life: NodeLife = .whole
    /// Why it is not whole, for people.
    var detail = ""
    /// The highest number of a life of this node that anybody has named.
    var highest: UInt64 = 0
    /// A next life is begun and not durable yet.
    var isChanging = false
    /// What was under way before the start goes on.
    var isResumed = false
    /// The last batch when this run of the node began.
    var firstBatch: UInt64 = 0
    /// Neighbours that say, without a signature, that this node runs twice.
    var saidDoubled: Set<NodeName> = []

    /// Names the promise in the log that a state outlives a restart; no command draws it.
    static let task = UInt64.max
    static let kind = "life"
}

/// A call on which nothing moves until the peer's claim is proven or has been given its time.
struct HeldBackCall {
    /// How long a claim may take to be proven, in milliseconds.
    static let provenWithin: Int64 = 5_000

    let until: UnixMilliseconds
    var messages: [Message] = []
}

// Whether this node is who its log says: rolled back, doubled, fresh; and how it goes on.
//
//     fresh ── every neighbour met ──▶ whole ── own signature shown ──▶ doubled, rolled-back
//       └─ a later life is known: next life, fresh       ▲                      │
//                                                        └── adopt: next life ──┘
extension Engine {
    /// Whether nothing may move: neither taken, nor given, captured, landed or signed.
    var standsStill: Bool { self.life.life.standsStill || self.life.isChanging }

    // MARK: Start

    /// Reads what the log says of this life.
    func recallLife() {
        self.life.firstBatch = self.lastBatch?.number ?? 0
        guard let task = self.ask([], { try $0.tasks() }).first(where: { $0.id == LifeState.task })
        else { return }
        let words = String(decoding: task.body, as: UTF8.self)
            .split(separator: "\n", maxSplits: 2, omittingEmptySubsequences: false)
        self.life.life = words.first.flatMap { NodeLife(rawValue: String($0)) } ?? .whole
        self.life.highest = words.count > 1 ? UInt64(words[1]) ?? 0 : 0
        self.life.detail = words.count > 2 ? String(words[2]) : ""
        if self.life.life.standsStill { self.complain() }
    }

    static func lifeRecord(
        _ life: NodeLife,
        highest: UInt64 = 0,
        detail: String = "",
        at now: UnixMilliseconds
    ) throws -> LogRecord {
        let body = "\(life.rawValue)\n\(highest)\n\(detail)"
        let task = SpoolTask(id: LifeState.task, kind: LifeState.kind, body: Array(body.utf8))
        return try .task(task, finished: life == .whole, at: now)
    }

    private func lifeRecord() throws -> LogRecord {
        let life = self.life
        return try Self.lifeRecord(
            life.life,
            highest: life.highest,
            detail: life.detail,
            at: self.now
        )
    }

    /// Takes up what was under way before the start, once nothing speaks against it.
    func resume() {
        self.groups = Set(self.ask([]) { try $0.waitingGroups() })
        guard !self.standsStill, !self.life.isResumed else { return }
        self.life.isResumed = true
        self.resumeLandings()
        self.resumeArrivals()
        self.resumeCaptures()
        self.resumeSends()
        self.askToHeal()
    }

    // MARK: Hello

    /// What this node says first in a new call; callable from any thread.
    package nonisolated func hello(to peer: NodeName) -> Hello {
        let (store, parts) = (self.store, self.parts)
        let incarnation = (try? store.incarnation()) ?? self.firstIncarnation
        let held = try? store.peer(peer)
        var openings: [FlowName: SequenceNumber] = [:]
        var heldRows: [FlowName: ParcelRow] = [:]
        for flow in parts.index.flows {
            func last(_ origin: NodeName, _ life: Incarnation?) -> ParcelRow? {
                guard flow.origins.contains(origin), let life else { return nil }
                let stream = FlowStream(origin: origin, flow: flow.name, incarnation: life)
                return try? store.lastParcel(of: stream)
            }
            openings[flow.name] = last(parts.node, incarnation)?.sequence
            heldRows[flow.name] = last(peer, held?.incarnation)
        }
        var hello = Hello(
            mesh: parts.mesh,
            node: parts.node,
            runID: parts.runID,
            incarnation: incarnation,
            indexSerial: parts.index.serial,
            clock: parts.clock.now(),
            lastBatch: (try? store.lastBatch(in: incarnation))?.number ?? 0,
            lastOpenings: openings,
            heldBatch: held?.batch ?? 0,
            heldIncarnation: held?.incarnation,
            heldOpenings: heldRows.mapValues(\.sequence)
        )
        hello.heldParcels = heldRows.mapValues(\.id)
        hello.heldBatchDigest = held.flatMap {
            Self.batchDigest(of: peer, in: $0.incarnation, $0.batch, store)
        }
        let task = (try? store.tasks())?.first { $0.id == LifeState.task }
        let word = task.flatMap {
            String(decoding: $0.body, as: UTF8.self).split(separator: "\n").first
        }
        hello.life = word.flatMap { NodeLife(rawValue: String($0)) } ?? .whole
        hello.keptLives = (try? store.keptLives(limit: Limits.keptLivesMax)) ?? []
        return hello
    }

    /// Whether what this node has said in a hello is still so.
    func isCurrent(_ greeting: Hello?) -> Bool {
        guard let greeting else { return true }
        return greeting.incarnation == self.incarnation && !self.life.isChanging
            && greeting.life.standsStill == self.life.life.standsStill
    }

    /// Compares what both sides know of each other's lives, before anything moves on a new call.
    func meet(_ call: Call) {
        self.life.saidDoubled.remove(call.peer)
        self.showEvidence(to: call)
        guard !self.standsStill else { return }
        let hello = call.hello
        if let known = hello.heldIncarnation, known != self.incarnation,
            known.number >= self.incarnation.number, known.number <= Limits.incarnationNumberMax
        {
            if self.life.life == .fresh { return self.moveUp(above: known.number) }
            self.holdBack(call)
        } else if hello.heldIncarnation == self.incarnation, self.isBehind(hello) {
            self.holdBack(call)
        } else if hello.heldIncarnation == self.incarnation, self.differs(from: hello) {
            // It cannot know that from our hello.
            self.holdBack(call)
            call.session.send(.evidence(.wanted))
        } else {
            self.met(call)
        }
    }

    /// Whether a neighbour claims to have more of this life than this node has itself.
    private func isBehind(_ hello: Hello) -> Bool {
        hello.heldBatch > self.lastBatch?.number ?? 0
            || hello.heldOpenings.contains { $0.value > self.lastOpening(of: $0.key) }
    }

    /// Whether a neighbour names a batch or a parcel of this life that this node did not make.
    private func differs(from hello: Hello) -> Bool {
        let own = Self.batchDigest(
            of: self.parts.node,
            in: self.incarnation,
            hello.heldBatch,
            self.store
        )
        if let held = hello.heldBatchDigest, held != own { return true }
        return hello.heldParcels.values.contains { id in
            self.ask(nil) { try $0.parcel(id) } == nil
        }
    }

    /// The digest of a batch, as a statement that was signed with it has it.
    static func batchDigest(
        of node: NodeName,
        in life: Incarnation,
        _ batch: UInt64,
        _ store: Index
    ) -> Digest? {
        let bytes = try? store.statement(of: node, in: life, batch: batch)
        return bytes.flatMap { try? SignedStatement(trusted: $0) }?.batch.digest
    }

    func lastOpening(of flow: FlowName) -> SequenceNumber {
        self.lastSequences[flow]
            ?? self.ask(SequenceNumber(0)) { try $0.lastSequence(of: self.stream(flow)) }
    }

    private func holdBack(_ call: Call) {
        let until = self.now.adding(milliseconds: HeldBackCall.provenWithin)
        call.heldBack = HeldBackCall(until: until)
        self.parts.logger.warning(
            "Neighbour claims to know more of this node than it does itself",
            metadata: ["peer.node": "\(call.peer)"]
        )
    }

    /// Nothing speaks against this call: what the peer lost is given again, the peer is met.
    private func met(_ call: Call) {
        let (peer, life) = (call.peer, call.hello.incarnation)
        let known = self.ask(nil) { try $0.peer(peer) }
        // An earlier life than known, or a stranger to it: its own signature has been shown to it.
        let isLater = known.map { $0.incarnation == life || $0.incarnation.number < life.number }
        guard isLater ?? true, !call.hello.life.standsStill else { return }
        if known?.met != life { self.voidCustody(of: call) }
        self.log([try .peer(peer, incarnation: life, batch: 0, at: self.now)]) {
            self.endFreshness()
        }
    }

    /// Once every neighbour was met nobody can know of a later life.
    private func endFreshness() {
        guard self.life.life == .fresh,
            Set(self.parts.view.neighbours.map(\.name))
                .isSubset(of: self.ask([]) { try $0.metPeers() })
        else { return }
        self.life.life = .whole
        self.log([try self.lifeRecord()]) {}
    }

    /// Claims that nobody has proven in time do not count.
    func releaseHeldBack(_ now: UnixMilliseconds) {
        guard !self.standsStill else { return }
        for call in self.calls.values {
            guard let held = call.heldBack, held.until <= now else { continue }
            call.heldBack = nil
            self.met(call)
            for message in held.messages { self.handle(message, from: call) }
            self.reroute()
        }
    }

    /// Whether a message may be acted on; if not, it is answered, kept or dropped here.
    func mayAct(on message: Message, from call: Call) -> Bool {
        if case .evidence(let evidence) = message {
            self.examine(evidence, from: call)
            return false
        }
        if self.standsStill {
            // Whoever offers keeps it, and offers it again on the next call.
            var parcels: [ParcelID] = []
            if case .offer(let openings, _) = message { parcels = openings.map(\.id) }
            if case .small(let small, _, _) = message { parcels = [small.id] }
            let why = self.life.life.standsStill ? self.life.life.rawValue : "new_incarnation"
            for id in parcels { call.session.send(.answer(id, .later(until: nil, why: why))) }
            return false
        }
        call.heldBack?.messages.append(message)
        return call.heldBack == nil
    }

    // MARK: Standing still

    /// Moves nothing any more, and says so, until its operator decides.
    func standStill(as life: NodeLife, _ detail: String) {
        guard !self.life.life.standsStill else { return }
        self.life.life = life
        self.life.detail = detail
        self.waitingOffers = []
        self.log([try self.lifeRecord()]) {
            self.complain()
            self.endCalls(Bye(why: "standing_still", detail: "\(life.rawValue): \(detail)"))
        }
    }

    private func complain() {
        self.parts.logger.critical(
            "Node stands still",
            metadata: [
                "life.state": "\(self.life.life.rawValue)", "life.detail": "\(self.life.detail)",
                "hint": "\(Self.adoptHint)",
            ]
        )
    }

    /// The next calls begin with what this node says of itself now.
    private func endCalls(_ bye: Bye) {
        for call in self.calls.values { call.session.end(bye) }
    }

    static let adoptHint = """
        Stop the copy if this home runs twice; then run `tributary adopt` where the node shall go on.
        """

    // MARK: The next life

    /// A node whose log began empty takes a number above the one that a neighbour knows.
    func moveUp(above number: UInt64) {
        let before = self.incarnation
        self.beginNextLife(above: number, keptBatch: self.lastBatch?.number ?? 0) {
            // What it has opened would count as older than what it opened before it was wiped.
            self.abandonAll(in: before, reason: "renumbered")
        }
    }

    /// Begins the next life, so that what this node signs and opens is told from all before it.
    ///
    /// Nothing moves until it is durable, and every call begins anew then.
    private func beginNextLife(
        above number: UInt64,
        keptBatch: UInt64,
        then: @escaping () -> Void
    ) {
        let highest = max(number, self.incarnation.number, self.life.highest)
        let next = Incarnation(number: highest + 1, random: self.random.next())
        self.incarnation = next
        self.signer = self.parts.signer(in: next)
        self.lastBatch = nil
        self.lastSequences = [:]
        self.life.highest = highest
        self.life.isChanging = true
        self.log(
            [
                try .incarnation(
                    next,
                    mesh: self.parts.mesh,
                    node: self.parts.node,
                    keptBatch: keptBatch,
                    at: self.now
                ), try self.lifeRecord(),
            ]
        ) {
            self.life.isChanging = false
            self.life.firstBatch = 0
            self.parts.logger.notice(
                "Life begins",
                metadata: ["life.number": "\(next.number)", "life.state": "\(self.life.life)"]
            )
            self.resume()
            then()
            self.signDrafts()
            self.endCalls(Bye(why: "new_incarnation"))
            self.reroute()
        }
    }

    /// The operator has decided that this is the node: it goes on in the next life.
    func adopt(
        isForced: Bool,
        _ reply: @escaping @Sendable (Result<AdoptReport, EngineError>) -> Void
    ) {
        guard !self.life.isChanging, !self.isEnding else { return reply(.failure(.stopped)) }
        guard isForced || self.life.life.standsStill || !self.life.saidDoubled.isEmpty else {
            return reply(
                .failure(
                    EngineError(
                        code: "nothing_to_adopt",
                        message: "Nothing speaks against this node: it is neither doubled nor "
                            + "rolled back.",
                        hint: "Use --force to begin its next incarnation all the same."
                    )
                )
            )
        }
        let before = self.incarnation
        let last = self.lastBatch?.number ?? 0
        // What a node signed since it came back from a backup it may have signed before, otherwise.
        let kept = self.life.life == .rolledBack ? min(last, self.life.firstBatch) : last
        if self.life.life != .fresh { self.life.life = .whole }
        (self.life.detail, self.life.saidDoubled) = ("", [])
        self.beginNextLife(above: before.number, keptBatch: kept) {
            self.scanSources()
            let open = self.ask(0) { try $0.ownParcelCount(notIn: self.incarnation) }
            reply(.success(AdoptReport(before, self.incarnation, open: UInt64(open))))
        }
    }
}

extension EngineParts {
    /// Signs what this node states in a life.
    func signer(in incarnation: Incarnation) -> StatementSigner {
        StatementSigner(
            mesh: self.mesh,
            node: self.node,
            incarnation: incarnation,
            key: self.key
        )
    }
}
