import Logging
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

/// What a note says of itself beside its body.
struct NoteHead {
    /// Its number in the call.
    let number: UInt64
    /// The node that it is for.
    let destination: NodeName
    /// How many hops it may take, the one that brought it included.
    let hops: UInt32
}

/// Names a note that waits.
struct NoteKey: Hashable {
    let destination: NodeName
    let digest: Digest
}

/// What the engine knows of notes beyond the outbox itself.
struct NoteState {
    /// Sent over some call, and not yet noted.
    var inFlight: Set<NoteKey> = []
    /// To whom such a note had come again, and was passed over.
    var passedOver: Set<NodeName> = []
    /// By destination, for the index with the serial below.
    var ways: [NodeName: NoteWays] = [:]
    var serial: UInt64?
    /// When notes that no way was open for are looked at again.
    var lookAgainAt = UnixMilliseconds(0)
    var isFull = false
}

// Notes travel over the index's links to the node that they are for. Each node on the way keeps them
// until the next has noted them; which neighbour that is, is decided when one is there to take them.
extension Engine {
    /// How many notes may be unanswered in a call; the session bounds their bytes.
    private static let notesInFlightMax = 64
    /// How often notes are looked at that wait for a way, in milliseconds.
    private static let lookAgainEvery: Int64 = 60_000

    // MARK: Who is to hear

    /// The node, near or far, that is to hear of a statement besides those whom it is said to.
    ///
    /// Word of an end or of a loss is for the origin; what the origin itself says, for the collector.
    func addressee(of kind: StatementKind, _ stream: FlowStream) -> NodeName? {
        guard kind != .custody, let flow = self.parts.index.flow(stream.flow) else { return nil }
        let isOrigin = stream.origin == self.parts.node
        if isOrigin, !kind.isTerminal { return nil }
        let other = isOrigin ? flow.collector : stream.origin
        return other == self.parts.node || !self.parts.index.declares(other) ? nil : other
    }

    /// A statement of this node's own, for a neighbour and for whoever else is to hear of it.
    func records(
        of statement: SignedStatement,
        for neighbour: NodeName?,
        at now: UnixMilliseconds
    ) throws -> [LogRecord] {
        let far = self.addressee(of: statement.kind, statement.stream)
        let first = neighbour ?? far
        var records = [
            try LogRecord.statement(statement, issued: true, neighbour: first, at: now)
        ]
        // Of two nodes of one name only that one must hear it whose parcel it was: see isDoubled.
        if let far, far != first, !(statement.isDoubled && statement.kind == .refused) {
            records.append(try .forward(.sha256(statement.bytes), to: far, at: now))
        }
        return records
    }

    // MARK: Coming in

    /// Where a note goes from here; `nil`: it is for this node.
    func onward(_ head: NoteHead, from call: Call) -> (destination: NodeName, hops: UInt32)? {
        guard head.destination != self.parts.node else { return nil }
        let hops = head.hops > 0 ? head.hops - 1 : 0
        if hops == 0 || !self.parts.index.declares(head.destination) {
            self.parts.logger.warning(
                "Note dropped",
                metadata: [
                    "peer.node": "\(call.peer)", "note.destination": "\(head.destination)",
                    "note.hops": "\(hops)",
                ]
            )
            return (head.destination, 0)
        }
        return (head.destination, hops)
    }

    /// A note is durable here, as far as it needs to be: the neighbour hears so.
    func note(_ head: NoteHead?, from call: Call) {
        guard let head, let now = self.calls[call.peer], now.session.id == call.session.id else {
            return
        }
        call.noteCursor = max(call.noteCursor, head.number)
    }

    // MARK: Going out

    /// Sends what waits to whoever is on its way, a bounded number at a time.
    func flushOutboxes() {
        guard !self.calls.isEmpty else { return }
        if self.now >= self.notes.lookAgainAt {
            self.notes.lookAgainAt = self.now.adding(milliseconds: Self.lookAgainEvery)
            for call in self.calls.values { call.outboxCursors = [:] }
            self.warnWhenFull()
        }
        let ends = self.ask([]) { try $0.outboxEnds() }
        // The neighbours' own come first: custody makes room.
        for (destination, end) in ends {
            guard let call = self.calls[destination] else { continue }
            self.flushOutbox(call, to: destination, upTo: end)
        }
        for (destination, end) in ends {
            for way in self.ways(to: destination).neighbours where way != destination {
                guard let call = self.calls[way] else { continue }
                self.flushOutbox(call, to: destination, upTo: end)
            }
        }
    }

    private func flushOutbox(_ call: Call, to destination: NodeName, upTo end: Int64) {
        while call.outboxCursors[destination, default: 0] < end {
            let cursor = call.outboxCursors[destination, default: 0]
            let rows = self.ask([]) { try $0.outbox(to: destination, after: cursor, limit: 64) }
            if rows.isEmpty { call.outboxCursors[destination] = end }
            for row in rows {
                guard call.notesSent.count < Self.notesInFlightMax else { return }
                call.outboxCursors[destination] = row.number
                let key = NoteKey(destination: destination, digest: row.digest)
                guard self.nextHop(of: row) == call.peer else { continue }
                guard self.notes.inFlight.insert(key).inserted else {
                    self.notes.passedOver.insert(destination)
                    continue
                }
                call.notesSent.append((call.nextNote, key))
                call.session.send(
                    .note(
                        number: call.nextNote,
                        destination: destination,
                        hops: row.hops,
                        row.body
                    )
                )
                call.nextNote += 1
            }
        }
    }

    private func nextHop(of note: WaitingNote) -> NodeName? {
        let lateAt = note.since.adding(milliseconds: self.parts.detourAfter)
        return self.ways(to: note.destination).choose(for: note, isLate: self.now >= lateAt) {
            self.calls[$0] != nil
        }
    }

    private func ways(to destination: NodeName) -> NoteWays {
        if self.notes.serial != self.parts.index.serial {
            self.notes.ways = [:]
            self.notes.serial = self.parts.index.serial
        }
        if let ways = self.notes.ways[destination] { return ways }
        let ways = NoteWays(from: self.parts.node, to: destination, in: self.parts.index)
        self.notes.ways[destination] = ways
        return ways
    }

    /// A call has begun or ended: which way is best may have changed.
    ///
    /// What went over a call that is gone and was not noted is sent again.
    func rerouteNotes(without gone: Call? = nil) {
        for sent in gone?.notesSent ?? [] { self.notes.inFlight.remove(sent.key) }
        gone?.notesSent = []
        for call in self.calls.values { call.outboxCursors = [:] }
    }

    func noted(upTo cursor: UInt64, by call: Call) {
        let noted = call.notesSent.prefix { $0.number <= cursor }.map(\.key)
        guard !noted.isEmpty else { return }
        call.notesSent.removeFirst(noted.count)
        let peer = call.peer
        let byDestination = Dictionary(grouping: noted, by: \.destination).sorted {
            $0.key < $1.key
        }
        self.log(
            try byDestination.map { destination, keys in
                try .noted(by: peer, for: destination, keys.map(\.digest), at: self.now)
            }
        ) {
            self.notes.inFlight.subtract(noted)
            // The same note may have come again meanwhile and was passed over as under way.
            for (destination, _) in byDestination
            where self.notes.passedOver.remove(destination) != nil {
                for call in self.calls.values { call.outboxCursors[destination] = nil }
            }
        }
        self.settle()
    }

    private func warnWhenFull() {
        let wasFull = self.notes.isFull
        self.notes.isFull = self.ask(0) { try $0.passingCount() } > Limits.notesPassingMax - 64
        if self.notes.isFull, !wasFull {
            self.parts.logger.warning(
                "Too many notes for others",
                metadata: ["note.max": "\(Limits.notesPassingMax)"]
            )
        }
    }
}
