import Foundation
import Glibc
import MeshCustody
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import MeshTopology
import Testing

/// Files that are not copied into the spool: the source stands for them until custody has passed.
@Suite(.serialized, .timeLimit(.minutes(5))) struct NotCopiedTests {
    static let topology = """
        mesh: two
        nodes:
          o: {sends: {f: {path: data, copy: false}, g: other}, spool: 64 MiB}
          hq: {receives: landed, listens: "127.0.0.1:1", spool: 1 GiB}
        links: [o -> hq]
        """

    /// A mesh whose origin keeps little in memory, so that most is made again from the file.
    static func mesh(_ topology: String, _ scratch: Scratch) async throws -> TestMesh {
        let mesh = try TestMesh(topology, directory: scratch.path)
        try await mesh.set("o", freshBytes: 1 << 20)
        return mesh
    }

    static func blobs(_ mesh: TestMesh) async throws -> Int {
        let disk = try #require(try await mesh.disk("o") as? FaultyDisk)
        return try FoundRecord.all(on: disk).count { $0.kind == .blob }
    }

    /// Waits, with time going on, until so many files of the first flow have landed.
    static func landed(_ mesh: TestMesh, _ count: UInt64) async throws -> Bool {
        try await mesh.wait(for: "o") { status in
            mesh.clock.advance(milliseconds: 100)
            return status.flows.first?.landed == count
        }
    }

    /// A mesh whose origin has captured a file, and where no call is up yet.
    static func held(
        _ content: [UInt8],
        _ body: (TestMesh, _ file: String, _ landed: String) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        let mesh = try await Self.mesh(Self.topology, scratch)
        for node in ["o", "hq"] { try await mesh.start(node) }
        let file = try await mesh.home("o").source("f") + "/file"
        try Scratch.write(content, to: file)
        let refused = try await mesh.node("o").send([file], wait: .held, id: 1)
        let error = #expect(throws: EngineError.self) { try refused.get() }
        #expect(error?.code == "not_copied")
        #expect(try await mesh.node("o").send([file], wait: nil, id: 2).get().files == 1)
        #expect(try await mesh.waitForTrace(of: "file", at: "o") { $0.hasPrefix("held") })
        try await body(mesh, file, try await mesh.home("hq").landing + "/o/f/file")
        await mesh.stop()
    }

    @Test func aFileThatIsLargerThanTheSpoolOfItsOriginLands() async throws {
        let scratch = try Scratch()
        let mesh = try await Self.mesh(Self.topology, scratch)
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        // Some of it compresses, and some is a hole.
        var content = noise(66 << 20, seed: 1)
        content.replaceSubrange(8 << 20..<10 << 20, with: repeatElement(7, count: 2 << 20))
        content.replaceSubrange(20 << 20..<24 << 20, with: repeatElement(0, count: 4 << 20))
        try Scratch.write(content, to: "\(source)/file")
        try Scratch.write(noise(3_000, seed: 2), to: "\(source)/small")
        #expect(try await mesh.node("o").send([source], id: 1).get().landed == 2)
        let landing = try await mesh.home("hq").landing
        #expect(isSame("\(landing)/o/f/file", content))
        #expect(try await Self.blobs(mesh) == 0)
        #expect(try await mesh.node("o").spool.allocatedBytes.rawValue < 1 << 20)
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    @Test func whatWaitsInASourceIsNoMoreThanASpoolWouldHold() async throws {
        let scratch = try Scratch()
        let mesh = try await Self.mesh(Self.topology, scratch)
        for node in ["o", "hq"] { try await mesh.start(node) }
        let source = try await mesh.home("o").source("f")
        for number in 1...5 as ClosedRange<UInt64> {
            try Scratch.write(noise(20 << 20, seed: number), to: "\(source)/\(number)")
        }
        async let sent = mesh.node("o").send([source], id: 1)
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.held == 3 })
        mesh.clock.advance(milliseconds: 5_000)
        #expect(!(try await mesh.wait(for: "o", seconds: 1) { $0.flows.first?.held != 3 }))
        try await mesh.connect("o", "hq")
        #expect(try await Self.landed(mesh, 5))
        #expect(try await sent.get().landed == 5)
        await mesh.stop()
    }

    @Test(arguments: [true, false])
    func whatIsHeldIsReadFromTheFileAgainAlsoAfterACrash(crashes: Bool) async throws {
        var content = noise(3 << 20, seed: 3)
        content.replaceSubrange(1 << 20..<2 << 20, with: repeatElement(7, count: 1 << 20))
        try await Self.held(content) { mesh, _, landed in
            if crashes {
                try await mesh.crash("o")
                try await mesh.start("o")
            }
            try await mesh.connect("o", "hq")
            #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
            #expect(isSame(landed, content))
            #expect(try await Self.blobs(mesh) == 0)
            #expect(try await mesh.node("o").trace("file").parcels.count == 1)
            #expect(try await mesh.settle())
        }
    }

    @Test(arguments: [CrashPoint.afterOpeningSync, .midSlice, .afterClosing, .onCustodyArrival])
    func aCrashOfTheOriginCostsNothing(point: CrashPoint) async throws {
        let scratch = try Scratch()
        let mesh = try await Self.mesh(Self.topology, scratch)
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        try await mesh.arm("o", at: point)
        let content = noise(3 << 20, seed: 4)
        try Scratch.write(content, to: "\(source)/file")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1)
        _ = try await mesh.node("o").end()
        #expect(mesh.hasCrashed)
        try await mesh.crash("o")
        try await mesh.restart("o")
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.landed == 1 })
        #expect(try await mesh.node("o").trace("file").parcels.count == 1)
        let landing = try await mesh.home("hq").landing
        #expect(isSame("\(landing)/o/f/file", content))
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    @Test func aFileThatChangedBeforeItHadLeftIsGivenUpAndSentAnew() async throws {
        try await Self.held(noise(3 << 20, seed: 5)) { mesh, file, landed in
            var content = noise(3 << 20, seed: 5)
            // The last of it is still in memory, and would be as good as it was.
            content[1 << 19] ^= 1
            try Scratch.write(content, to: file)
            try await mesh.connect("o", "hq")
            #expect(try await mesh.wait(for: "o") { $0.flows.first?.landed == 1 })
            #expect(isSame(landed, content))
            let parcels = try await mesh.node("o").trace("file").parcels
            #expect(parcels.map(\.state) == ["landed", "abandoned"])
            #expect(try await mesh.settle())
        }
    }

    @Test func whatACommandHandedOverIsSentAnewWhenItChanged() async throws {
        let scratch = try Scratch()
        let line = Self.topology + "\nflows: {f: {done-when: sent}}"
        let mesh = try await Self.mesh(line, scratch)
        for node in ["o", "hq"] { try await mesh.start(node) }
        let file = try await mesh.home("o").source("f") + "/file"
        try Scratch.write(noise(3 << 20, seed: 5), to: file)
        _ = try await mesh.node("o").send([file], wait: nil, id: 1).get()
        #expect(try await mesh.waitForTrace(of: "file", at: "o") { $0.hasPrefix("held") })
        let content = noise(3 << 20, seed: 6)
        try Scratch.write(content, to: file)
        try await mesh.connect("o", "hq")
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.landed == 1 })
        #expect(isSame(try await mesh.home("hq").landing + "/o/f/file", content))
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    @Test func whatWasNotCopiedIsNotHeldThoughTheSourceIsCopiedNow() async throws {
        try await Self.held(noise(900_000, seed: 11)) { mesh, file, _ in
            try await mesh.crash("o", kept: .everything)
            let home = try await mesh.home("o").directory
            let copied = Self.topology.replacing(", copy: false", with: "")
            let view = try View(
                of: #require(NodeName("o")),
                in: Topology.parse(copied, file: "test.yaml"),
                serial: 1
            ).resolvingPaths(beneath: home)
            try await mesh.adjust("o") { $0.view = view }
            try await mesh.start("o")
            let again = try await mesh.node("o").send([file], wait: .held, id: 3).get()
            #expect(again.refused?.map(\.why) == ["not_copied"])
        }
    }

    @Test func aLongFileThatWaitsInItsSourceHoldsUpNoOther() async throws {
        let scratch = try Scratch()
        let line = Self.topology.replacing("spool: 64 MiB", with: "spool: 160 MiB")
        let mesh = try await Self.mesh(line, scratch)
        for node in ["o", "hq"] { try await mesh.start(node) }
        let (source, other) = (
            try await mesh.home("o").source("f"), try await mesh.home("o").source("g")
        )
        let content = noise(66 << 20, seed: 12)
        for number in 1...3 { try Scratch.write(content, to: "\(source)/\(number)") }
        async let sent = mesh.node("o").send([source], id: 1)
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.held == 2 })
        try Scratch.write(content, to: "\(other)/long")
        #expect(try await mesh.node("o").send([other], wait: .held, id: 2).get().files == 1)
        #expect(try await mesh.node("o").status().flows.first?.held == 2)
        try await mesh.connect("o", "hq")
        #expect(try await Self.landed(mesh, 3))
        #expect(try await sent.get().landed == 3)
        await mesh.stop()
    }

    @Test func aFileThatWentBeforeItHadLeftIsGivenUp() async throws {
        try await Self.held(noise(3 << 20, seed: 6)) { mesh, file, landed in
            try Scratch.remove(file)
            try await mesh.connect("o", "hq")
            #expect(try await mesh.waitForTrace(of: "file", at: "o") { $0.contains("abandoned") })
            #expect(Scratch.read(landed) == nil)
            #expect(try await mesh.settle())
        }
    }

    @Test func aFileThatWasOnlyTouchedIsAsGood() async throws {
        let content = noise(3 << 20, seed: 7)
        try await Self.held(content) { mesh, file, landed in
            try Scratch.write(content, to: file)
            try await mesh.connect("o", "hq")
            #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
            #expect(isSame(landed, content))
            #expect(try await mesh.settle())
        }
    }

    @Test func aSourceThatIsAwayIsWaitedForAndHoldsUpNobody() async throws {
        let content = noise(3 << 20, seed: 8)
        try await Self.held(content) { mesh, file, landed in
            let source = try await mesh.home("o").source("f")
            rename(source, "\(source)-away")
            try await mesh.connect("o", "hq")
            #expect(try await mesh.waitForTrace(of: "file", at: "o") { $0.contains("damaged") })
            let why = try await mesh.node("o").trace("file").parcels.first?.why.first
            #expect(why?.message.contains("it is read again") == true)
            let other = try await mesh.home("o").source("g") + "/other"
            try Scratch.write(noise(900_000, seed: 9), to: other)
            #expect(try await mesh.node("o").send([other], id: 3).get().landed == 1)
            rename("\(source)-away", source)
            #expect(try await Self.landed(mesh, 1))
            #expect(isSame(landed, content))
            #expect(try await mesh.node("o").trace("file").parcels.count == 1)
            #expect(try await mesh.settle())
        }
    }

    @Test func anIndexThatWasDeletedKnowsItAgain() async throws {
        let content = noise(3 << 20, seed: 9)
        try await Self.held(content) { mesh, _, landed in
            let home = try await mesh.home("o").directory
            try await mesh.crash("o", kept: .everything)
            for suffix in ["", "-wal", "-shm"] {
                try? Scratch.remove("\(home)/spool/index.sqlite\(suffix)")
            }
            try await mesh.restart("o")
            #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
            #expect(isSame(landed, content))
            #expect(try await Self.blobs(mesh) == 0)
        }
    }

    @Test func aCollectorThatHasForgottenItGetsItAgain() async throws {
        let scratch = try Scratch()
        let mesh = try await Self.mesh(Self.topology, scratch)
        let source = try await mesh.home("o").source("f")
        let content = noise(900_000, seed: 10)
        try Scratch.write(content, to: "\(source)/file")
        try await mesh.startAll()
        try await mesh.arm("hq", at: .afterCustodyRecord)
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        _ = try await mesh.node("hq").end()
        try await mesh.crash("hq", kept: .everything)
        try await CustodyTests.damage(content[1_000..<1_064], at: "hq", in: mesh)
        try await mesh.restart("hq")
        #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
        let landing = try await mesh.home("hq").landing
        #expect(isSame("\(landing)/o/f/file", content))
        #expect(try await Self.blobs(mesh) == 0)
        #expect(try await mesh.settle())
        await mesh.stop()
    }
}

/// Says no more of two long files than whether they are the same.
private func isSame(_ path: String, _ content: [UInt8]) -> Bool { Scratch.read(path) == content }
