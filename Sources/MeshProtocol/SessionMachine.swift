package import MeshContent
package import MeshModel

/// One end of a session: reads what the peer sends and holds it to the rules.
///
/// Does no I/O.
///
///     greeting ── hello fits ──▶ talking
///        └──────── anything else, or a broken rule ──▶ throws; the session is over
///
/// A driver feeds it the bytes that arrive and shows it every message that goes out. What a peer
/// may leave unanswered is counted here, so that memory is bounded whatever the peer does.
package struct SessionMachine: Sendable {
    /// What arrived, in order.
    package enum Event: Sendable {
        /// The first event of every session.
        case hello(Hello)
        /// Any message but a hello.
        case message(Message)
        /// A wanted blob, whole and as its entry names it.
        case blob(ParcelID, UInt64, StoredBlob)
        /// A wanted blob, whole and not what its entry names.
        case badBlob(ParcelID, UInt64)
    }

    private let mesh: MeshName
    private let peer: NodeName
    private let smallGrant: UInt64
    private var reader = FrameReader()
    private var hasGreeted = false
    private var offered: Set<ParcelID> = []
    private var smallBytesUnacked: UInt64 = 0
    private var notesReceived = NoteLedger()
    private var notesSent = NoteLedger()
    private var blobs = BlobAssembly()
    private var index = IndexAssembly()
    /// Slices and small parcels that have come, since the session began.
    package private(set) var dataFrames: UInt64 = 0

    /// Expects the authenticated `peer`; our hello grants `smallGrant` bytes for small parcels.
    package init(mesh: MeshName, peer: NodeName, smallGrant: UInt64) {
        self.mesh = mesh
        self.peer = peer
        self.smallGrant = smallGrant
    }

    /// Bytes of wanted blobs that have not come yet.
    package var wantedBytes: Int { self.blobs.wantedBytes }

    /// Bytes of our notes that the peer has not acknowledged.
    package var noteBytesUnacked: Int { self.notesSent.bytesUnacked }

    /// Bytes of slices that nobody wanted, since the session began.
    package var unwantedBytes: Int { self.blobs.unwantedBytes }

    /// Reads bytes as they come off the wire and hands out what they complete.
    ///
    /// - Throws: When the peer broke a rule. What was handed out before stands; the rest of the
    ///   stream must not be read.
    package mutating func receive(
        _ bytes: UnsafeRawBufferPointer,
        _ event: (Event) -> Void
    ) throws(ProtocolError) {
        var rest = bytes
        while let frame = try self.reader.next(&rest) {
            switch frame {
            case .inPlace(let type, let body): try self.take(type, body, event)
            case .assembled(let type, let whole):
                do {
                    try whole.withUnsafeBytes { bytes in
                        let body = bytes[FrameHeader.byteCount...]
                        try self.take(type, UnsafeRawBufferPointer(rebasing: body), event)
                    }
                } catch let error as ProtocolError {
                    throw error
                } catch {
                    preconditionFailure("Taking a frame throws nothing else.")
                }
            }
        }
    }

    /// Takes note of a message that goes out: what it answers is no longer owed.
    package mutating func sending(_ message: Message) {
        switch message {
        case .answer(let parcel, _): self.offered.remove(parcel)
        case .smallAck(let bytes):
            self.smallBytesUnacked -= min(bytes, self.smallBytesUnacked)
        case .note(let number, _, _, let body):
            self.notesSent.add(number, bytes: body.bytes.count)
        case .noted(let cursor): self.notesReceived.acknowledge(upTo: cursor)
        default: break
        }
    }

    /// Expects slices of these blobs; the message asks for them, and is `nil` if nothing is new.
    package mutating func want(_ parcel: ParcelID, _ wanted: [WantedBlob]) -> Message? {
        var numbers = RunSet()
        for blob in wanted where self.blobs.expect(parcel, blob) { numbers.insert(blob.number) }
        return numbers.isEmpty ? nil : .want(parcel, numbers)
    }

    /// Expects no more slices of this parcel.
    package mutating func unwant(_ parcel: ParcelID) { self.blobs.forget(parcel) }
}

extension SessionMachine {
    private mutating func take(
        _ type: UInt8,
        _ body: UnsafeRawBufferPointer,
        _ event: (Event) -> Void
    ) throws(ProtocolError) {
        guard self.hasGreeted else {
            guard type == FrameType.hello.rawValue else {
                throw .violation("A frame of type \(type) came before the hello.")
            }
            return try self.greet(body, event)
        }
        switch FrameType(rawValue: type) {
        case .hello: throw .violation("A second hello came.")
        case .slice:
            self.dataFrames += 1
            try self.blobs.take(body, event)
        case .index:
            if let index = try self.index.take([UInt8](body)) { event(.message(.index(index))) }
        case let type?:
            let message = try Message(type: type, body: [UInt8](body))
            try self.account(for: message)
            event(.message(message))
        case nil:
            guard type & FrameType.optionalBit != 0 else {
                throw ProtocolError(.unsupported, "Frames of type \(type) are not known here.")
            }
        }
    }

    private mutating func greet(
        _ body: UnsafeRawBufferPointer,
        _ event: (Event) -> Void
    ) throws(ProtocolError) {
        guard case .hello(let hello) = try Message(type: .hello, body: [UInt8](body)) else {
            return
        }
        guard hello.version == Hello.currentVersion else {
            throw ProtocolError(
                .unsupported,
                "\(self.peer) speaks version \(hello.version); this node \(Hello.currentVersion).",
                hint: "Update the older of the two programs."
            )
        }
        guard hello.mesh == self.mesh else {
            throw ProtocolError(
                .wrongMesh,
                "\(self.peer) belongs to mesh \(hello.mesh), not \(self.mesh)."
            )
        }
        guard hello.node == self.peer else {
            throw ProtocolError(
                .wrongName,
                "The certificate says \(self.peer), the hello \(hello.node)."
            )
        }
        guard hello.smallGrant >= UInt64(Limits.frameBodyBytesMax) else {
            throw .violation("\(self.peer) grants only \(hello.smallGrant) bytes.")
        }
        self.hasGreeted = true
        event(.hello(hello))
    }

    private mutating func account(for message: Message) throws(ProtocolError) {
        switch message {
        case .offer(let openings, _):
            for opening in openings { self.offered.insert(opening.id) }
            guard self.offered.count <= Limits.offersUnansweredMax else {
                throw .violation("More than \(Limits.offersUnansweredMax) offers are unanswered.")
            }
        case .small(let small, _, _):
            self.dataFrames += 1
            self.smallBytesUnacked += small.grantBytes
            guard self.smallBytesUnacked <= self.smallGrant else {
                throw .violation("Small parcels exceed the grant of \(self.smallGrant) bytes.")
            }
        case .note(let number, _, _, let body):
            guard number == self.notesReceived.last + 1 else {
                throw .violation("Note \(number) came after note \(self.notesReceived.last).")
            }
            self.notesReceived.add(number, bytes: body.bytes.count)
            guard self.notesReceived.bytesUnacked <= Limits.notesUnackedBytesMax else {
                throw .violation("More than \(Limits.notesUnackedBytesMax) bytes of notes wait.")
            }
        case .noted(let cursor):
            guard cursor <= self.notesSent.last else {
                throw .violation("Note \(cursor) was noted and never sent.")
            }
            self.notesSent.acknowledge(upTo: cursor)
        default: break
        }
    }
}

/// The notes of one direction that are not acknowledged yet.
struct NoteLedger: Sendable {
    /// The number of the last note; 0 before the first.
    private(set) var last: UInt64 = 0
    /// Bytes of the notes that are not acknowledged.
    private(set) var bytesUnacked = 0
    /// Their lengths, oldest first; the newest has number `last`.
    private var unacked: [Int] = []

    /// Enters a note, whose number follows the last.
    mutating func add(_ number: UInt64, bytes: Int) {
        self.last = number
        self.unacked.append(bytes)
        self.bytesUnacked += bytes
    }

    /// Strikes out every note up to `cursor`.
    mutating func acknowledge(upTo cursor: UInt64) {
        let open = self.last > cursor ? Int(clamping: self.last - cursor) : 0
        let done = max(0, self.unacked.count - open)
        self.bytesUnacked -= self.unacked[0..<done].reduce(0, +)
        self.unacked.removeFirst(done)
    }
}
