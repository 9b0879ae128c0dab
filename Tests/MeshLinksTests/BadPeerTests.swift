import MeshIdentity
import MeshLinks
import MeshModel
import MeshProtocol
import NIOCore
import NIOPosix
import Synchronization
import Testing

/// Peers that break a rule are cut off, each with its code, and take no more than they may.
@Suite(.timeLimit(.minutes(5))) struct BadPeerTests {
    /// A listening node, and how it came out with those who called.
    struct Listener {
        let mesh: Mesh
        let engine: Engine
        let service: LinkService
        let port: Int
        let refusals: AsyncStream<any Error>

        init(
            _ engine: Engine = Engine(),
            handshake: Duration = .seconds(30),
            now: UnixMilliseconds = Mesh.now
        ) async throws {
            self.mesh = try Mesh()
            self.engine = engine
            let (refusals, refused) = AsyncStream<any Error>.makeStream()
            self.refusals = refusals
            var times = LinkTimes()
            times.handshake = handshake
            times.bye = .milliseconds(200)
            self.service = try self.mesh.service(
                "harbour",
                engine: engine,
                times: times,
                now: now
            ) { refused.yield($0) }
            self.port = try await self.service.listen(host: "127.0.0.1", port: 0)
        }

        func peer(reads: Bool = true) async throws -> RawPeer {
            try await RawPeer.connect(
                as: self.mesh.identity("buoy"),
                port: self.port,
                reads: reads
            )
        }

        func hello() throws -> Message { .hello(self.mesh.hello(try self.mesh.node("buoy"))) }

        /// The code of the next call that did not become a session.
        func refusal() async throws -> String {
            for await refusal in self.refusals {
                return try #require(refusal as? LinkError).detailCode
            }
            throw CancellationError()
        }
    }

    @Test(arguments: [false, true])
    func aFrameThatIsTooLongEndsTheCall(isAfterHello: Bool) async throws {
        let listener = try await Listener()
        let peer = try await listener.peer()
        if isAfterHello { try await peer.write(listener.hello()) }
        // Type 5, a length of 65,537, and nothing of it.
        await peer.write([5, 1, 0, 1])
        if isAfterHello {
            #expect(try await listener.engine.closed() == "frame_too_long")
        } else {
            #expect(try await listener.refusal() == "frame_too_long")
        }
        try await peer.closed()
        await listener.service.shutdown()
    }

    @Test func whoDoesNotBeginAHandshakeIsCutOff() async throws {
        let listener = try await Listener(handshake: .milliseconds(300))
        let stranger = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: listener.port).get()
        #expect(try await listener.refusal() == "timed_out")
        try await stranger.closeFuture.get()
        await listener.service.shutdown()
    }

    @Test func whoDripsAHandshakeIsCutOff() async throws {
        let listener = try await Listener(handshake: .milliseconds(300))
        let stranger = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: "127.0.0.1", port: listener.port).get()
        // The head of a ClientHello, byte by byte: activity alone buys no time.
        let drip = stranger.eventLoop.scheduleRepeatedTask(
            initialDelay: .zero,
            delay: .milliseconds(20)
        ) { _ in stranger.writeAndFlush(ByteBuffer(bytes: [0x16]), promise: nil) }
        let code = try await listener.refusal()
        #expect(["timed_out", "refused"].contains(code))
        drip.cancel()
        try await stranger.closeFuture.get()
        await listener.service.shutdown()
    }

    @Test func whoSaysNothingAfterTheHandshakeIsCutOff() async throws {
        let listener = try await Listener(handshake: .milliseconds(500))
        let peer = try await listener.peer()
        #expect(try await listener.refusal() == "timed_out")
        try await peer.closed()
        await listener.service.shutdown()
    }

    @Test func anExpiredCertificateIsRefused() async throws {
        let later = Mesh.now.adding(milliseconds: 40 * 86_400_000)
        let listener = try await Listener(now: later)
        let peer = try await listener.peer()
        #expect(try await listener.refusal() == "certificate_expired")
        try await peer.closed()
        await listener.service.shutdown()
    }

    @Test func aCertificateOfAnotherAuthorityIsRefused() async throws {
        let listener = try await Listener()
        let peer = try await RawPeer.connect(
            as: Mesh().identity("buoy"),
            port: listener.port
        )
        #expect(try await listener.refusal() == "certificate_refused")
        try await peer.closed()
        await listener.service.shutdown()
    }

    @Test func aPeerThatWantsAndDoesNotTakeIsCutOff() async throws {
        let served = Mutex(0)
        let engine = Engine { event in
            if case .message(let session, .want(let parcel, let numbers)) = event {
                served.withLock { $0 += 1 }
                session.serve(parcel, class: 2, Blobs.served(numbers))
            }
        }
        let listener = try await Listener(engine)
        let peer = try await listener.peer()
        try await peer.write(listener.hello())
        _ = try await engine.opened()
        try await peer.stopReading()
        // Asking again and again for the same is answered once.
        for _ in 0..<200 { try await peer.write(.want(Blobs.parcel, RunSet([0...30]))) }
        try await peer.write(.smallAck(0))
        _ = try await engine.first { event -> Bool? in
            if case .message(_, .smallAck) = event { true } else { nil }
        }
        #expect(served.withLock { $0 } == 200)
        // Ever more is not.
        let most = UInt64(Limits.servedBytesPerSessionMax / Blobs.length)
        try await peer.write(.want(Blobs.parcel, RunSet([100...200 + most])))
        #expect(try await engine.closed() == "protocol_violation")
        peer.close()
        await listener.service.shutdown()
    }

    @Test func aPeerThatSaysMoreThanCanBeHandledIsCutOff() async throws {
        let listener = try await Listener(Engine(isBusy: true))
        let peer = try await listener.peer()
        try await peer.write(listener.hello())
        _ = try await listener.engine.opened()
        let ack = try Message.ack(Blobs.parcel, RunSet([0...0])).frames().flatMap { $0 }
        let many = [[UInt8]](repeating: ack, count: 10_000).flatMap { $0 }
        let flood = Task { for _ in 0..<100 { await peer.write(many) } }
        #expect(try await listener.engine.closed() == "protocol_violation")
        try await peer.closed()
        await flood.value
        await listener.service.shutdown()
    }

    @Test func aPeerThatIsHandledMaySayAsMuchAsItLikes() async throws {
        let engine = Engine()
        let listener = try await Listener(engine)
        let peer = try await listener.peer()
        try await peer.write(listener.hello())
        let ack = try Message.ack(Blobs.parcel, RunSet([0...0])).frames().flatMap { $0 }
        let many = [[UInt8]](repeating: ack, count: 10_000).flatMap { $0 }
        for _ in 0..<30 { await peer.write(many) }
        try await peer.write(.bye(Bye(why: "done")))
        #expect(try await engine.closed() == "done")
        await listener.service.shutdown()
    }
}
