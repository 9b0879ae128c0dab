import MeshIdentity
import MeshLinks
import MeshModel
import MeshProtocol
import NIOCore
import NIOPosix
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct PipeLinkTests {
    let mesh: Mesh
    let buoy: NodeName
    let harbour: NodeName

    init() throws {
        self.mesh = try Mesh()
        self.buoy = try self.mesh.node("buoy")
        self.harbour = try self.mesh.node("harbour")
    }

    func connect(
        _ a: Engine,
        _ b: Engine,
        smallGrant: Int = Limits.smallGrantBytes
    ) async throws -> PipeLink {
        let hellos = (
            self.mesh.hello(self.buoy), self.mesh.hello(self.harbour, smallGrant: smallGrant)
        )
        return try await PipeLink.connect(
            self.buoy,
            LinkSide(hello: { _ in hellos.0 }, events: a.hear),
            self.harbour,
            LinkSide(hello: { _ in hellos.1 }, events: b.hear),
            on: MultiThreadedEventLoopGroup.singleton
        )
    }

    func opening(_ sequence: UInt64, key: StatementKey) throws -> Opening {
        Opening(
            mesh: self.mesh.name,
            origin: self.buoy,
            flow: try #require(FlowName("readings")),
            collector: self.harbour,
            incarnation: Incarnation(number: 1, random: 1),
            sequence: SequenceNumber(sequence),
            size: ByteCount(1),
            opened: Mesh.now,
            path: Array("a".utf8),
            modified: 0,
            mode: 0o644
        )
    }

    @Test func blobsCrossAPipe() async throws {
        let taker = Blobs.taker(try (0..<20).map { try Blobs.wanted($0) }, window: 4)
        let giver = Blobs.giver()
        let link = try await self.connect(giver, taker)
        #expect(try await taker.closed() == "done")
        #expect(try await giver.closed() == "done")
        link.cut()
    }

    @Test func bothEndsHearOfACut() async throws {
        let (a, b) = (Engine(), Engine())
        let link = try await self.connect(a, b)
        let session = try await a.opened()
        _ = try await b.opened()
        link.cut()
        #expect(try await a.closed() == "cut")
        #expect(try await b.closed() == "cut")
        // What comes afterwards does nothing.
        session.send(.smallAck(1))
    }

    @Test func whatIsSentBeforeTheByeArrives() async throws {
        let (a, b) = (Engine(), Engine())
        let link = try await self.connect(a, b)
        let session = try await a.opened()
        for number in 1...100 as ClosedRange<UInt64> { session.send(.smallAck(number)) }
        session.end(Bye(why: "window", detail: "closed", callAgain: Mesh.now))
        session.send(.smallAck(101))
        let acks = Mutex<[UInt64]>([])
        let bye = try await b.first { event -> Bye? in
            switch event {
            case .message(_, .smallAck(let bytes)):
                acks.withLock { $0.append(bytes) }
                return nil
            case .message(_, .bye(let bye)): return bye
            default: return nil
            }
        }
        #expect(acks.withLock { $0 } == Array(1...100))
        #expect(bye == Bye(why: "window", detail: "closed", callAgain: Mesh.now))
        #expect(try await a.closed() == "window")
        #expect(try await b.closed() == "window")
        link.cut()
    }

    @Test func aPeerThatBreaksTheRulesIsToldWhich() async throws {
        // Notes are numbered by the engine: the one rule that a session lets it break.
        let (a, b) = (Engine(), Engine())
        let link = try await self.connect(a, b)
        let session = try await a.opened()
        session.send(.note(number: 9, destination: self.harbour, hops: 1, .statement([1])))
        #expect(try await b.closed() == "protocol_violation")
        #expect(try await a.closed() == "protocol_violation")
        link.cut()
    }

    @Test func offersWaitForAnswers() async throws {
        let key = StatementKey()
        let count = Limits.offersUnansweredMax + 300
        let openings = try (1...count).map {
            try SignedOpening(opening: self.opening(UInt64($0), key: key), key: key)
        }
        let seen = Mutex<[SignedOpening]>([])
        let b = Engine { event in
            guard case .message(_, .offer(let some, _)) = event else { return }
            seen.withLock { $0 += some }
        }
        let a = Engine()
        let link = try await self.connect(a, b)
        let session = try await a.opened()
        session.send(.offer(openings, again: false))
        session.send(.withdrawn(openings[count - 1].id, why: "route"))
        let back = try await b.opened()
        _ = try await b.first { event -> Bool? in
            if case .message(_, .withdrawn) = event { true } else { nil }
        }
        #expect(seen.withLock { $0.count } == Limits.offersUnansweredMax)
        for opening in openings.prefix(400) {
            back.send(.answer(opening.id, .never(why: "no", detail: "")))
        }
        _ = try await a.first { event -> Bool? in
            if case .message(_, .answer(openings[399].id, _)) = event { true } else { nil }
        }
        session.send(.smallAck(0))
        _ = try await b.first { event -> Bool? in
            if case .message(_, .smallAck) = event { true } else { nil }
        }
        // The withdrawn one never went.
        #expect(seen.withLock { $0 } == Array(openings.dropLast()))
        link.cut()
    }

    @Test func smallParcelsWaitForTheGrantAndBlobsPass() async throws {
        let key = StatementKey()
        let content = [UInt8](repeating: 5, count: 50_000)
        let smalls = try (1...4).map {
            let draft = try SmallDraft(
                opening: self.opening(UInt64($0), key: key),
                size: content.count,
                digest: .sha256(content),
                codec: 0,
                content: content,
                key: key
            )
            return try SmallParcel.signed([draft], key: key)[0]
        }
        let (a, b) = (Engine(), Engine())
        let link = try await self.connect(a, b, smallGrant: 2 * 50_600)
        let session = try await a.opened()
        let back = try await b.opened()
        for small in smalls { session.serveSmall(.small(small, .empty, again: false), class: 1) }
        back.want(Blobs.parcel, [try Blobs.wanted(3)])
        _ = try await a.first { event -> Bool? in
            if case .message(_, .want) = event { true } else { nil }
        }
        let arrived = Mutex<[ParcelID]>([])
        let gather: @Sendable (SessionEvent) -> Void = { event in
            if case .message(_, .small(let small, _, _)) = event {
                arrived.withLock { $0.append(small.id) }
            }
        }
        session.serve(Blobs.parcel, class: 2, Blobs.served(RunSet([3...3])))
        _ = try await b.first { event -> Bool? in
            gather(event)
            if case .blob = event { return true } else { return nil }
        }
        #expect(arrived.withLock { $0 } == smalls.prefix(2).map(\.id))
        back.send(.smallAck(smalls[0].grantBytes + smalls[1].grantBytes))
        _ = try await b.first { event -> Bool? in
            gather(event)
            return arrived.withLock { $0.count } == 4 ? true : nil
        }
        #expect(arrived.withLock { $0 } == smalls.map(\.id))
        link.cut()
    }

    @Test func blobsThatCannotBeReadAreLeftOut() async throws {
        struct Damaged: Error {}
        let (a, b) = (Engine(), Engine())
        let link = try await self.connect(a, b)
        let session = try await a.opened()
        let back = try await b.opened()
        back.want(Blobs.parcel, [try Blobs.wanted(1), try Blobs.wanted(2), try Blobs.wanted(3)])
        _ = try await a.first { event -> Bool? in
            if case .message(_, .want) = event { true } else { nil }
        }
        let length = UInt32(Blobs.length)
        session.serve(
            Blobs.parcel,
            class: 2,
            [
                ServedBlob(number: 1, length: length) { throw Damaged() },
                ServedBlob(number: 2, length: length) { [1, 2, 3] },
                ServedBlob(number: 3, length: length) { Blobs.bytes(3) },
            ]
        )
        let number = try await b.first { event -> UInt64? in
            if case .blob(_, _, let number, _) = event { number } else { nil }
        }
        #expect(number == 3)
        link.cut()
    }
}
