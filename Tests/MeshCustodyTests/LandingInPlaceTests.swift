import Foundation
import MeshCustody
import MeshFiles
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Synchronization
import Testing

/// Files that a collector writes where they land, and not into its log.
@Suite(.serialized, .timeLimit(.minutes(5))) struct LandingInPlaceTests {
    static let topology = """
        mesh: two
        nodes:
          o: {sends: {f: data, g: other}}
          hq: {receives: {f: {path: landed, copy: false}, g: {path: landed, copy: false}},
            listens: "127.0.0.1:1"}
        links: [o -> hq]
        """

    /// Bytes as they are, some that compress, and a hole.
    static let content =
        noise(3 << 20, seed: 1) + [UInt8](repeating: 7, count: 900_000)
        + [UInt8](repeating: 0, count: 2 << 20) + noise(1 << 20, seed: 2)

    /// What a collector hears and says.
    final class Watch: Sendable {
        let blobs = Mutex(0)
        /// As many as the last closing says.
        let entries = Mutex<UInt64?>(nil)
        let losesClosings = Atomic(false)
        let losesNotes = Atomic(false)
        /// So many blobs come, and no more.
        let blobsMax = Atomic(Int.max)
        /// Those that came, by number.
        let came = Mutex<[UInt64]>([])

        /// Counts, and loses blobs, closings, or what the origin is told, while it is to.
        func see(_ node: NodeName, _ event: SessionEvent) -> SessionEvent {
            switch event {
            case .blob(let session, _, let number, _) where node.text == "hq":
                let count = self.blobs.withLock {
                    $0 += 1; return $0
                }
                guard count <= self.blobsMax.load(ordering: .acquiring) else {
                    return .message(session, .smallAck(0))
                }
                self.came.withLock { $0.append(number) }
            case .message(let session, .closing(let closing, _)) where node.text == "hq":
                self.entries.withLock { $0 = closing.closing.entryCount }
                if self.losesClosings.load(ordering: .acquiring) {
                    return .message(session, .smallAck(0))
                }
            case .message(let session, .note) where node.text == "o":
                if self.losesNotes.load(ordering: .acquiring) {
                    return .message(session, .smallAck(0))
                }
            default: break
            }
            return event
        }
    }

    static func mesh(_ scratch: Scratch, _ watch: Watch, _ topology: String = topology) throws
        -> TestMesh
    {
        try TestMesh(topology, directory: scratch.path) { watch.see($0, $1) }
    }

    /// Has all nodes run, and the origin send a file.
    static func send(
        _ scratch: Scratch,
        _ watch: Watch = Watch(),
        _ topology: String = topology,
        before: (TestMesh) async throws -> Void = { _ in }
    ) async throws -> TestMesh {
        let mesh = try Self.mesh(scratch, watch, topology)
        try await mesh.startAll()
        try await before(mesh)
        let source = try await mesh.home("o").source("f")
        try Scratch.write(Self.content, to: "\(source)/file")
        #expect(try await mesh.node("o").send([source], wait: nil, id: 1).get().files == 1)
        return mesh
    }

    /// The same, when the collector has written all of it, and has not heard that this is all.
    static func sendAllButTheClosing(
        _ scratch: Scratch,
        _ watch: Watch,
        _ topology: String = topology
    ) async throws -> TestMesh {
        watch.losesClosings.store(true, ordering: .releasing)
        let mesh = try await Self.send(scratch, watch, topology)
        #expect(try await Self.isWritten(mesh, watch))
        return mesh
    }

    /// Lets the closing through, in another call.
    static func sendTheClosing(_ mesh: TestMesh, _ watch: Watch) async throws {
        watch.losesClosings.store(false, ordering: .releasing)
        try await mesh.cut("o", "hq")
        try await mesh.connect("o", "hq")
    }

    /// Waits until the file has landed as it was, with time going on, and ends.
    static func expectLanded(
        _ mesh: TestMesh,
        then: (TestMesh) async throws -> Void = { _ in }
    ) async throws {
        #expect(
            try await mesh.wait(for: "o") { status in
                mesh.clock.advance(milliseconds: 100)
                return status.flows.first?.landed == 1
            }
        )
        #expect(isSame(try await mesh.home("hq").landing + "/o/f/file", Self.content))
        #expect(try await mesh.settle())
        try await then(mesh)
        await mesh.stop()
    }

    static func removeTemporaries(_ mesh: TestMesh) async throws {
        for file in try await Self.temporaries(mesh) { try Scratch.remove(file) }
    }

    static func blobsInLog(_ mesh: TestMesh) async throws -> Int {
        let disk = try #require(try await mesh.disk("hq") as? FaultyDisk)
        return try FoundRecord.all(on: disk).count { $0.kind == .blob }
    }

    /// The collector makes its index anew from the log.
    static func forgetIndex(_ mesh: TestMesh) async throws {
        let home = try await mesh.home("hq").directory
        for suffix in ["", "-wal", "-shm"] {
            try? Scratch.remove("\(home)/spool/index.sqlite\(suffix)")
        }
    }

    static func temporaries(_ mesh: TestMesh, in flow: String = "f") async throws -> [String] {
        let directory = try await mesh.home("hq").landing + "/o/\(flow)"
        return try FileManager.default.contentsOfDirectory(atPath: directory)
            .filter { $0.hasSuffix(".part") }.map { "\(directory)/\($0)" }
    }

    /// Waits until the collector has written all of a file whose closing was lost.
    static func isWritten(_ mesh: TestMesh, _ watch: Watch) async throws -> Bool {
        try await Self.isPlaced(mesh) { watch.entries.withLock { $0 } }
    }

    /// Waits until so many entries of the file are durable in its place; `nil`: nobody knows yet how many.
    static func isPlaced(
        _ mesh: TestMesh,
        _ entries: @Sendable () -> UInt64?
    ) async throws -> Bool {
        let index = try #require(try await mesh.node("hq").spool.index as? Index)
        return try await mesh.wait(for: "hq") { _ in
            guard let entries = entries(),
                let row = try? index.find(path: Array("file".utf8), limit: 1).first
            else { return false }
            return (try? index.placedEntries(of: row.number)) == entries
        }
    }

    /// A mesh whose collector has all of a file but its closing, and has stopped as in a power cut.
    static func written(
        _ topology: String = topology,
        kept: FaultyDisk.Kept = .nothing,
        _ body: (TestMesh, Watch, _ landed: String) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        let watch = Watch()
        let mesh = try await Self.sendAllButTheClosing(scratch, watch, topology)
        #expect(try await Self.blobsInLog(mesh) == 0)
        #expect(try await Self.temporaries(mesh).count == 1)
        let steps = mesh.landings.steps
        let wrote = steps.lastIndex { if case .wrote = $0 { true } else { false } }
        let synced = steps.lastIndex { if case .syncedFile = $0 { true } else { false } }
        #expect(try #require(wrote) < #require(synced))
        #expect(steps.contains { if case .syncedDirectory = $0 { true } else { false } })
        // Nobody has custody but the origin.
        #expect(try await mesh.waitForTrace(of: "file", at: "o") { $0.hasPrefix("held") })
        try await mesh.crash("hq", kept: kept)
        watch.losesClosings.store(false, ordering: .releasing)
        watch.blobs.withLock { $0 = 0 }
        try await body(mesh, watch, try await mesh.home("hq").landing + "/o/f/file")
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.landed == 1 })
        #expect(try await mesh.settle())
        #expect(mesh.landings.renames == 1)
        #expect(try await Self.temporaries(mesh) == [])
        let later = try #require(try await mesh.node("hq").spool.index as? Index)
        #expect(try later.openLandings() == [])
        await mesh.stop()
    }

    @Test(arguments: ["", "flows: {f: {digest: tree}}"])
    func whatLandsIsInNoLog(flows: String) async throws {
        let scratch = try Scratch()
        let mesh = try Self.mesh(scratch, Watch(), Self.topology + "\n" + flows)
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        let files = ["mixed": Self.content, "small": noise(900, seed: 6), "empty": []]
        for (name, content) in files { try Scratch.write(content, to: "\(source)/\(name)") }
        #expect(try await mesh.node("o").send([source], id: 1).get().landed == files.count)
        let landing = try await mesh.home("hq").landing
        for (name, content) in files {
            #expect(isSame("\(landing)/o/f/\(name)", content))
        }
        #expect(try await Self.blobsInLog(mesh) == 0)
        #expect(try await mesh.settle())
        let hop = try #require(try await mesh.node("hq").trace("mixed").parcels.first?.hops.last)
        #expect(hop.node == "hq" && hop.custody != nil && hop.held != hop.arrived)
        // What a landing leaves behind is a file and no more.
        let version = noise(1 << 20, seed: 7)
        try Scratch.write(version, to: "\(source)/mixed")
        #expect(try await mesh.node("o").send([source], id: 2).get().files == 3)
        #expect(isSame("\(landing)/o/f/mixed", version))
        await mesh.stop()
    }

    @Test(arguments: ["", "flows: {f: {digest: tree}}"])
    func afterARestartOnlyTheRestIsAskedFor(flows: String) async throws {
        try await Self.written(Self.topology + "\n" + flows) { mesh, watch, landed in
            try await mesh.restart("hq")
            #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
            #expect(isSame(landed, Self.content))
            #expect(watch.blobs.withLock { $0 } == 0)
        }
    }

    @Test func anIndexThatWasDeletedKnowsTheFileAgain() async throws {
        try await Self.written(kept: .everything) { mesh, watch, landed in
            try await Self.forgetIndex(mesh)
            try await mesh.restart("hq")
            #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
            #expect(isSame(landed, Self.content))
            #expect(watch.blobs.withLock { $0 } == 0)
        }
    }

    @Test func aFileThatWasRemovedIsAskedForAgain() async throws {
        try await Self.written { mesh, watch, landed in
            try await Self.removeTemporaries(mesh)
            try await mesh.restart("hq")
            #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
            #expect(isSame(landed, Self.content))
            #expect(watch.blobs.withLock { $0 } > 0)
            // The second time it takes the way that does not depend on the file.
            #expect(try await Self.blobsInLog(mesh) > 0)
        }
    }

    @Test(arguments: ["", "flows: {f: {digest: tree}}"], [1 << 20, (3 << 20) + 450_000])
    func aFileThatChangedIsAskedForAgain(flows: String, place: Int) async throws {
        try await Self.written(Self.topology + "\n" + flows) { mesh, watch, landed in
            let file = try #require(try await Self.temporaries(mesh).first)
            let handle = try #require(FileHandle(forUpdatingAtPath: file))
            try handle.seek(toOffset: UInt64(place))
            try handle.write(contentsOf: [0x55, 0x55])
            try handle.close()
            try await mesh.restart("hq")
            #expect(try await mesh.wait(for: "hq") { $0.flows.first?.landed == 1 })
            #expect(isSame(landed, Self.content))
            #expect(watch.blobs.withLock { $0 } > 0)
        }
    }

    @Test func aFileThatIsRemovedWhileItIsWrittenIsAskedForAgain() async throws {
        let scratch = try Scratch()
        let watch = Watch()
        let mesh = try await Self.sendAllButTheClosing(scratch, watch)
        try await Self.removeTemporaries(mesh)
        try await Self.sendTheClosing(mesh, watch)
        try await Self.expectLanded(mesh)
    }

    @Test func custodyIsStatedOfWhatIsWholeAndDurableInItsPlace() async throws {
        let scratch = try Scratch()
        let mesh = try await Self.send(scratch) {
            try await $0.arm("hq", at: .afterCustodyRecord)
        }
        _ = try await mesh.node("hq").end()
        let file = try #require(try await Self.temporaries(mesh).first)
        #expect(isSame(file, Self.content))
        let index = try #require(try await mesh.node("hq").spool.index as? Index)
        #expect(try index.intents().count == 1)
        #expect(try index.openLandings() == [])
        try await mesh.crash("hq", kept: .everything)
        // Its blobs are nowhere else now, and are not asked for again.
        try await mesh.restart("hq")
        try await Self.expectLanded(mesh)
    }

    /// A power cut leaves the intent, which is first in the log, and not the custody behind it.
    @Test(arguments: [true, false])
    func anIntentWithoutCustodyIsNoLanding(isFileThere: Bool) async throws {
        let scratch = try Scratch()
        let watch = Watch()
        // What was said would have been durable.
        watch.losesNotes.store(true, ordering: .releasing)
        let mesh = try await Self.send(scratch, watch) {
            try await $0.arm("hq", at: .afterCustodyRecord)
        }
        _ = try await mesh.node("hq").end()
        try await mesh.crash("hq", kept: .everything)
        let disk = try #require(try await mesh.disk("hq") as? FaultyDisk)
        let last = try #require(FoundRecord.all(on: disk).last)
        #expect(last.kind == .statement)
        disk.flipByte(last.path, at: last.start)
        let file = try #require(try await Self.temporaries(mesh).first)
        if !isFileThere { try Scratch.remove(file) }
        try await Self.forgetIndex(mesh)
        watch.losesNotes.store(false, ordering: .releasing)
        try await mesh.restart("hq")
        try await Self.expectLanded(mesh)
    }

    /// What two parcels have in common is asked for once at a time, and so comes out of order.
    @Test func whatComesOutOfOrderGoesThroughTheLog() async throws {
        let scratch = try Scratch()
        let mesh = try Self.mesh(scratch, Watch())
        let (f, g) = (try await mesh.home("o").source("f"), try await mesh.home("o").source("g"))
        try await mesh.startAll()
        let other = noise(2 << 20, seed: 8) + Self.content + noise(1 << 20, seed: 9)
        // The same pieces twice in one file as well.
        let twice = Self.content + Self.content
        for (path, content) in [
            ("\(f)/one", Self.content), ("\(g)/two", other), ("\(f)/three", twice),
        ] {
            try Scratch.write(content, to: path)
        }
        #expect(try await mesh.node("o").send([f], wait: nil, id: 1).get().files == 2)
        #expect(try await mesh.node("o").send([g], id: 2).get().landed == 1)
        #expect(try await mesh.wait(for: "o") { $0.flows.allSatisfy { $0.held == 0 } })
        let landing = try await mesh.home("hq").landing
        #expect(isSame("\(landing)/o/f/one", Self.content))
        #expect(isSame("\(landing)/o/g/two", other))
        #expect(isSame("\(landing)/o/f/three", twice))
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    @Test(arguments: [true, false])
    func whatIsHeldBackStaysWithItsGiver(wholeFlow: Bool) async throws {
        let target =
            wholeFlow
            ? QueueTarget.flow(try #require(FlowName("f"))) : .parcels(.path(Array("file".utf8)))
        let scratch = try Scratch()
        let watch = Watch()
        let mesh = try await Self.sendAllButTheClosing(scratch, watch)
        _ = try await mesh.node("hq").hold(target)
        try await Self.sendTheClosing(mesh, watch)
        #expect(try await mesh.waitForTrace(of: "file", at: "hq") { $0.contains("held_back") })
        #expect(try await mesh.node("o").trace("file").parcels.first?.state == "held")
        _ = try await mesh.node("hq").hold(target, isHeld: false)
        try await Self.expectLanded(mesh)
    }

    /// What is checked at the start may be gone by the time that the outcome is known.
    @Test func noCustodyIsStatedOfAFileThatWasLostOnceItWasWhole() async throws {
        let scratch = try Scratch()
        let flow = QueueTarget.flow(try #require(FlowName("f")))
        let mesh = try await Self.send(scratch) { _ = try await $0.node("hq").hold(flow) }
        #expect(try await mesh.waitForTrace(of: "file", at: "hq") { $0.contains("held_back") })
        try await mesh.crash("hq", kept: .everything)
        try await Self.removeTemporaries(mesh)
        try await mesh.start("hq")
        let index = try #require(try await mesh.node("hq").spool.index as? Index)
        #expect(try await mesh.wait(for: "hq") { _ in (try? index.openLandings()) == [] })
        #expect(
            !(try await mesh.wait(for: "hq", seconds: 1) { _ in
                (try? index.find(path: Array("file".utf8), limit: 1).first?.state) == .held
            })
        )
        try await mesh.connect("o", "hq")
        _ = try await mesh.node("hq").hold(flow, isHeld: false)
        try await Self.expectLanded(mesh)
    }

    @Test func whatLapsesLeavesNothingInItsPlace() async throws {
        let scratch = try Scratch()
        let watch = Watch()
        let mesh = try await Self.sendAllButTheClosing(scratch, watch)
        try await mesh.crash("o")
        mesh.clock.advance(milliseconds: 15 * 86_400_000)
        #expect(try await mesh.waitForTrace(of: "file", at: "hq") { $0 == "" })
        let landing = try await mesh.home("hq").landing
        #expect(
            try await mesh.wait(for: "hq") { _ in
                (try? FileManager.default.contentsOfDirectory(atPath: "\(landing)/o/f")) == []
            }
        )
        await mesh.stop()
    }
}

/// Says no more of two long files than whether they are the same.
private func isSame(_ path: String, _ content: [UInt8]) -> Bool { Scratch.read(path) == content }
