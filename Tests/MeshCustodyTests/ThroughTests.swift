import MeshContent
import MeshCustody
import MeshModel
import MeshSpool
import MeshTesting
import Synchronization
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

    @Test func roomThatComesBackByItselfIsUsed() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.narrow, directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        let disk = try #require(try await mesh.disk("r") as? FaultyDisk)
        for node in ["o", "r", "hq"] { try await mesh.start(node) }
        let content = noise(70 << 20, seed: 1)
        try Scratch.write(content, to: "\(source)/large")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        try await mesh.connect("hq", "r")
        try await mesh.connect("o", "r")
        #expect(try await mesh.waitForTrace(of: "large", at: "r") { $0.hasPrefix("arriving") })
        // Somebody else fills the file system but for the reserve, until nothing moves, and leaves.
        disk.setFreeBytes(56 << 20)
        let seen = Mutex((used: Int64(0), times: 0))
        let isStill = try await mesh.wait(for: "hq") { report in
            seen.withLock { seen in
                let used = report.spool.used
                seen = (used, seen.used == used ? seen.times + 1 : 0)
                return seen.times == 50
            }
        }
        #expect(isStill)
        #expect(try await mesh.waitForTrace(of: "large", at: "r") { $0.hasPrefix("arriving") })
        disk.setFreeBytes(1 << 40)
        #expect(try await mesh.waitForTrace(of: "large", at: "r") { !$0.hasPrefix("arriving") })
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.landed == 1 })
        let landing = try await mesh.home("hq").landing
        #expect(Scratch.read("\(landing)/o/f/large") == content)
        await mesh.stop()
    }
}
