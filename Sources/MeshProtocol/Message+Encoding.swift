import MeshContent
import MeshIdentity
import MeshModel
import SwiftProtobuf

extension Message {
    /// The message as frames, header and body each; more than one when a list had to be split.
    ///
    /// *Has* ranges beyond `Limits.rangesPerMessageMax` are left out: saying less is harmless.
    ///
    /// - Throws: ``ProtocolError/Code/frameTooLong`` when what cannot be split does not fit.
    package func frames() throws(ProtocolError) -> [[UInt8]] {
        switch self {
        case .hello(let hello): [try Self.frame(.hello, hello.proto)]
        case .offer(let openings, let again): try Self.offerFrames(openings, again: again)
        case .answer(let parcel, let answer):
            [try Self.frame(.answer, answer.proto(about: parcel))]
        case .entries(let parcel, let first, let entries):
            try Self.entriesFrames(parcel, first, entries)
        case .want(let parcel, let ranges):
            try ranges.splits.map { (part) throws(ProtocolError) in
                try Self.frame(
                    .want,
                    ProtoWant.with {
                        $0.parcelID = parcel.bytes.data
                        $0.ranges = part
                    }
                )
            }
        case .ack(let parcel, let ranges):
            try ranges.splits.map { (part) throws(ProtocolError) in
                try Self.frame(
                    .ack,
                    ProtoAck.with {
                        $0.parcelID = parcel.bytes.data
                        $0.ranges = part
                    }
                )
            }
        case .smallAck(let bytes):
            [try Self.frame(.smallAck, ProtoSmallAck.with { $0.bytes = bytes })]
        case .closing(let closing, let passage): [try Self.closingFrame(closing, passage)]
        case .small(let small, let passage, let again):
            [try Self.smallFrame(small, passage, again: again)]
        case .index(let bytes): try Self.indexFrames(bytes)
        case .withdrawn, .note, .noted, .evidence, .ping, .pong, .bye:
            [try self.shortFrame()]
        }
    }

    private static func frame(
        _ type: FrameType,
        _ body: some SwiftProtobuf.Message
    ) throws(ProtocolError) -> [UInt8] {
        let bytes = body.bytes()
        guard bytes.count <= Limits.frameBodyBytesMax else {
            throw .tooLong("\(type) message", bytes: bytes.count, limit: Limits.frameBodyBytesMax)
        }
        return FrameHeader(type, length: bytes.count).encoded + bytes
    }

    private func shortFrame() throws(ProtocolError) -> [UInt8] {
        switch self {
        case .withdrawn(let parcel, let why):
            try Self.frame(
                .withdrawn,
                ProtoWithdrawn.with {
                    $0.parcelID = parcel.bytes.data
                    $0.why = why
                }
            )
        case .note(let number, let destination, let hops, let body):
            try Self.frame(.note, Self.note(number, destination, hops, body))
        case .noted(let cursor): try Self.frame(.noted, ProtoNoted.with { $0.cursor = cursor })
        case .evidence(let evidence): try Self.frame(.evidence, evidence.proto)
        case .ping(let token): try Self.frame(.ping, ProtoPing.with { $0.token = token })
        case .pong(let token): try Self.frame(.pong, ProtoPong.with { $0.token = token })
        case .bye(let bye):
            try Self.frame(
                .bye,
                ProtoBye.with {
                    $0.why = bye.why
                    $0.detail = bye.detail
                    $0.callAgain = bye.callAgain?.rawValue ?? 0
                }
            )
        default: preconditionFailure("\(self) has a function of its own.")
        }
    }

    private static func note(
        _ number: UInt64,
        _ destination: NodeName,
        _ hops: UInt32,
        _ body: NoteBody
    ) -> ProtoNote {
        var note = ProtoNote()
        note.number = number
        note.destination = destination.text
        note.hops = hops
        switch body {
        case .statement(let bytes): note.statement = bytes.data
        case .tally(let bytes): note.tally = bytes.data
        case .inquiry(let bytes): note.inquiry = bytes.data
        }
        return note
    }

    private static func offerFrames(
        _ openings: [SignedOpening],
        again: Bool
    ) throws(ProtocolError) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        var offer = ProtoOffer()
        offer.again = again
        var bytes = 0
        for opening in openings {
            // Tags and lengths of an opening, its signature and their message take at most 12.
            let more = opening.bytes.count + opening.signature.count + 12
            if bytes + more > Limits.frameBodyBytesMax - 2 {
                frames.append(try Self.frame(.offer, offer))
                offer.openings = []
                bytes = 0
            }
            bytes += more
            offer.openings.append(
                ProtoSignedOpening.with {
                    $0.opening = opening.bytes.data
                    $0.signature = opening.signature.data
                }
            )
        }
        if !offer.openings.isEmpty { frames.append(try Self.frame(.offer, offer)) }
        return frames
    }

    /// An index that does not fit a frame goes in parts.
    private static func indexFrames(_ bytes: [UInt8]) throws(ProtocolError) -> [[UInt8]] {
        guard bytes.count <= Limits.indexBytesMax else {
            throw .tooLong("public index", bytes: bytes.count, limit: Limits.indexBytesMax)
        }
        // Tags, lengths and numbers take less than 64 bytes.
        let part = Limits.frameBodyBytesMax - 64
        guard bytes.count > part else {
            return [try Self.frame(.index, ProtoIndex.with { $0.index = bytes.data })]
        }
        return try stride(from: 0, to: bytes.count, by: part).map { (start) throws(ProtocolError) in
            var index = ProtoIndex()
            index.index = Array(bytes[start..<min(start + part, bytes.count)]).data
            index.offset = UInt64(start)
            index.size = UInt64(bytes.count)
            return try Self.frame(.index, index)
        }
    }

    private static func entriesFrames(
        _ parcel: ParcelID,
        _ first: UInt64,
        _ entries: [Entry]
    ) throws(ProtocolError) -> [[UInt8]] {
        var frames: [[UInt8]] = []
        for start in stride(from: 0, to: entries.count, by: Limits.entriesPerRunMax) {
            let run = entries[start..<min(start + Limits.entriesPerRunMax, entries.count)]
            var message = ProtoEntries()
            message.parcelID = parcel.bytes.data
            message.first = first + UInt64(start)
            message.entries = run.flatMap { $0.encoded() }.data
            frames.append(try Self.frame(.entries, message))
        }
        return frames
    }

    private static func closingFrame(
        _ closing: SignedClosing,
        _ passage: Passage
    ) throws(ProtocolError) -> [UInt8] {
        var message = ProtoClosingMessage()
        message.closing = closing.bytes.data
        message.signature = closing.signature.data
        message.passage = passage.lines.map { $0.data }
        return try Self.frame(.closing, message)
    }

    private static func smallFrame(
        _ small: SmallParcel,
        _ passage: Passage,
        again: Bool
    ) throws(ProtocolError) -> [UInt8] {
        var message = ProtoSmall()
        message.opening = small.opening.bytes.data
        message.closing = small.closing.bytes.data
        message.signature = small.signature.data
        message.codec = small.codec
        message.content = small.content.data
        message.passage = passage.lines.map { $0.data }
        message.again = again
        return try Self.frame(.small, message)
    }
}

extension RunSet {
    /// The runs in groups that each fit one message; none for the empty set.
    fileprivate var splits: [[ProtoRange]] {
        stride(from: 0, to: self.runs.count, by: Limits.rangesPerMessageMax).map { start in
            self.runs[start...].prefix(Limits.rangesPerMessageMax).map(\.proto)
        }
    }
}

extension ClosedRange<UInt64> {
    fileprivate var proto: ProtoRange {
        ProtoRange.with {
            $0.first = self.lowerBound
            $0.last = self.upperBound
        }
    }
}

extension Evidence {
    fileprivate var proto: ProtoEvidence {
        var evidence = ProtoEvidence()
        switch self {
        case .wanted: break
        case .statement(let bytes): evidence.statement = bytes.data
        case .opening(let bytes, let closing, let signature):
            evidence.opening = bytes.data
            evidence.closing = closing.data
            evidence.signature = signature.data
        }
        return evidence
    }
}

extension Answer {
    fileprivate func proto(about parcel: ParcelID) -> ProtoAnswer {
        var answer = ProtoAnswer()
        answer.parcelID = parcel.bytes.data
        switch self {
        case .admitted(let mode, let has, let entriesKnown):
            answer.admitted.mode = mode == .whole ? .whole : .through
            answer.admitted.has = has.runs.prefix(Limits.rangesPerMessageMax).map(\.proto)
            answer.admitted.entriesKnown = entriesKnown
        case .later(let until, let why):
            answer.later.until = until?.rawValue ?? 0
            answer.later.why = why
        case .never(let why, let detail):
            answer.never.why = why
            answer.never.detail = detail
        case .statement(let bytes): answer.statement = bytes.data
        case .passed(let bytes): answer.passed = bytes.data
        case .needsIndex(let serial): answer.needsIndex.serial = serial
        }
        return answer
    }
}

extension Hello {
    fileprivate var proto: ProtoHello {
        var hello = ProtoHello()
        hello.version = self.version
        hello.mesh = self.mesh.text
        hello.node = self.node.text
        hello.runID = self.runID
        hello.incarnationNumber = self.incarnation.number
        hello.incarnationRandom = self.incarnation.random
        hello.indexSerial = self.indexSerial
        hello.clock = self.clock.rawValue
        hello.smallGrant = self.smallGrant
        hello.lastBatch = self.lastBatch
        hello.lastOpenings = Self.proto(self.lastOpenings, [:])
        hello.heldBatch = self.heldBatch
        hello.heldIncarnationNumber = self.heldIncarnation?.number ?? 0
        hello.heldIncarnationRandom = self.heldIncarnation?.random ?? 0
        hello.heldBatchDigest = self.heldBatchDigest?.bytes.data ?? [].data
        hello.heldOpenings = Self.proto(self.heldOpenings, self.heldParcels)
        hello.software = self.software
        hello.life = self.life.standsStill ? self.life.rawValue : ""
        hello.keptLives = self.keptLives.map { life in
            ProtoKeptLife.with {
                $0.number = life.incarnation.number
                $0.random = life.incarnation.random
                $0.batch = life.batch
            }
        }
        return hello
    }

    private static func proto(
        _ numbers: [FlowName: SequenceNumber],
        _ parcels: [FlowName: ParcelID]
    ) -> [ProtoFlowNumber] {
        numbers.sorted { $0.key < $1.key }.map { flow, sequence in
            ProtoFlowNumber.with {
                $0.flow = flow.text
                $0.sequence = sequence.rawValue
                $0.parcelID = parcels[flow]?.bytes.data ?? [].data
            }
        }
    }
}
