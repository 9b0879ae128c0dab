import Glibc
import MeshCustody
import MeshModel
import MeshTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct NoRoomTests {
    @Test func aNodeOnAFullFileSystemStopsAndGoesOnLater() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let content = noise(300_000, seed: 1)
        try Scratch.write(content, to: "\(source)/file")
        try await mesh.startAll()
        let disk = try #require(try await mesh.disk("relay") as? FaultyDisk)
        disk.failNextSync(ENOSPC)
        async let sent = mesh.node("origin").send([source], id: 1)
        let ended = try await mesh.node("relay").end()
        let error = #expect(throws: EngineError.self) { try ended.get() }
        // The command ends with 75: try later.
        #expect(error?.code == "no_room")
        try await mesh.crash("relay")
        try await mesh.restart("relay")
        #expect(try await sent.get().landed == 1)
        let landing = try await mesh.home("collector").landing
        #expect(Scratch.read("\(landing)/origin/files/file") == content)
        await mesh.stop()
    }

    /// Others fill the file system: what is offered waits as it does for the limit.
    @Test func aFullFileSystemMakesOffersWait() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let content = noise(3 << 20, seed: 1)
        try Scratch.write(content, to: "\(source)/file")
        let disk = try #require(try await mesh.disk("relay") as? FaultyDisk)
        disk.setFreeBytes(40 << 20)
        try await mesh.startAll()
        async let sent = mesh.node("origin").send([source], id: 1)
        #expect(try await mesh.wait(for: "relay") { $0.counts["offers_waiting"] == 1 })
        disk.setFreeBytes(1 << 40)
        #expect(try await mesh.wait(for: "relay") { $0.counts["offers_waiting"] == 0 })
        #expect(try await sent.get().landed == 1)
        let landing = try await mesh.home("collector").landing
        #expect(Scratch.read("\(landing)/origin/files/file") == content)
        await mesh.stop()
    }
}
