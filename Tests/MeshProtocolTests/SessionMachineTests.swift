import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import Testing

@Suite struct SessionMachineTests {
    /// Asserts that `bytes` end the session with `code`.
    static func refuses(
        _ listener: Listener,
        _ bytes: [UInt8],
        with code: ProtocolError.Code,
        at location: SourceLocation = #_sourceLocation
    ) {
        var listener = listener
        let error = #expect(throws: ProtocolError.self, sourceLocation: location) {
            try listener.read(bytes)
        }
        #expect(error?.code == code, sourceLocation: location)
    }

    static func slice(_ parcel: ParcelID, _ entry: UInt32, _ offset: UInt32, _ bytes: [UInt8])
        -> [UInt8]
    {
        FrameHeader(.slice, length: Limits.sliceHeadBytes + bytes.count).encoded
            + SliceHead(parcel: parcel, entry: entry, offset: offset).encoded + bytes
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func aStreamReadsTheSameHoweverItIsCut(seed: UInt64) throws {
        let messages = try Sample.messages().map(\.message)
            .filter { if case .noted = $0 { false } else { true } }
        let blob = Sample.blob(100_000)
        let parcel = try Sample.signedOpening().id
        var bytes = try messages.flatMap { try $0.frames() }.flatMap { $0 }
        bytes += Self.slice(parcel, 5, 0, Array(blob[0..<65_496]))
        bytes += Self.slice(parcel, 5, 65_496, Array(blob[65_496...]))

        var listener = try Listener(greeted: false)
        let wanted = WantedBlob(number: 5, entry: try Sample.entry(of: blob))
        #expect(listener.machine.want(parcel, [wanted]) == .want(parcel, RunSet([5...5])))
        var generator = SeededGenerator(seed: seed)
        var start = 0
        while start < bytes.count {
            let small = Bool.random(using: &generator)
            let count = Int.random(in: 1...(small ? 7 : 90_000), using: &generator)
            let end = min(start + count, bytes.count)
            try listener.read(Array(bytes[start..<end]))
            start = end
        }
        guard case .hello(let hello)? = listener.events.first,
            case .blob(parcel, 5, StoredBlob(blob))? = listener.events.last
        else {
            Issue.record("Seed \(seed): the first or last event is wrong.")
            return
        }
        #expect(try hello == Sample.hello())
        #expect(listener.messages == Array(messages.dropFirst()), "seed \(seed)")
        #expect(listener.machine.wantedBytes == 0)
    }

    @Test func nothingComesBeforeTheHelloAndItComesOnce() throws {
        let hello = try Message.hello(Sample.hello()).frames()[0]
        Self.refuses(
            try Listener(greeted: false),
            try Message.ping(1).frames()[0],
            with: .protocolViolation
        )
        Self.refuses(
            try Listener(greeted: false),
            [0x90, 0, 0, 0],
            with: .protocolViolation
        )
        Self.refuses(try Listener(), hello, with: .protocolViolation)
    }

    @Test func aHelloThatDoesNotFitIsRefused() throws {
        func refuses(_ code: ProtocolError.Code, _ change: (inout Hello) throws -> Void) throws {
            var hello = try Sample.hello()
            try change(&hello)
            Self.refuses(
                try Listener(greeted: false),
                try Message.hello(hello).frames()[0],
                with: code
            )
        }
        try refuses(.unsupported) { $0.version = 2 }
        try refuses(.wrongMesh) { $0.mesh = try #require(MeshName("other")) }
        try refuses(.wrongName) { $0.node = try Sample.node("impostor") }
        try refuses(.protocolViolation) { $0.smallGrant = 100 }
    }

    @Test func aFrameThatIsTooLongIsRefusedByItsHeader() throws {
        Self.refuses(try Listener(), [2, 1, 0, 1], with: .frameTooLong)
        var listener = try Listener()
        try listener.read([2, 1])
        Self.refuses(listener, [0, 1], with: .frameTooLong)
        Self.refuses(try Listener(greeted: false), [1, 0xFF, 0xFF, 0xFF], with: .frameTooLong)
    }

    @Test func unknownFramesAreSkippedOnlyIfOptional() throws {
        var listener = try Listener()
        try listener.read([0x92, 0, 0, 2, 1, 2] + Message.ping(5).frames()[0])
        #expect(listener.messages == [.ping(5)])
        Self.refuses(listener, [0x1A, 0, 0, 0], with: .unsupported)
        Self.refuses(listener, [0, 0, 0, 0], with: .unsupported)
    }

    @Test func bodiesThatAreNoMessageAreRefused() throws {
        for type in FrameType.allCases where type != .hello {
            Self.refuses(
                try Listener(),
                FrameHeader(type, length: 3).encoded + [0xFF, 0xFF, 0xFF],
                with: .malformed
            )
        }
    }

    @Test func rangesMustAscend() throws {
        // A want whose second range begins within the first: ranges 5...9 and 7...8.
        let id = try Sample.signedOpening().id.bytes
        let body = [0x0A, 32] + id + [0x12, 4, 8, 5, 16, 9, 0x12, 4, 8, 7, 16, 8]
        Self.refuses(
            try Listener(),
            FrameHeader(.want, length: body.count).encoded + body,
            with: .malformed
        )
    }

    @Test func offersThatNobodyAnsweredAreBounded() throws {
        var listener = try Listener()
        let openings = try (1...1_025).map { try Sample.signedOpening(UInt64($0)) }
        for frame in try Message.offer(Array(openings[0..<1_024]), again: false).frames() {
            try listener.read(frame)
        }
        let oneMore = try Message.offer([openings[1_024]], again: false).frames()[0]
        Self.refuses(listener, oneMore, with: .protocolViolation)
        listener.machine.sending(.answer(openings[3].id, .never(why: "no", detail: "")))
        try listener.read(oneMore)
    }

    @Test func notesCountUpAndAreBounded() throws {
        let harbour = try Sample.node("harbour")
        func note(_ number: UInt64, bytes: Int = 1) throws -> [UInt8] {
            let body = NoteBody.statement([UInt8](repeating: 0, count: bytes))
            return try Message.note(number: number, destination: harbour, hops: 1, body)
                .frames()[0]
        }
        var listener = try Listener()
        try listener.read(note(1))
        Self.refuses(listener, try note(1), with: .protocolViolation)
        Self.refuses(listener, try note(3), with: .protocolViolation)
        for number in 2...5 as ClosedRange<UInt64> {
            try listener.read(note(number, bytes: 60_000))
        }
        Self.refuses(listener, try note(6, bytes: 60_000), with: .protocolViolation)
        listener.machine.sending(.noted(cursor: 2))
        try listener.read(note(6, bytes: 60_000))
        // Nothing that we never sent can be noted.
        Self.refuses(
            listener,
            try Message.noted(cursor: 1).frames()[0],
            with: .protocolViolation
        )
    }

    @Test func smallParcelsAreBoundedByTheGrant() throws {
        let small = try Sample.small(content: [UInt8](repeating: 1, count: 50_000))
        let frame = try Message.small(small, .empty, again: false).frames()[0]
        var listener = try Listener()
        let fit = Limits.smallGrantBytes / Int(small.grantBytes)
        for _ in 0..<fit { try listener.read(frame) }
        Self.refuses(listener, frame, with: .protocolViolation)
        listener.machine.sending(.smallAck(small.grantBytes))
        try listener.read(frame)
    }

    @Test func aBlobThatIsNotWhatItsEntryNamesIsReported() throws {
        var listener = try Listener()
        let parcel = try Sample.signedOpening().id
        let wanted = WantedBlob(number: 2, entry: try Sample.entry(of: [1, 2, 3]))
        _ = listener.machine.want(parcel, [wanted])
        try listener.read(Self.slice(parcel, 2, 0, [1, 2, 4]))
        guard case .badBlob(parcel, 2)? = listener.events.last else {
            Issue.record("The bad blob was not reported.")
            return
        }
        // It can be wanted again, and then be right.
        #expect(listener.machine.want(parcel, [wanted]) != nil)
        try listener.read(Self.slice(parcel, 2, 0, [1, 2, 3]))
        guard case .blob(parcel, 2, StoredBlob([1, 2, 3]))? = listener.events.last else {
            Issue.record("The good blob was not reported.")
            return
        }
    }

    @Test func aSliceBeyondItsBlobIsRefused() throws {
        var listener = try Listener()
        let parcel = try Sample.signedOpening().id
        _ = listener.machine.want(
            parcel,
            [WantedBlob(number: 2, entry: try Sample.entry(of: [1, 2, 3]))]
        )
        Self.refuses(listener, Self.slice(parcel, 2, 2, [3, 4]), with: .protocolViolation)
        Self.refuses(listener, Self.slice(parcel, 2, 0, []), with: .malformed)
    }

    @Test func whatIsNotWantedAnyMoreIsDroppedWithinBounds() throws {
        var listener = try Listener()
        let parcel = try Sample.signedOpening().id
        let blob = Sample.blob(130_000)
        let wanted = WantedBlob(number: 2, entry: try Sample.entry(of: blob))
        _ = listener.machine.want(parcel, [wanted])
        #expect(listener.machine.want(parcel, [wanted]) == nil)
        try listener.read(Self.slice(parcel, 2, 0, Array(blob[0..<65_000])))
        listener.machine.unwant(parcel)
        #expect(listener.machine.wantedBytes == 0)
        // Wanted anew while the old copy is still under way: its rest is dropped, the new one read.
        _ = listener.machine.want(parcel, [wanted])
        try listener.read(Self.slice(parcel, 2, 65_000, Array(blob[65_000...])))
        #expect(listener.machine.unwantedBytes == 65_000)
        try listener.read(Self.slice(parcel, 2, 0, Array(blob[0..<65_000])))
        try listener.read(Self.slice(parcel, 2, 65_000, Array(blob[65_000...])))
        guard case .blob(parcel, 2, StoredBlob(blob))? = listener.events.last else {
            Issue.record("The blob did not come.")
            return
        }
        let flood = Self.slice(parcel, 9, 0, [UInt8](repeating: 0, count: 60_000))
        let error = #expect(throws: ProtocolError.self) {
            for _ in 0..<200 { try listener.read(flood) }
        }
        #expect(error?.code == .protocolViolation)
        #expect(listener.machine.unwantedBytes < 10 << 20)
    }
}
