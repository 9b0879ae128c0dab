import MeshCustody
import MeshModel
import MeshProtocol
import MeshTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2))) struct LandingAheadTests {
    @Test func aFileIsWrittenWhileItArrives() async throws {
        let scratch = try Scratch()
        let closings = Mutex(0)
        let writesBefore = Mutex(0)
        let trace = Mutex<LandingTrace?>(nil)
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
            if case .message(_, .closing) = event, node.text == "hq" {
                closings.withLock { $0 += 1 }
                let wrote = trace.withLock { $0 }?.steps.count ?? 0
                writesBefore.withLock { $0 = wrote }
            }
            return event
        }
        trace.withLock { $0 = mesh.landings }
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        let content = noise(48 << 20, seed: 5)
        try Scratch.write(content, to: "\(source)/file")
        let report = try await mesh.node("o").send([source], id: 1).get()
        #expect(report.landed == 1)
        #expect(closings.withLock { $0 } == 1)
        #expect(writesBefore.withLock { $0 } > 0)
        let landing = try await mesh.home("hq").landing
        #expect(Scratch.read("\(landing)/o/f/file") == content)
        #expect(mesh.landings.renames == 1)
        await mesh.stop()
    }
}
