import MeshLinks
import MeshModel
import MeshProtocol
import NIOCore
import NIOPosix
import Testing

/// Calls over a line that forgets them without a word, in a fifth of the time.
///
/// Not less: on a busy machine who lives may answer some seconds late, and is not to be cut for it.
@Suite(.timeLimit(.minutes(5))) struct DeadCallTests {
    static let times: LinkTimes = {
        var times = LinkTimes().divided(by: 5)
        (times.handshake, times.probe) = (LinkTimes().handshake, LinkTimes().probe)
        return times
    }()

    /// Two nodes with a line between them.
    struct Pair {
        let mesh: Mesh
        let dialler: LinkService
        let listener: LinkService
        let line: Proxy

        init(_ dialling: Engine, _ listening: Engine) async throws {
            self.mesh = try Mesh()
            self.dialler = try self.mesh.service("buoy", engine: dialling, times: times)
            self.listener = try self.mesh.service("harbour", engine: listening, times: times)
            let port = try await self.listener.listen(host: "127.0.0.1", port: 0)
            self.line = try Proxy(to: UInt16(port))
        }

        @discardableResult
        func dial() async throws -> any Session {
            try await self.dialler.dial(
                host: "127.0.0.1",
                port: Int(self.line.port),
                expecting: self.mesh.node("harbour")
            )
        }

        func end() async {
            await self.dialler.shutdown()
            self.line.stop()
            await self.listener.shutdown()
        }
    }

    @Test(arguments: [false, true])
    func bothEndsOfATransferNoticeAndTheNextCallGoesOn(isDiallerGiving: Bool) async throws {
        let giver = Blobs.giver()
        // Wants the next when one has come; the test forgets the line after the third.
        let wanted = try (0..<10).map { try Blobs.wanted($0) }
        let taker = Engine { event in
            switch event {
            case .opened(let session, _): session.want(Blobs.parcel, [wanted[0]])
            case .blob(let session, _, let number, _) where number < 2:
                session.want(Blobs.parcel, [wanted[Int(number) + 1]])
            default: break
            }
        }
        let pair = try await Pair(
            isDiallerGiving ? giver : taker,
            isDiallerGiving ? taker : giver
        )
        try await pair.dial()
        let session = try await taker.first { event -> (any Session)? in
            if case .blob(let session, _, 2, _) = event { session } else { nil }
        }
        pair.line.forget()
        session.want(Blobs.parcel, Array(wanted[3...]))
        #expect(try await taker.closed() == "silent")
        // The giver has sent, or not: both ends of an idle call notice in the end.
        #expect(try await giver.closed() == "silent")
        try await pair.dial()
        _ = try await taker.first { event -> Bool? in
            if case .blob(_, _, 2, _) = event { true } else { nil }
        }
        await pair.end()
    }

    @Test func aLivingPeerThatOwesForLongIsNotCut() async throws {
        // The peer has nothing of what is wanted, for three times the silence that ends a call.
        let taker = Engine { event in
            if case .opened(let session, _) = event, let wanted = try? Blobs.wanted(1) {
                session.want(Blobs.parcel, [wanted])
            }
        }
        let giver = Engine()
        let pair = try await Pair(taker, giver)
        try await pair.dial()
        let session = try await giver.opened()
        try await MultiThreadedEventLoopGroup.singleton.any()
            .scheduleTask(in: TimeAmount(Self.times.silence * 3)) {}.futureResult.get()
        session.serve(Blobs.parcel, class: 2, Blobs.served(RunSet([1...1])))
        _ = try await taker.first { event -> Bool? in
            switch event {
            case .blob: true
            case .closed: false
            default: nil
            }
        }
        await pair.end()
    }

    @Test func aProbeIsAnsweredByWhoLives() async throws {
        let (a, b) = (Engine(), Engine())
        let pair = try await Pair(a, b)
        try await pair.dial()
        let session = try await b.opened()
        session.probe()
        _ = try await b.first { if case .alive = $0 { true } else { nil } }
        pair.line.forget()
        session.probe()
        #expect(try await b.closed() == "silent")
        await pair.end()
    }
}
