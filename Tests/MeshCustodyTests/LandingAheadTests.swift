import MeshCustody
import MeshModel
import MeshProtocol
import MeshTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct LandingAheadTests {
    @Test func aFileIsWrittenWhileItArrives() async throws {
        let scratch = try Scratch()
        let closings = Mutex(0)
        let mesh = try TestMesh(
            """
            mesh: two
            nodes:
              o: {sends: {f: data}}
              hq: {listens: "127.0.0.1:1", receives: landed}
            links: [o -> hq]
            """,
            directory: scratch.path
        ) { node, event in
            guard case .message(let session, .closing) = event, node.text == "hq" else {
                return event
            }
            // The first one is lost: nothing can be complete before the next call.
            let isFirst = closings.withLock { count in
                count += 1
                return count == 1
            }
            return isFirst ? .message(session, .smallAck(0)) : event
        }
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        let content = noise(8 << 20, seed: 5)
        try Scratch.write(content, to: "\(source)/file")
        async let sent = mesh.node("o").send([source], id: 1)
        #expect(try await mesh.wait(for: "hq") { _ in !mesh.landings.steps.isEmpty })
        #expect(try await mesh.wait(for: "hq") { _ in closings.withLock { $0 } == 1 })
        #expect(mesh.landings.renames == 0)
        try await mesh.cut("o", "hq")
        try await mesh.connect("o", "hq")
        #expect(try await sent.get().landed == 1)
        let landing = try await mesh.home("hq").landing
        #expect(Scratch.read("\(landing)/o/f/file") == content)
        #expect(mesh.landings.renames == 1)
        await mesh.stop()
    }

    @Test func filesOfAFlowWithTreesLandAsTheyWere() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(
            """
            mesh: two
            nodes:
              o: {sends: {f: data}}
              hq: {listens: "127.0.0.1:1", receives: landed}
            links: [o -> hq]
            flows: {f: {digest: tree}}
            """,
            directory: scratch.path
        )
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        let text = Array(String(repeating: "tide 2.4 m, wind south. ", count: 60_000).utf8)
        let files = [
            "mixed": noise(3 << 20, seed: 5) + text + [UInt8](repeating: 0, count: 2 << 20),
            "small": noise(900, seed: 6), "empty": [],
        ]
        for (name, content) in files { try Scratch.write(content, to: "\(source)/\(name)") }
        #expect(try await mesh.node("o").send([source], id: 1).get().landed == files.count)
        let landing = try await mesh.home("hq").landing
        for (name, content) in files {
            #expect(Scratch.read("\(landing)/o/f/\(name)") == content)
        }
        await mesh.stop()
    }
}
