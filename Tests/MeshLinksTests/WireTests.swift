import MeshLinks
import MeshModel
import MeshProtocol
import NIOCore
import NIOPosix
import Testing

/// The bytes that status and the demo show are those of the wire.
@Suite(.timeLimit(.minutes(5))) struct WireTests {
    private static let blobs: UInt64 = 64
    private static let payload = Self.blobs * UInt64(Blobs.length)

    @Test func theBytesOnAWireAreThoseOfTheFilesAndAFewMore() async throws {
        let mesh = try Mesh()
        let (buoy, harbour) = (try mesh.node("buoy"), try mesh.node("harbour"))
        let giver = Blobs.giver()
        let taker = Blobs.taker(try (0..<Self.blobs).map { try Blobs.wanted($0) })
        let (given, taken) = (WireBook(), WireBook())
        let listener = try mesh.service("harbour", engine: taker, wires: taken)
        let dialler = try mesh.service("buoy", engine: giver, wires: given)
        #expect(given.total(of: harbour) == nil)
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        _ = try await dialler.dial(host: "127.0.0.1", port: port, expecting: harbour)
        #expect(try await taker.closed() == "done")
        #expect(try await giver.closed() == "done")
        await dialler.shutdown()
        await listener.shutdown()

        let out = try #require(given.total(of: harbour))
        let into = try #require(taken.total(of: buoy))
        #expect(out.payloadSent == Self.payload)
        #expect(into.payloadSent == 0)
        // Heads, TLS records and both handshakes: less than a hundredth.
        #expect(out.sent > Self.payload && out.sent < Self.payload / 100 * 101, "\(out)")
        // What left one end has come to the other, but for the last words of TLS.
        #expect(into.received <= out.sent && into.received + 64 >= out.sent, "\(out) \(into)")
        #expect(out.received <= into.sent && out.received + 64 >= into.sent, "\(out) \(into)")
        // TLS alone takes more than this for its handshake; wants and acks are small.
        #expect(out.received > 1_000 && out.received < Self.payload / 100)
        // Nothing is up any more.
        #expect(given.call(with: harbour) == nil && taken.call(with: buoy) == nil)
    }

    @Test func aWireCountsOnInTheNextCall() async throws {
        let mesh = try Mesh()
        let harbour = try mesh.node("harbour")
        let book = WireBook()
        let listener = try mesh.service("harbour", engine: Engine())
        let dialler = try mesh.service("buoy", engine: Engine(), wires: book)
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        var totals: [UInt64] = []
        for _ in 0..<2 {
            _ = try await dialler.dial(host: "127.0.0.1", port: port, expecting: harbour)
            totals.append(try #require(book.total(of: harbour)).sent)
            #expect(try #require(book.call(with: harbour)).sent > 500)
        }
        #expect(totals[1] > totals[0] + 500, "\(totals)")
        await dialler.shutdown()
        await listener.shutdown()
    }

    @Test func aStrangerCountsForNobody() async throws {
        let (mesh, other) = (try Mesh(), try Mesh())
        let book = WireBook()
        let listener = try mesh.service("harbour", engine: Engine(), wires: book)
        let stranger = try other.service("buoy", engine: Engine())
        let port = try await listener.listen(host: "127.0.0.1", port: 0)
        await #expect(throws: LinkError.self) {
            _ = try await stranger.dial(
                host: "127.0.0.1",
                port: port,
                expecting: other.node("harbour")
            )
        }
        await stranger.shutdown()
        await listener.shutdown()
        #expect(try book.total(of: mesh.node("buoy")) == nil)
    }

    @Test func aPipeCountsItsFrames() async throws {
        let mesh = try Mesh()
        let (buoy, harbour) = (try mesh.node("buoy"), try mesh.node("harbour"))
        let hellos = (mesh.hello(buoy), mesh.hello(harbour))
        let giver = Blobs.giver()
        let taker = Blobs.taker(try (0..<Self.blobs).map { try Blobs.wanted($0) })
        let a = LinkSide(hello: { _ in hellos.0 }, events: giver.hear)
        let b = LinkSide(hello: { _ in hellos.1 }, events: taker.hear)
        let link = try await PipeLink.connect(
            buoy,
            a,
            harbour,
            b,
            on: MultiThreadedEventLoopGroup.singleton
        )
        #expect(try await taker.closed() == "done")
        #expect(try await giver.closed() == "done")
        link.cut()
        let out = try #require(a.wires.total(of: harbour))
        let into = try #require(b.wires.total(of: buoy))
        #expect(out.payloadSent == Self.payload)
        #expect(out.sent > Self.payload && out.sent < Self.payload / 100 * 101)
        #expect(into.received == out.sent)
    }
}
