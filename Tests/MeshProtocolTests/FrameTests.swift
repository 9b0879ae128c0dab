import MeshContent
import MeshModel
import MeshProtocol
import Testing

@Suite struct FrameTests {
    @Test func everyMessageHasTheBytesWrittenDown() throws {
        for (name, message) in try Sample.messages() {
            let frames = try message.frames()
            #expect(frames.count == 1, "\(name)")
            #expect(
                Hex.encode(frames.flatMap { $0 }) == FrameVectors.frames[name],
                "\(name)"
            )
        }
        #expect(FrameVectors.frames.count == (try Sample.messages().count))
    }

    @Test func aSliceHasTheBytesWrittenDown() throws {
        let head = SliceHead(parcel: try Sample.signedOpening().id, entry: 3, offset: 65_496)
        let bytes = FrameHeader(.slice, length: 42).encoded + head.encoded + [1, 2]
        #expect(
            Hex.encode(bytes)
                == "0600002a" + FrameVectors.openingID + "00000003" + "0000ffd8" + "0102"
        )
    }

    @Test func listsThatAreTooLongAreSplit() throws {
        let parcel = try Sample.signedOpening().id
        let openings = try (1...400).map { try Sample.signedOpening(UInt64($0)) }
        var numbers: [UInt64] = []
        var runs = RunSet()
        for number in 0..<3_000 { runs.insert(UInt64(number) * 2) }
        let entries = [Entry](repeating: .hole(65_536), count: 2_500)

        var machine = try Listener()
        for frame in try Message.offer(openings, again: true).frames() { try machine.read(frame) }
        for event in machine.events {
            guard case .message(.offer(let some, again: true)) = event else { continue }
            numbers += some.map(\.opening.sequence.rawValue)
        }
        #expect(numbers == Array(1...400))

        let acks = try Message.ack(parcel, runs).frames()
        #expect(acks.count == 3)
        var acked = RunSet()
        var next: UInt64 = 0
        machine = try Listener()
        for frame in try acks + Message.entries(parcel, first: 0, entries).frames() {
            try machine.read(frame)
        }
        for event in machine.events {
            switch event {
            case .message(.ack(_, let some)): for run in some.runs { acked.insert(run) }
            case .message(.entries(_, let first, let some)):
                #expect(first == next)
                next += UInt64(some.count)
            default: break
            }
        }
        #expect(acked == runs)
        #expect(next == 2_500)
    }

    @Test func anAnswerWithTooManyRangesSaysLess() throws {
        var has = RunSet()
        for number in 0..<3_000 { has.insert(UInt64(number) * 2) }
        let answer = Answer.admitted(.whole, has: has, entriesKnown: 6_000)
        var machine = try Listener()
        for frame in try Message.answer(Sample.signedOpening().id, answer).frames() {
            try machine.read(frame)
        }
        guard case .message(.answer(_, .admitted(_, let said, _)))? = machine.events.last else {
            Issue.record("No answer came.")
            return
        }
        #expect(said.runs == Array(has.runs.prefix(1_024)))
    }

    @Test(arguments: [1, 65_000, 65_472, 65_473, 200_000, Limits.indexBytesMax])
    func anIndexOfAnyLengthArrivesWhole(length: Int) throws {
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 / 251) }
        var machine = try Listener()
        for frame in try Message.index(bytes).frames() { try machine.read(frame) }
        // After the hello.
        #expect(machine.events.count == 2)
        guard case .message(.index(let said))? = machine.events.last else {
            Issue.record("No index came.")
            return
        }
        #expect(said == bytes)
    }

    @Test func partsOfAnIndexThatDoNotFitEndTheSession() throws {
        let frames = try Message.index([UInt8](repeating: 1, count: 200_000)).frames()
        #expect(frames.count == 4)
        for wrong in [[frames[1]], [frames[0], frames[2]], [frames[0], frames[1], frames[1]]] {
            var machine = try Listener()
            let error = #expect(throws: ProtocolError.self) {
                for frame in wrong { try machine.read(frame) }
            }
            #expect(error?.code == .protocolViolation)
        }
        // What announces more than any index has is refused before anything is kept of it.
        let long = Limits.indexBytesMax + 1
        #expect(throws: ProtocolError.self) {
            try Message.index([UInt8](repeating: 0, count: long)).frames()
        }
        var machine = try Listener()
        let part: [UInt8] = [0x0A, 1, 7, 0x18, 0x81, 0x80, 0x80, 0x02]
        let error = #expect(throws: ProtocolError.self) {
            try machine.read(FrameHeader(.index, length: part.count).encoded + part)
        }
        #expect(error?.code == .frameTooLong)
    }

    @Test func whatCannotBeSplitIsNotSent() throws {
        let opening = try Sample.signedOpening().id
        let error = #expect(throws: ProtocolError.self) {
            try Message.answer(opening, .statement([UInt8](repeating: 0, count: 70_000))).frames()
        }
        #expect(error?.code == .frameTooLong)
    }
}

/// A machine that has heard the hello, and what it made of the rest.
struct Listener {
    var machine: SessionMachine
    var events: [SessionMachine.Event] = []

    init(greeted: Bool = true) throws {
        self.machine = SessionMachine(
            mesh: try Sample.mesh(),
            peer: try Sample.node(),
            smallGrant: UInt64(Limits.smallGrantBytes)
        )
        if greeted { try self.read(Message.hello(Sample.hello()).frames()[0]) }
    }

    mutating func read(_ bytes: [UInt8]) throws(ProtocolError) {
        var events = self.events
        defer { self.events = events }
        do {
            try bytes.withUnsafeBytes { try self.machine.receive($0) { events.append($0) } }
        } catch let error as ProtocolError {
            throw error
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// The messages that came, without the hello.
    var messages: [Message] {
        self.events.compactMap { if case .message(let message) = $0 { message } else { nil } }
    }
}
