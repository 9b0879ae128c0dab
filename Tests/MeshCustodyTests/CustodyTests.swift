import Foundation
import MeshCustody
import MeshIdentity
import MeshModel
import MeshSpool
import MeshTesting
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct CustodyTests {
    @Test func threeParcelsOfHalfTheCollectorsLimitAllLand() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(
            """
            mesh: star
            nodes:
              a: {sends: {fa: data}, spool: 256 MiB}
              b: {sends: {fb: data}, spool: 256 MiB}
              c: {sends: {fc: data}, spool: 256 MiB}
              hq: {receives: landed, listens: "127.0.0.1:1", spool: 64 MiB}
            links: [a -> hq, b -> hq, c -> hq]
            """,
            directory: scratch.path
        )
        let nodes = ["a", "b", "c"]
        var contents: [String: [UInt8]] = [:]
        for (seed, node) in nodes.enumerated() {
            let bytes = noise(32 << 20, seed: UInt64(seed))
            contents[node] = bytes
            let source = try await mesh.home(node).source("f\(node)")
            try Scratch.write(bytes, to: "\(source)/file")
        }
        // Three ways at a time into a spool that holds one: what waits is admitted in its turn.
        try await mesh.startAll()
        try await withThrowingTaskGroup { group in
            for node in nodes {
                group.addTask {
                    let home = try await mesh.home(node)
                    let id = await mesh.nextTask()
                    let report = try await mesh.node(node)
                        .send([home.source("f\(node)")], id: id).get()
                    #expect(report.landed == 1)
                }
            }
            try await group.waitForAll()
        }
        let landing = try await mesh.home("hq").landing
        for node in nodes {
            #expect(Scratch.read("\(landing)/\(node)/f\(node)/file") == contents[node])
        }
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    @Test func aFileThatNoNeighbourWillEverTakeEndsAsRefused() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(
            """
            mesh: narrow
            nodes:
              o: {sends: {f: data}, spool: 256 MiB}
              r: {listens: "127.0.0.1:1", spool: 256 MiB}
              hq: {receives: landed, spool: 64 MiB}
            links: [o -> r, hq -> r]
            """,
            directory: scratch.path
        )
        let source = try await mesh.home("o").source("f")
        try await mesh.startAll()
        try Scratch.write(noise(64 << 20, seed: 1), to: "\(source)/large")
        try Scratch.write(noise(100, seed: 2), to: "\(source)/small")
        let report = try await mesh.node("o").send([source], id: 1).get()
        #expect(report.landed == 1)
        #expect(report.refused?.map(\.path) == ["large"])
        #expect(try await mesh.node("o").trace("large").parcels.map(\.state) == ["refused"])
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    @Test func anOlderVersionThatComesLaterDoesNotReplaceTheNewer() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(
            """
            mesh: two
            nodes:
              o: {sends: {f: data}}
              r1: {listens: "127.0.0.1:1"}
              r2: {listens: "127.0.0.1:2"}
              hq: {receives: landed}
            links: [o -> r1, o -> r2, hq -> r1, hq -> r2]
            """,
            directory: scratch.path
        )
        let source = try await mesh.home("o").source("f")
        for node in ["o", "r1", "r2", "hq"] { try await mesh.start(node) }
        try Scratch.write(noise(200_000, seed: 1), to: "\(source)/file")
        try await mesh.connect("o", "r1")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.held == 0 })
        try await mesh.cut("o", "r1")

        try Scratch.write(noise(200_000, seed: 2), to: "\(source)/file")
        try await mesh.connect("o", "r2")
        try await mesh.connect("hq", "r2")
        #expect(try await mesh.node("o").send([source], id: 2).get().landed == 1)
        try await mesh.connect("hq", "r1")
        #expect(try await mesh.wait(for: "r1") { $0.flows.first?.held == 0 })

        let landing = try await mesh.home("hq").landing
        #expect(Scratch.read("\(landing)/o/f/file") == noise(200_000, seed: 2))
        let states = try await mesh.node("hq").trace("file").parcels.map(\.state)
        #expect(states.sorted() == ["landed", "landed-late"])
        #expect(mesh.landings.renames == 1)
        await mesh.stop()
    }

    @Test func aNewerVersionReplacesTheOlder() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing
        try await mesh.startAll()
        for version in 1...3 as ClosedRange<UInt64> {
            try Scratch.write(noise(80_000, seed: version), to: "\(source)/file")
            let id = await mesh.nextTask()
            #expect(try await mesh.node("origin").send([source], id: id).get().landed == 1)
            #expect(Scratch.read("\(landing)/origin/files/file") == noise(80_000, seed: version))
        }
        #expect(mesh.landings.renames == 3)
        await mesh.stop()
    }

    @Test func aFileThatAConsumerTookAfterTheRenameIsNotLandedAgain() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing
        try Scratch.write(noise(100_000, seed: 1), to: "\(source)/file")
        try await mesh.startAll()
        try await mesh.arm("collector", at: .afterRename)
        async let sent = mesh.node("origin").send([source], id: 1)
        _ = try await mesh.node("collector").end()
        try Scratch.remove("\(landing)/origin/files/file")
        try await mesh.crash("collector")
        try await mesh.restart("collector")

        #expect(try await sent.get().landed == 1)
        #expect(Scratch.read("\(landing)/origin/files/file") == nil)
        #expect(mesh.landings.renames == 1)
        let events = try await mesh.node("origin").trace("file").parcels.first?.events
        #expect(events?.last?.detail == "unseen")
        await mesh.stop()
    }

    @Test(arguments: [3_000, 900_000])
    func aFlippedByteIsNotPassedOnAndHealsFromTheOrigin(size: Int) async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing
        let content = noise(size, seed: 9)
        try Scratch.write(content, to: "\(source)/file")
        for node in ["origin", "relay", "collector"] { try await mesh.start(node) }
        try await mesh.connect("origin", "relay")
        _ = try await mesh.node("origin").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.held == 0 })

        if size > Limits.smallPlainBytesMax {
            // The blobs that were written last it would still know by heart.
            try await mesh.crash("relay")
            try await mesh.restart("relay")
        }
        try await Self.damage(content[1_000..<1_064], at: "relay", in: mesh)
        try await mesh.connect("relay", "collector")
        #expect(
            try await mesh.wait(for: "collector") { $0.flows.first?.landed == 1 }
        )

        #expect(Scratch.read("\(landing)/origin/files/file") == content)
        #expect(try await mesh.node("relay").status().counts["quarantined"] == 1)
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    @Test(arguments: [3_000, 900_000])
    func damageBehindARelayThatHasPassedTheParcelOnHeals(size: Int) async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing
        let content = noise(size, seed: 10)
        try Scratch.write(content, to: "\(source)/file")
        try await mesh.startAll()
        try await mesh.arm("collector", at: .afterCustodyRecord)
        _ = try await mesh.node("origin").send([source], wait: nil, id: 1).get()
        _ = try await mesh.node("collector").end()
        try await mesh.crash("collector", kept: .everything)
        try await Self.damage(content[1_000..<1_064], at: "collector", in: mesh)
        try await mesh.restart("collector")

        #expect(try await mesh.wait(for: "collector") { $0.flows.first?.landed == 1 })
        #expect(Scratch.read("\(landing)/origin/files/file") == content)
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    /// Flips a bit of a stretch of bytes in a node's log.
    static func damage(_ bytes: ArraySlice<UInt8>, at node: String, in mesh: TestMesh) async throws
    {
        let disk = try #require(try await mesh.disk(node) as? FaultyDisk)
        let (path, offset) = try #require(Self.find(bytes, on: disk))
        disk.flipByte(path, at: offset)
    }

    /// Where a stretch of bytes lies in a segment.
    static func find(_ bytes: ArraySlice<UInt8>, on disk: FaultyDisk) -> (String, UInt64)? {
        for path in disk.paths where path.hasSuffix(".seg") {
            guard let contents = disk.contents(path) else { continue }
            if let range = Data(contents).range(of: Data(bytes)) {
                return (path, UInt64(range.lowerBound))
            }
        }
        return nil
    }

    @Test func aFailedSyncStopsTheNodeAndLosesNothing() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        try Scratch.write(noise(300_000, seed: 1), to: "\(source)/file")
        try await mesh.startAll()
        let disk = try #require(try await mesh.disk("relay") as? FaultyDisk)
        disk.failNextSync()
        async let sent = mesh.node("origin").send([source], id: 1)
        let ended = try await mesh.node("relay").end()
        let error = #expect(throws: EngineError.self) { try ended.get() }
        #expect(error?.code == "disk_failed")
        try await mesh.crash("relay")
        try await mesh.restart("relay")
        #expect(try await sent.get().landed == 1)
        await mesh.stop()
    }

    @Test func anIndexThatWasDeletedComesBackTheSame() async throws {
        let scratch = try Scratch()
        // No scan notes by itself that it has seen the source.
        let line = WalkThroughTests.line + "\nflows: {files: {done-when: sent}}"
        let mesh = try TestMesh(line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        try await mesh.startAll()
        for round in 0..<4 as Range<UInt64> {
            // More than a segment each, so that segments die and are unlinked.
            try Scratch.write(noise(6 << 20, seed: round), to: "\(source)/large-\(round)")
            try Scratch.write(noise(2_000, seed: round), to: "\(source)/small-\(round)")
            let id = await mesh.nextTask()
            #expect(try await mesh.node("origin").send([source], id: id).get().refused == [])
            for node in ["origin", "relay", "collector"] {
                try await mesh.node(node).spool.maintain(wantingRoom: true)
            }
        }
        #expect(try await mesh.settle())
        // Tallies go round on their own: nothing is to come any more.
        try await mesh.cut("origin", "relay")
        try await mesh.cut("relay", "collector")
        for node in ["origin", "relay", "collector"] {
            let disk = try #require(try await mesh.disk(node) as? FaultyDisk)
            #expect(!disk.paths.contains { $0.hasSuffix("00000001.seg") })
            let isAlone = try await mesh.wait(for: node) { report in
                report.neighbours.allSatisfy { $0.state != "ok" }
            }
            #expect(isAlone)
            let before = try Self.rows(await mesh.node(node).spool)
            let directory = try await mesh.home(node).directory
            try await mesh.crash(node, kept: .everything)
            for suffix in ["", "-wal", "-shm"] {
                try? Scratch.remove("\(directory)/spool/index.sqlite\(suffix)")
            }
            try await mesh.start(node)
            #expect(try Self.rows(await mesh.node(node).spool) == before)
        }
        await mesh.stop()
    }

    private static func rows(_ spool: Spool) throws -> Set<[UInt8]> {
        var rows: Set<[UInt8]> = []
        _ = try spool.index.exportRows { rows.insert($0) }
        return rows
    }
}
