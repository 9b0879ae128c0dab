import Logging
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

/// What the engine remembers of tallies and inquiries; all of it may be forgotten.
struct AccountState {
    /// The last tally of each stream, and when it was made.
    var told: [FlowStream: Tally] = [:]
    var tellAt = UnixMilliseconds(0)
    var lookForOverdueAt = UnixMilliseconds(0)
    /// When each stream was last asked about.
    var askedAt: [FlowStream: UnixMilliseconds] = [:]
    /// The last inquiry of each stream that was answered here.
    var answered: [FlowStream: Digest] = [:]
}

// The origin tells which numbers there are, and asks what became of them; the collector answers.
extension Engine {
    /// How many lives of this node have their tallies told.
    private static let livesToldMax = 8
    /// How long a change that only concerns what is still here may wait, in milliseconds.
    private static let hereEvery: Int64 = 60_000
    /// How long at least lies between two inquiries of a stream, in milliseconds.
    private static let askEvery: Int64 = 3_600_000
    /// How often overdue parcels are looked for, in milliseconds.
    private static let lookEvery: Int64 = 60_000

    // MARK: At the origin

    /// Tells collectors which numbers were given, where that has changed and a call is up.
    func sendTallies(_ now: UnixMilliseconds) {
        guard now >= self.accounts.tellAt, !self.calls.isEmpty, !self.standsStill else { return }
        self.accounts.tellAt = now.adding(milliseconds: self.parts.tallyEvery)
        let lives = self.ask([]) { try $0.incarnations(limit: Self.livesToldMax) }
        for source in self.parts.view.sends where source.collector != self.parts.node {
            for life in lives {
                let stream = FlowStream(
                    origin: self.parts.node,
                    flow: source.flow,
                    incarnation: life
                )
                guard let tally = self.ask(nil, { try $0.tally(of: stream, at: now) }),
                    tally.highest.rawValue > 0, self.isWorthTelling(tally)
                else { continue }
                self.accounts.told[stream] = tally
                self.sendWord(to: source.collector) { [parts = self.parts] in
                    .tally(try tally.signed(by: parts.key, in: parts.mesh))
                }
            }
        }
    }

    private func isWorthTelling(_ tally: Tally) -> Bool {
        guard let told = self.accounts.told[tally.stream] else { return true }
        if tally.saysTheSame(as: told) { return false }
        return !tally.saysTheSameBut(here: told)
            || tally.at.rawValue - told.at.rawValue >= Self.hereEvery
    }

    /// Asks collectors about parcels that were passed on long ago and have not ended.
    func askForOverdue(_ now: UnixMilliseconds) {
        guard now >= self.accounts.lookForOverdueAt, !self.standsStill else { return }
        self.accounts.lookForOverdueAt = now.adding(milliseconds: Self.lookEvery)
        let rows = self.ask([]) {
            try $0.overdue(since: self.overdueSince(now), limit: Limits.inquiryParcelsMax)
        }
        for (stream, parcels) in Dictionary(grouping: rows, by: { $0.stream }) {
            let asked = self.accounts.askedAt[stream]
            guard asked.map({ now.rawValue - $0.rawValue >= Self.askEvery }) ?? true,
                let collector = self.parts.index.flow(stream.flow)?.collector
            else { continue }
            self.accounts.askedAt[stream] = now
            self.parts.logger.notice(
                "Parcels overdue",
                metadata: [
                    "flow.name": "\(stream.flow)", "parcel.count": "\(parcels.count)",
                    "peer.node": "\(collector)",
                ]
            )
            let inquiry = Inquiry(
                stream: stream,
                at: now,
                parcels: parcels.map { ($0.sequence, $0.id) }
            )
            self.sendWord(to: collector) { [parts = self.parts] in
                .inquiry(try inquiry.signed(by: parts.key, in: parts.mesh))
            }
        }
    }

    /// Before that time, what was passed on and has not ended is overdue.
    func overdueSince(_ now: UnixMilliseconds) -> UnixMilliseconds {
        now.adding(milliseconds: -self.parts.overdueAfter)
    }

    private func sendWord(to collector: NodeName, _ body: () throws -> NoteBody) {
        self.log(
            [
                try .word(
                    try body(),
                    from: nil,
                    to: collector,
                    hops: UInt32(Limits.hopsMax),
                    at: self.now
                )
            ]
        ) {}
    }

    // MARK: Coming in

    /// Takes in a tally or an inquiry: it is for this node, or passed on.
    func received(word body: NoteBody, _ head: NoteHead, from call: Call) {
        let index = self.parts.index
        let key = { (node: NodeName, id: [UInt8]) in index.statementKey(node, id) }
        let stream: FlowStream
        var inquiry: Inquiry?
        do {
            switch body {
            case .inquiry(let bytes):
                let asked = try Inquiry(verifying: bytes, mesh: self.parts.mesh, key: key)
                inquiry = asked
                stream = asked.stream
            case .tally(let bytes), .statement(let bytes):
                stream = try Tally(verifying: bytes, mesh: self.parts.mesh, key: key).stream
            }
        } catch {
            return self.cut(call, why: "statement_invalid", "\(error)")
        }
        let flow = index.flow(stream.flow)
        guard let flow, flow.origins.contains(stream.origin), flow.collector == head.destination
        else {
            return self.cut(call, why: "statement_invalid", "a word that is not the collector's")
        }
        if let inquiry, head.destination == self.parts.node {
            return self.answer(inquiry, .sha256(body.bytes), head, from: call)
        }
        let onward = self.onward(head, from: call)
        self.log(
            [
                try .word(
                    body,
                    from: call.peer,
                    to: onward?.destination,
                    hops: onward?.hops ?? 0,
                    at: self.now
                )
            ]
        ) { self.note(head, from: call) }
    }

    // MARK: At the collector

    /// Says what became of parcels: with the statements that there are, or that nobody knows them.
    private func answer(
        _ inquiry: Inquiry,
        _ digest: Digest,
        _ head: NoteHead,
        from call: Call
    ) {
        guard !self.standsStill else { return }
        var words: Set<Digest> = []
        var unknown: [StatementLeaf] = []
        if self.accounts.answered[inquiry.stream] != digest {
            self.accounts.answered[inquiry.stream] = digest
            for (sequence, id) in inquiry.parcels {
                if let row = self.ask(nil, { try $0.parcel(id) }) {
                    words.formUnion(self.words(on: row))
                } else if self.arrivals[id] == nil,
                    !self.ask(true, { try $0.hasSeen(inquiry.stream, sequence) })
                {
                    unknown.append(StatementLeaf(sequence: sequence, parcel: id))
                }
            }
        }
        self.parts.logger.notice(
            "Asked about parcels",
            metadata: [
                "peer.node": "\(inquiry.stream.origin)", "flow.name": "\(inquiry.stream.flow)",
                "parcel.count": "\(inquiry.parcels.count)", "parcel.unknown": "\(unknown.count)",
            ]
        )
        if !unknown.isEmpty {
            self.draft(
                .lost,
                reason: "unknown",
                unknown,
                to: Destination(neighbour: nil, stream: inquiry.stream)
            )
            self.signDrafts()
        }
        let peer = call.peer
        // The question is answered once every word is durable.
        self.log(
            try words.sorted().map {
                try .forward($0, to: inquiry.stream.origin, by: peer, at: self.now)
            }
        ) { self.note(head, from: call) }
    }

    /// The terminal statement on a parcel, or that of this node's custody.
    private func words(on row: ParcelRow) -> [Digest] {
        let statements = self.ask([]) { try $0.statements(of: row.number) }.compactMap { stored in
            (try? SignedStatement(trusted: stored.bytes)).map { (stored, $0.kind) }
        }
        let word =
            row.state == .ended
            ? statements.last { $0.1.rawValue == row.ending }
            : statements.last { $0.0.isIssuedHere && $0.1 == .custody }
        return word.map { [$0.0.digest] } ?? []
    }
}
