import MeshCustody
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Synchronization
import Testing

/// What a node has of a file already is not written again, nor does it wait for the rest to land.
@Suite(.timeLimit(.minutes(5))) struct SecondVersionTests {
    private static let topology = """
        mesh: two
        nodes:
          o: {sends: {f: data}}
          hq: {listens: "127.0.0.1:1", receives: landed}
        links: [o -> hq]
        """

    @Test func anOriginDoesNotWriteAgainWhatItsCacheHas() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.topology, directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        let content = noise(8 << 20, seed: 5)
        try Scratch.write(content, to: "\(source)/one")
        #expect(try await mesh.node("o").send([source], id: 1).get().landed == 1)
        let spool = try await mesh.node("o").spool
        let before = spool.allocatedBytes
        try Scratch.write(content, to: "\(source)/two")
        #expect(try await mesh.node("o").send(["\(source)/two"], id: 2).get().landed == 1)
        #expect(spool.allocatedBytes.rawValue - before.rawValue < 1 << 20)
        let landing = try await mesh.home("hq").landing
        #expect(Scratch.read("\(landing)/o/f/two") == content)
        await mesh.stop()
    }

    @Test func aFileOfWhichAllPiecesAreHereIsWrittenWhileItsEntriesArrive() async throws {
        let scratch = try Scratch()
        let closings = Mutex(0)
        let mesh = try TestMesh(Self.topology, directory: scratch.path) { node, event in
            guard case .message(let session, .closing) = event, node.text == "hq" else {
                return event
            }
            // That of the second parcel is lost: it cannot be complete before the next call.
            let isSecond = closings.withLock { count in
                count += 1
                return count == 2
            }
            return isSecond ? .message(session, .smallAck(0)) : event
        }
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        let content = noise(8 << 20, seed: 5)
        try Scratch.write(content, to: "\(source)/one")
        #expect(try await mesh.node("o").send([source], id: 1).get().landed == 1)
        let steps = mesh.landings.steps.count
        try Scratch.write(content, to: "\(source)/two")
        async let sent = mesh.node("o").send(["\(source)/two"], id: 2)
        #expect(try await mesh.wait(for: "hq") { _ in closings.withLock { $0 } == 2 })
        #expect(try await mesh.wait(for: "hq") { _ in mesh.landings.steps.count > steps })
        #expect(mesh.landings.renames == 1)
        try await mesh.cut("o", "hq")
        try await mesh.connect("o", "hq")
        #expect(try await sent.get().landed == 1)
        let landing = try await mesh.home("hq").landing
        #expect(Scratch.read("\(landing)/o/f/two") == content)
        await mesh.stop()
    }
}
