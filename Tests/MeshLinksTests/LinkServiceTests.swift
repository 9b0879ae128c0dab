import MeshIdentity
import MeshLinks
import MeshModel
import MeshProtocol
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(5))) struct LinkServiceTests {
    @Test func sixtyFourMebibytesCrossALoopback() async throws {
        let mesh = try Mesh()
        let giver = Blobs.giver()
        let taker = Blobs.taker(try (0..<256).map { try Blobs.wanted($0) })
        let listener = try mesh.service("harbour", engine: taker)
        let dialler = try mesh.service("buoy", engine: giver)
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        let session = try await dialler.dial(
            host: "127.0.0.1",
            port: port,
            expecting: mesh.node("harbour")
        )
        #expect(session.isDialler)
        #expect(session.peer.text == "harbour")
        #expect(try await taker.closed() == "done")
        #expect(try await giver.closed() == "done")
        await dialler.shutdown()
        await listener.shutdown()
    }

    @Test func aStrangersCertificateIsRefusedByBothEnds() async throws {
        let mesh = try Mesh()
        let other = try Mesh()
        let (refusals, refused) = AsyncStream<any Error>.makeStream()
        let listener = try mesh.service("harbour", engine: Engine()) { refused.yield($0) }
        let port = try await listener.listen(host: "127.0.0.1", port: 0)

        let stranger = try other.service("buoy", engine: Engine())
        var error = await #expect(throws: LinkError.self) {
            _ = try await stranger.dial(
                host: "127.0.0.1",
                port: port,
                expecting: other.node("harbour")
            )
        }
        #expect(error?.code == .notTrusted)

        // One that would believe the listener is still not believed by it.
        let gullible = try other.service("buoy", engine: Engine(), trusting: mesh.authority)
        error = await #expect(throws: LinkError.self) {
            _ = try await gullible.dial(
                host: "127.0.0.1",
                port: port,
                expecting: mesh.node("harbour")
            )
        }
        #expect(error?.code == .refused)
        var codes: [LinkError.Code] = []
        for await refusal in refusals {
            codes.append(try #require(refusal as? LinkError).code)
            if codes.count == 2 { break }
        }
        #expect(codes.contains(.notTrusted))
        for service in [listener, stranger, gullible] { await service.shutdown() }
    }

    @Test func anotherNodeAtTheAddressIsRefused() async throws {
        let mesh = try Mesh()
        let listener = try mesh.service("harbour", engine: Engine())
        let dialler = try mesh.service("buoy", engine: Engine())
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        let error = await #expect(throws: LinkError.self) {
            _ = try await dialler.dial(
                host: "127.0.0.1",
                port: port,
                expecting: mesh.node("lighthouse")
            )
        }
        #expect(error?.code == .wrongNode)
        await dialler.shutdown()
        await listener.shutdown()
    }

    @Test func aNodeNameThatLooksLikeAnAddressCanBeDialled() async throws {
        let mesh = try Mesh()
        let listener = try mesh.service("10.0.0.1", engine: Engine())
        let dialler = try mesh.service("buoy", engine: Engine())
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        let session = try await dialler.dial(
            host: "127.0.0.1",
            port: port,
            expecting: mesh.node("10.0.0.1")
        )
        #expect(session.peer.text == "10.0.0.1")
        await dialler.shutdown()
        await listener.shutdown()
    }

    @Test func anotherMeshIsToldSo() async throws {
        let mesh = try Mesh()
        let engine = Engine()
        let listener = try mesh.service("harbour", engine: engine)
        let dialler = try mesh.service(
            "buoy",
            engine: Engine(),
            mesh: MeshName("elsewhere")
        )
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        let error = await #expect(throws: LinkError.self) {
            _ = try await dialler.dial(
                host: "127.0.0.1",
                port: port,
                expecting: mesh.node("harbour")
            )
        }
        #expect(error?.code == .incompatible)
        #expect((error?.cause as? ProtocolError)?.code == .wrongMesh)
        await dialler.shutdown()
        await listener.shutdown()
    }

    @Test func nobodyAtTheAddressIsUnreachable() async throws {
        let mesh = try Mesh()
        let listener = try mesh.service("harbour", engine: Engine())
        let dialler = try mesh.service("buoy", engine: Engine())
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        await listener.shutdown()
        let error = await #expect(throws: LinkError.self) {
            _ = try await dialler.dial(
                host: "127.0.0.1",
                port: port,
                expecting: mesh.node("harbour")
            )
        }
        #expect(error?.code == .unreachable)
        #expect(error?.message.hasSuffix(": Connection refused.") == true)
        await dialler.shutdown()
    }

    @Test func shuttingDownSaysBye() async throws {
        let mesh = try Mesh()
        let engine = Engine()
        let listener = try mesh.service("harbour", engine: engine)
        let dialler = try mesh.service("buoy", engine: Engine())
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        _ = try await dialler.dial(host: "127.0.0.1", port: port, expecting: mesh.node("harbour"))
        await dialler.shutdown()
        #expect(try await engine.closed() == "stopping")
        await listener.shutdown()
    }

    @Test func strangersWhoSayNothingAreBounded() async throws {
        let mesh = try Mesh()
        let (refusals, refused) = AsyncStream<any Error>.makeStream()
        let engine = Engine()
        // None of them runs out of its time, however slow the machine is.
        var times = LinkTimes()
        times.handshake = .seconds(3_600)
        let listener = try mesh.service("harbour", engine: engine, times: times) {
            refused.yield($0)
        }
        let dialler = try mesh.service("buoy", engine: Engine(), times: times)
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        var silent: [any Channel] = []
        for _ in 0..<Limits.handshakesMax {
            silent.append(
                try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .connect(host: "127.0.0.1", port: port).get()
            )
        }
        let error = await #expect(throws: LinkError.self) {
            _ = try await dialler.dial(
                host: "127.0.0.1",
                port: port,
                expecting: mesh.node("harbour")
            )
        }
        #expect(error?.code == .refused)
        // Once one of them leaves there is room again.
        try await silent[0].close()
        var codes: [LinkError.Code?] = []
        for await refusal in refusals {
            codes.append((refusal as? LinkError)?.code)
            if codes.count == 2 { break }
        }
        #expect(codes == [.tooManyHandshakes, .refused])
        _ = try await dialler.dial(host: "127.0.0.1", port: port, expecting: mesh.node("harbour"))
        _ = try await engine.opened()
        for channel in silent.dropFirst() { try? await channel.close() }
        await dialler.shutdown()
        await listener.shutdown()
    }
}
