import Foundation
import MeshCustody
import MeshFiles
import MeshModel
import MeshSpool
import MeshTesting
import Synchronization
import Testing

// What comes between the first blob of a file in its place and its landing.
extension LandingInPlaceTests {
    /// The same with a relay on a second way.
    private static let twoWays = """
        mesh: two
        nodes:
          o: {sends: {f: data}}
          r: {listens: "127.0.0.1:1"}
          hq: {receives: {f: {path: landed, copy: false}}, listens: "127.0.0.1:2"}
        links: [o -> hq, o -> r, r -> hq]
        """

    /// Sends a file of which five blobs come; returns once these are durable in its place.
    private static func sendFiveBlobs(_ mesh: TestMesh, _ watch: Watch) async throws {
        watch.blobsMax.store(5, ordering: .releasing)
        let source = try await mesh.home("o").source("f")
        try Scratch.write(Self.content, to: "\(source)/file")
        #expect(try await mesh.node("o").send([source], wait: nil, id: 1).get().files == 1)
        #expect(try await Self.isPlaced(mesh) { 5 })
    }

    /// Those that were durable in its place did not come again.
    private static func expectOnlyTheRestCame(_ watch: Watch) {
        let came = watch.came.withLock { $0 }
        #expect(came.count > 5)
        #expect(came.filter { $0 < 5 } == [0, 1, 2, 3, 4])
    }

    @Test func afterACrashAmidTheFileOnlyTheRestIsAskedFor() async throws {
        let scratch = try Scratch()
        let watch = Watch()
        let mesh = try Self.mesh(scratch, watch)
        try await mesh.startAll()
        try await Self.sendFiveBlobs(mesh, watch)
        try await mesh.crash("hq")
        watch.blobsMax.store(.max, ordering: .releasing)
        try await mesh.restart("hq")
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.landed == 1 })
        Self.expectOnlyTheRestCame(watch)
        #expect(try await Self.blobsInLog(mesh) == 0)
        try await Self.expectLanded(mesh)
    }

    @Test func anotherGiverGoesOnWithTheFile() async throws {
        let scratch = try Scratch()
        let watch = Watch()
        let mesh = try Self.mesh(scratch, watch, Self.twoWays)
        for node in ["o", "r", "hq"] { try await mesh.start(node) }
        try await mesh.connect("o", "hq")
        try await Self.sendFiveBlobs(mesh, watch)
        try await mesh.cut("o", "hq")
        watch.blobsMax.store(.max, ordering: .releasing)
        try await mesh.connect("o", "r")
        #expect(try await mesh.waitForTrace(of: "file", at: "r") { $0.hasPrefix("held") })
        try await mesh.connect("r", "hq")
        #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
        Self.expectOnlyTheRestCame(watch)
        try await mesh.connect("o", "hq")
        try await Self.expectLanded(mesh)
    }

    @Test func noMoreThanEightFilesAreWrittenInTheirPlaceAtATime() async throws {
        let scratch = try Scratch()
        let watch = Watch()
        watch.losesClosings.store(true, ordering: .releasing)
        let mesh = try Self.mesh(scratch, watch)
        try await mesh.startAll()
        let source = try await mesh.home("o").source("f")
        let contents = (0..<11).map { noise(150_000 + $0, seed: 100 + UInt64($0)) }
        for (number, content) in contents.enumerated() {
            try Scratch.write(content, to: "\(source)/\(number)")
        }
        #expect(try await mesh.node("o").send([source], wait: nil, id: 1).get().files == 11)
        let index = try #require(try await mesh.node("hq").spool.index as? Index)
        #expect(
            try await mesh.wait(for: "hq") { _ in
                (try? index.openLandings().count) == 8 && watch.came.withLock { $0.count } >= 11
            }
        )
        #expect(try await Self.temporaries(mesh).count == 8)
        try await Self.sendTheClosing(mesh, watch)
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.landed == 11 })
        let landing = try await mesh.home("hq").landing
        for (number, content) in contents.enumerated() {
            #expect(Scratch.read("\(landing)/o/f/\(number)") == content)
        }
        #expect(try await Self.blobsInLog(mesh) >= 3)
        #expect(try await Self.temporaries(mesh) == [])
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    @Test func aFileWhoseLandingIsForbiddenAtARestartIsAskedForAgain() async throws {
        try await Self.written { mesh, watch, landed in
            try await mesh.adjust("hq") { $0.landings = [:] }
            try await mesh.restart("hq")
            let index = try #require(try await mesh.node("hq").spool.index as? Index)
            #expect(try await mesh.wait(for: "hq") { _ in (try? index.openLandings()) == [] })
            try await mesh.crash("hq", kept: .everything)
            try await mesh.adjust("hq") { _ in }
            try await mesh.restart("hq")
            #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
            #expect(Scratch.read(landed) == Self.content)
            #expect(watch.blobs.withLock { $0 } > 0)
        }
    }

    /// The giver has let go of it by then: the file in its place is all that there is.
    @Test(arguments: ["away", "hq/landed/away"])
    func aFileWhoseDirectoryIsAwayAfterCustodyLandsOnceItIsBack(_ place: String) async throws {
        let scratch = try Scratch()
        let mesh = try await Self.send(scratch) {
            try await $0.arm("hq", at: .afterCustodyRecord)
        }
        _ = try await mesh.node("hq").end()
        try await mesh.crash("hq", kept: .everything)
        let directory = try await mesh.home("hq").landing + "/o"
        let away = "\(scratch.path)/\(place)"
        try FileManager.default.moveItem(atPath: directory, toPath: away)
        try await mesh.restart("hq")
        #expect(try await mesh.waitForTrace(of: "file", at: "o") { $0.hasPrefix("passed") })
        #expect(
            try await mesh.waitForTrace(of: "file", at: "hq") { $0.contains("landing_missing") }
        )
        try FileManager.default.moveItem(atPath: away, toPath: directory)
        _ = try await mesh.retry(.all, at: "hq").get()
        try await Self.expectLanded(mesh)
    }
}
