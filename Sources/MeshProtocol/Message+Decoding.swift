import MeshContent
import MeshIdentity
import MeshModel
import SwiftProtobuf

extension Message {
    /// Reads the body of a frame; a slice is none of these.
    init(type: FrameType, body: [UInt8]) throws(ProtocolError) {
        switch type {
        case .hello: self = .hello(try Hello(ProtoHello.reading(body, as: "hello")))
        case .offer: self = try Self.offer(ProtoOffer.reading(body, as: "offer"))
        case .answer: self = try Self.answer(ProtoAnswer.reading(body, as: "answer"))
        case .entries: self = try Self.entries(ProtoEntries.reading(body, as: "run of entries"))
        case .want:
            let want = try ProtoWant.reading(body, as: "want")
            self = .want(try Self.parcel(want.parcelID), try RunSet(want.ranges))
        case .ack:
            let ack = try ProtoAck.reading(body, as: "ack")
            self = .ack(try Self.parcel(ack.parcelID), try RunSet(ack.ranges))
        case .smallAck: self = .smallAck(try ProtoSmallAck.reading(body, as: "small ack").bytes)
        case .closing: self = try Self.closing(ProtoClosingMessage.reading(body, as: "closing"))
        case .small: self = try Self.small(ProtoSmall.reading(body, as: "small parcel"))
        case .withdrawn:
            let withdrawn = try ProtoWithdrawn.reading(body, as: "withdrawal")
            self = .withdrawn(try Self.parcel(withdrawn.parcelID), why: withdrawn.why)
        case .note: self = try Self.note(ProtoNote.reading(body, as: "note"))
        case .noted: self = .noted(cursor: try ProtoNoted.reading(body, as: "noted").cursor)
        case .evidence:
            self = .evidence(Evidence(try ProtoEvidence.reading(body, as: "evidence")))
        case .index: self = .index([UInt8](try ProtoIndex.reading(body, as: "index").index))
        case .ping: self = .ping(try ProtoPing.reading(body, as: "ping").token)
        case .pong: self = .pong(try ProtoPong.reading(body, as: "pong").token)
        case .bye:
            let bye = try ProtoBye.reading(body, as: "bye")
            self = .bye(
                Bye(why: bye.why, detail: bye.detail, callAgain: .init(given: bye.callAgain))
            )
        case .slice: preconditionFailure("Slices go to their blobs.")
        }
    }

    private static func parcel(_ bytes: some Collection<UInt8>) throws(ProtocolError) -> ParcelID {
        guard let parcel = ParcelID(bytes: bytes) else {
            throw .malformed("message", "it names a parcel with \(bytes.count) bytes")
        }
        return parcel
    }

    private static func passage(_ lines: [[UInt8]]) throws(ProtocolError) -> Passage {
        guard lines.count <= Limits.hopsMax, let passage = Passage(lines: lines) else {
            throw .malformed("passage", "its \(lines.count) lines do not chain")
        }
        return passage
    }

    private static func offer(_ offer: ProtoOffer) throws(ProtocolError) -> Self {
        guard (1...Limits.offersUnansweredMax).contains(offer.openings.count) else {
            throw .malformed("offer", "it has \(offer.openings.count) openings")
        }
        var openings: [SignedOpening] = []
        for opening in offer.openings {
            openings.append(
                try SignedOpening(
                    bytes: [UInt8](opening.opening),
                    signature: [UInt8](opening.signature)
                )
            )
        }
        return .offer(openings, again: offer.again)
    }

    private static func answer(_ answer: ProtoAnswer) throws(ProtocolError) -> Self {
        let parcel = try Self.parcel(answer.parcelID)
        switch answer.answer {
        case .admitted(let admitted):
            guard let mode = AdmissionMode(rawValue: UInt8(clamping: admitted.mode.rawValue)) else {
                throw ProtocolError(.unsupported, "Admission mode \(admitted.mode) is not known.")
            }
            guard admitted.entriesKnown <= UInt64(Limits.entriesPerParcelMax) else {
                throw .malformed("answer", "it knows \(admitted.entriesKnown) entries")
            }
            let has = try RunSet(admitted.has)
            return .answer(parcel, .admitted(mode, has: has, entriesKnown: admitted.entriesKnown))
        case .later(let later):
            return .answer(parcel, .later(until: .init(given: later.until), why: later.why))
        case .never(let never):
            return .answer(parcel, .never(why: never.why, detail: never.detail))
        case .statement(let bytes): return .answer(parcel, .statement([UInt8](bytes)))
        case .passed(let bytes): return .answer(parcel, .passed([UInt8](bytes)))
        case .needsIndex(let needs): return .answer(parcel, .needsIndex(serial: needs.serial))
        case nil: throw .malformed("answer", "it says nothing that is known here")
        }
    }

    private static func entries(_ message: ProtoEntries) throws(ProtocolError) -> Self {
        let count = message.entries.count / Entry.encodedByteCount
        guard message.entries.count == count * Entry.encodedByteCount,
            (1...Limits.entriesPerRunMax).contains(count),
            message.first <= UInt64(Limits.entriesPerParcelMax) - UInt64(count)
        else { throw .malformed("run of entries", "it has \(message.entries.count) bytes") }
        let bytes = [UInt8](message.entries)
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        for start in stride(from: 0, to: bytes.count, by: Entry.encodedByteCount) {
            guard let entry = Entry(encoded: bytes[start..<start + Entry.encodedByteCount]) else {
                throw .malformed("entry", "a field exceeds its bounds")
            }
            entries.append(entry)
        }
        return .entries(try Self.parcel(message.parcelID), first: message.first, entries)
    }

    private static func closing(_ message: ProtoClosingMessage) throws(ProtocolError) -> Self {
        let closing = try SignedClosing(
            bytes: [UInt8](message.closing),
            signature: [UInt8](message.signature)
        )
        return .closing(closing, try Self.passage(message.passage.map { [UInt8]($0) }))
    }

    private static func small(_ message: ProtoSmall) throws(ProtocolError) -> Self {
        let small = try SmallParcel(
            parsingOpening: [UInt8](message.opening),
            closing: [UInt8](message.closing),
            signature: [UInt8](message.signature),
            codec: message.codec,
            content: [UInt8](message.content)
        )
        let passage = try Self.passage(message.passage.map { [UInt8]($0) })
        return .small(small, passage, again: message.again)
    }

    private static func note(_ note: ProtoNote) throws(ProtocolError) -> Self {
        guard let destination = NodeName(note.destination), note.hops <= UInt32(Limits.hopsMax)
        else { throw .malformed("note", "its destination or hops break the rules") }
        let body: NoteBody =
            switch note.body {
            case .statement(let bytes): .statement([UInt8](bytes))
            case .tally(let bytes): .tally([UInt8](bytes))
            case .inquiry(let bytes): .inquiry([UInt8](bytes))
            case nil: throw .malformed("note", "it says nothing that is known here")
            }
        return .note(number: note.number, destination: destination, hops: note.hops, body)
    }
}

extension RunSet {
    /// Reads ranges that a peer sent: ascending and disjoint, numbers of entries only.
    fileprivate init(_ ranges: [ProtoRange]) throws(ProtocolError) {
        guard ranges.count <= Limits.rangesPerMessageMax else {
            throw .malformed("list of ranges", "it has \(ranges.count)")
        }
        self.init()
        var next: UInt64 = 0
        for range in ranges {
            guard range.first >= next, range.first <= range.last,
                range.last < UInt64(Limits.entriesPerParcelMax)
            else { throw .malformed("list of ranges", "they are not ascending numbers of entries") }
            self.insert(range.first...range.last)
            next = range.last + 1
        }
    }
}

extension Evidence {
    fileprivate init(_ evidence: ProtoEvidence) {
        if !evidence.statement.isEmpty {
            self = .statement([UInt8](evidence.statement))
        } else if evidence.opening.isEmpty {
            self = .wanted
        } else {
            self = .opening(
                [UInt8](evidence.opening),
                closing: [UInt8](evidence.closing),
                signature: [UInt8](evidence.signature)
            )
        }
    }
}

extension UnixMilliseconds {
    /// A time that a peer gave; 0 stands for none.
    fileprivate init?(given milliseconds: Int64) {
        guard milliseconds != 0 else { return nil }
        self.init(milliseconds)
    }
}

extension Hello {
    /// Reads a hello; that it fits this node is for ``SessionMachine`` to check.
    fileprivate init(_ hello: ProtoHello) throws(ProtocolError) {
        guard let mesh = MeshName(hello.mesh), let node = NodeName(hello.node) else {
            throw .malformed("hello", "a name breaks the rules")
        }
        self.init(
            mesh: mesh,
            node: node,
            runID: hello.runID,
            incarnation: Incarnation(
                number: hello.incarnationNumber,
                random: hello.incarnationRandom
            ),
            indexSerial: hello.indexSerial,
            clock: UnixMilliseconds(hello.clock),
            smallGrant: hello.smallGrant,
            lastBatch: hello.lastBatch,
            lastOpenings: try Self.numbers(hello.lastOpenings),
            heldBatch: hello.heldBatch,
            heldOpenings: try Self.numbers(hello.heldOpenings),
            software: hello.software
        )
        self.version = hello.version
        self.heldBatchDigest = Digest(hello.heldBatchDigest)
        for opening in hello.heldOpenings {
            guard let flow = FlowName(opening.flow) else { continue }
            self.heldParcels[flow] = ParcelID(bytes: opening.parcelID)
        }
        // What later versions may say beyond these words does not keep a node from acting.
        self.life = NodeLife(rawValue: hello.life) ?? .whole
        self.keptLives = hello.keptLives.map { life in
            KeptLife(
                incarnation: Incarnation(number: life.number, random: life.random),
                batch: life.batch
            )
        }
        if hello.heldIncarnationNumber != 0 {
            self.heldIncarnation = Incarnation(
                number: hello.heldIncarnationNumber,
                random: hello.heldIncarnationRandom
            )
        }
    }

    private static func numbers(
        _ numbers: [ProtoFlowNumber]
    ) throws(ProtocolError) -> [FlowName: SequenceNumber] {
        var result: [FlowName: SequenceNumber] = [:]
        for number in numbers {
            guard let flow = FlowName(number.flow) else {
                throw .malformed("hello", "the name of a flow breaks the rules")
            }
            result[flow] = SequenceNumber(number.sequence)
        }
        return result
    }
}
