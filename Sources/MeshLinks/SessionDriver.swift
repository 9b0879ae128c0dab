import MeshModel
import MeshProtocol
import NIOCore

/// What an engine asks of a session.
enum SessionCommand: Sendable {
    case send(Message)
    case want(ParcelID, [WantedBlob])
    case unwant(ParcelID)
    case serve(ParcelID, UInt8, [ServedBlob])
    case serveSmall(Message, UInt8)
    case withdraw(ParcelID)
    case probe
    case end(Bye)
}

/// One end of a session, whatever carries it: bytes and commands in, events and bytes out.
///
/// Control goes before data. Offers and notes are held back while the peer owes answers to as many
/// as the protocol allows, small parcels while its grant is used up.
///
///     open ── end, or a failure ──▶ ending ── bye from both, all sent ──▶ finished
///
/// Confined to the thread that owns it.
struct SessionDriver {
    private var machine: SessionMachine
    private var control = CircularBuffer<[UInt8]>()
    private var data: DataQueue

    private var heldOffers = CircularBuffer<(opening: SignedOpening, again: Bool)>()
    private var offersUnanswered: Set<ParcelID> = []
    private var heldNotes = CircularBuffer<Message>()
    private var grant: UInt64 = 0
    private var grantMax: UInt64 = 0
    /// Blobs that are sent and not acknowledged.
    private var blobsUnacked: [ParcelID: RunSet] = [:]
    /// The token of the last pong.
    private(set) var lastPong: UInt64 = 0

    /// Bytes of files that were produced and not taken account of.
    private var payloadBytes = 0

    private var hasSentBye = false
    private var awaitsBye = true

    /// Greets the authenticated `peer`.
    init(
        peer: NodeName,
        hello: Hello,
        sliceBytes: Int = Limits.slicePayloadBytesMax
    ) throws(ProtocolError) {
        self.data = DataQueue(sliceBytes: sliceBytes)
        self.machine = SessionMachine(mesh: hello.mesh, peer: peer, smallGrant: hello.smallGrant)
        try self.enqueue(.hello(hello))
    }

    /// Whether the peer owes us something, so that its silence means trouble.
    var isOwed: Bool {
        self.machine.wantedBytes > 0 || self.machine.noteBytesUnacked > 0
            || !self.offersUnanswered.isEmpty || !self.blobsUnacked.isEmpty
            || self.grant < self.grantMax || self.hasData
    }

    /// Data frames that have come.
    var dataFrames: UInt64 { self.machine.dataFrames }

    /// Whether data waits, be it for a grant.
    var hasData: Bool { !self.data.isEmpty }

    /// Whether anything waits to be sent.
    var hasOutput: Bool { !self.control.isEmpty || self.hasData }

    /// Whether all is said on both sides and handed to the transport.
    var isFinished: Bool { self.hasSentBye && !self.awaitsBye && self.control.isEmpty }

    /// Takes what arrived; pings are answered here.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer,
        _ event: (SessionMachine.Event) -> Void
    ) throws(ProtocolError) {
        var arrived: [SessionMachine.Event] = []
        do {
            try self.machine.receive(bytes) { arrived.append($0) }
        } catch {
            // What came before the fault is good and may be all that the peer had to say.
            for one in arrived { try self.handle(one, event) }
            throw error
        }
        for one in arrived { try self.handle(one, event) }
    }

    private mutating func handle(
        _ arrived: SessionMachine.Event,
        _ event: (SessionMachine.Event) -> Void
    ) throws(ProtocolError) {
        switch arrived {
        case .hello(let hello): (self.grant, self.grantMax) = (hello.smallGrant, hello.smallGrant)
        case .message(.ping(let token)): return try self.enqueue(.pong(token))
        case .message(.pong(let token)): return self.lastPong = token
        case .message(.ack(let parcel, let numbers)): self.acked(parcel, numbers)
        case .message(.smallAck(let bytes)): self.grant += min(bytes, .max - self.grant)
        case .message(.answer(let parcel, _)):
            if self.offersUnanswered.remove(parcel) != nil { try self.releaseOffers() }
        case .message(.noted): try self.releaseNotes()
        case .message(.bye):
            self.awaitsBye = false
            self.data.removeAll()
        case .message, .blob, .badBlob: break
        }
        event(arrived)
    }

    /// Does what an engine asks; nothing any more once a bye was sent.
    ///
    /// - Throws: When a message does not fit a frame; it is left out and the session goes on. When
    ///   the peer has made the engine serve more than it may want; then the session is over.
    mutating func perform(_ command: SessionCommand) throws(ProtocolError) {
        guard !self.hasSentBye else { return }
        switch command {
        case .send(let message): try self.send(message)
        case .want(let parcel, let blobs):
            if let message = self.machine.want(parcel, blobs) { try self.enqueue(message) }
        case .unwant(let parcel): self.machine.unwant(parcel)
        case .serve(let parcel, let number, let blobs):
            self.data.add(parcel, class: number, blobs)
            guard self.data.blobBytes <= Limits.servedBytesPerSessionMax else {
                throw .violation("\(self.data.blobBytes) bytes are wanted and not taken.")
            }
        case .serveSmall(let message, let number): self.data.add(small: message, class: number)
        case .withdraw(let parcel): self.withdraw(parcel)
        case .probe: break  // Its time is kept by the core.
        case .end(let bye): try self.end(bye)
        }
    }

    /// Says bye after what is queued, and drops all data.
    mutating func end(_ bye: Bye) throws(ProtocolError) {
        guard !self.hasSentBye else { return }
        self.hasSentBye = true
        self.data.removeAll()
        self.control.append(contentsOf: try Message.bye(bye).frames())
    }

    /// Expects nothing more from the peer: it broke a rule.
    mutating func giveUp() { self.awaitsBye = false }

    /// Appends frames to `buffer` until it holds `limit` bytes or nothing may be sent.
    mutating func produce(into buffer: inout ByteBuffer, limit: Int) throws(ProtocolError) {
        while buffer.readableBytes < limit {
            if let frame = self.control.popFirst() {
                buffer.writeBytes(frame)
                continue
            }
            switch self.data.next(grant: self.grant) {
            case .slice(let head, let payload):
                let length = Limits.sliceHeadBytes + payload.count
                buffer.writeBytes(FrameHeader(.slice, length: length).encoded)
                buffer.writeBytes(head.encoded)
                buffer.writeBytes(payload)
                self.payloadBytes += payload.count
                self.blobsUnacked[head.parcel, default: RunSet()].insert(UInt64(head.entry))
            case .small(let message, let bytes):
                // Taken from the grant only if it does fit a frame.
                for frame in try message.frames() { buffer.writeBytes(frame) }
                self.grant -= bytes
                if case .small(let small, _, _) = message {
                    self.payloadBytes += small.content.count
                }
            case nil: return
            }
        }
    }
}

extension SessionDriver {
    /// The bytes of files, as they are stored, that were produced since this was asked last.
    mutating func takePayloadBytes() -> Int {
        defer { self.payloadBytes = 0 }
        return self.payloadBytes
    }

    private mutating func send(_ message: Message) throws(ProtocolError) {
        switch message {
        case .offer(let openings, let again):
            self.heldOffers.append(contentsOf: openings.map { ($0, again) })
            try self.releaseOffers()
        case .note:
            self.heldNotes.append(message)
            try self.releaseNotes()
        case .withdrawn(let parcel, _):
            self.withdraw(parcel)
            try self.enqueue(message)
        case .hello, .want, .small, .bye:
            preconditionFailure("\(message) has a method of its own.")
        default: try self.enqueue(message)
        }
    }

    private mutating func withdraw(_ parcel: ParcelID) {
        self.heldOffers.removeAll { $0.opening.id == parcel }
        self.data.remove(parcel)
        self.blobsUnacked[parcel] = nil
    }

    private mutating func acked(_ parcel: ParcelID, _ numbers: RunSet) {
        guard var unacked = self.blobsUnacked[parcel] else { return }
        for run in numbers.runs { unacked.remove(run) }
        self.blobsUnacked[parcel] = unacked.isEmpty ? nil : unacked
    }

    private mutating func releaseOffers() throws(ProtocolError) {
        while let again = self.heldOffers.first?.again {
            var batch: [SignedOpening] = []
            while let held = self.heldOffers.first, held.again == again,
                self.offersUnanswered.count < Limits.offersUnansweredMax
            {
                self.heldOffers.removeFirst()
                self.offersUnanswered.insert(held.opening.id)
                batch.append(held.opening)
            }
            guard !batch.isEmpty else { return }
            try self.enqueue(.offer(batch, again: again))
        }
    }

    private mutating func releaseNotes() throws(ProtocolError) {
        while let note = self.heldNotes.first, case .note(_, _, _, let body) = note,
            self.machine.noteBytesUnacked + body.bytes.count <= Limits.notesUnackedBytesMax
        {
            self.heldNotes.removeFirst()
            try self.enqueue(note)
        }
    }

    private mutating func enqueue(_ message: Message) throws(ProtocolError) {
        guard !self.hasSentBye else { return }
        let frames = try message.frames()
        self.machine.sending(message)
        self.control.append(contentsOf: frames)
    }

    /// Queues a sign of life that nobody asked for.
    mutating func pong(_ token: UInt64) throws(ProtocolError) { try self.enqueue(.pong(token)) }

    /// Queues a ping.
    mutating func ping(_ token: UInt64) throws(ProtocolError) { try self.enqueue(.ping(token)) }
}
