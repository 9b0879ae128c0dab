import MeshContent
import MeshCustody
import MeshModel
import MeshSpool
import MeshTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct ThroughTests {
    static let narrow = """
        mesh: narrow
        nodes:
          o: {sends: {f: data}, spool: 256 MiB}
          r: {listens: "127.0.0.1:1", spool: 64 MiB}
          hq: {receives: landed, spool: 256 MiB}
        links: [o -> r, hq -> r]
        """

    @Test func aFileLargerThanTheRelayGoesThroughIt() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.narrow, directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        let content = noise(100 << 20, seed: 1)
        try Scratch.write(content, to: "\(source)/large")
        let report = try await mesh.node("o").send([source], id: 1).get()
        #expect(report.landed == 1)
        let landing = try await mesh.home("hq").landing
        #expect(Scratch.read("\(landing)/o/f/large") == content)
        let parcel = try #require(await mesh.node("o").trace("large").parcels.first)
        // The relay was never its custodian: the collector's word came through to the origin.
        #expect(parcel.events.contains { $0.what == "custody" && $0.node == "hq" })
        #expect(!parcel.events.contains { $0.what == "custody" && $0.node == "r" })
        #expect(try await mesh.settle())
        await mesh.stop()
    }
}
