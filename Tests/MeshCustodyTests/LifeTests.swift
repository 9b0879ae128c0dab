import MeshCustody
import MeshModel
import MeshTesting
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct LifeTests {
    /// An origin with two relays to one collector.
    static let fork = """
        mesh: fork
        nodes:
          o: {sends: {f: data}}
          r1: {listens: "127.0.0.1:1"}
          r2: {listens: "127.0.0.1:2"}
          hq: {receives: landed}
        links: [o -> r1, o -> r2, hq -> r1, hq -> r2]
        flows: {f: {done-when: sent}}
        """

    /// Writes files of both kinds, named by a word.
    static func write(_ word: String, _ count: Int, to source: String, seed: UInt64) throws {
        for number in 0..<count {
            let size = number.isMultiple(of: 2) ? 2_000 : 120_000
            try Scratch.write(
                noise(size, seed: seed + UInt64(number)),
                to: "\(source)/\(word)-\(number)"
            )
        }
    }

    /// How many of such files lie in a landing with the right bytes.
    static func landed(_ word: String, _ count: Int, in landing: String, seed: UInt64) -> Int {
        (0..<count).count { number in
            let size = number.isMultiple(of: 2) ? 2_000 : 120_000
            return Scratch.read("\(landing)/\(word)-\(number)")
                == noise(size, seed: seed + UInt64(number))
        }
    }

    @Test func aWipedCollectorGetsWhatItHadTakenAndNotLanded() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing + "/origin/files"
        try Self.write("a", 6, to: source, seed: 1)
        try await mesh.startAll()
        try await mesh.arm("collector", at: .afterCustodyRecord)
        _ = try await mesh.node("origin").send([source], wait: nil, id: 1).get()
        _ = try await mesh.node("collector").end()
        try await mesh.crash("collector", kept: .everything)
        try await mesh.restore("collector")
        try await mesh.restart("collector")
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.landed == 6 })
        #expect(try await mesh.settle())
        #expect(Self.landed("a", 6, in: landing, seed: 1) == 6)
        #expect(mesh.landings.renames == 6)
        await mesh.stop()
    }

    @Test func aHistoryWithDamageGoesOnByItselfInTheNextLife() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing + "/origin/files"
        for node in ["origin", "relay", "collector"] { try await mesh.start(node) }
        try await mesh.connect("origin", "relay")
        try Self.write("a", 8, to: source, seed: 1)
        _ = try await mesh.node("origin").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.held == 0 })
        try await mesh.crash("relay")
        // The index is gone, and a record in the middle of the log with it.
        let disk = try #require(try await mesh.disk("relay") as? FaultyDisk)
        let places = (0..<8).compactMap { number in
            let size = number.isMultiple(of: 2) ? 2_000 : 120_000
            let bytes = noise(size, seed: 1 + UInt64(number))
            return CustodyTests.find(bytes[1_000..<1_064], on: disk)
        }
        let (path, offset) = try #require(places.min { $0.1 < $1.1 })
        for place in (offset - 1_200)..<offset { disk.flipByte(path, at: place) }
        try await mesh.restore("relay", from: disk)
        try await mesh.start("relay")
        #expect(try await mesh.node("relay").status().incarnation.hasPrefix("2-"))
        try await mesh.connect("origin", "relay")
        try await mesh.connect("relay", "collector")
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.landed == 8 })
        #expect(try await mesh.settle())
        #expect(Self.landed("a", 8, in: landing, seed: 1) == 8)
        #expect(mesh.landings.renames == 8)
        #expect(try await mesh.node("relay").status().life?.state == "whole")
        await mesh.stop()
    }

    @Test func aWipedOriginIsNewerThanItWas() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing + "/origin/files"
        try Self.write("a", 6, to: source, seed: 1)
        try await mesh.startAll()
        #expect(try await mesh.node("origin").send([source], id: 1).get().landed == 6)
        #expect(try await mesh.settle())

        try await mesh.crash("origin")
        try await mesh.restore("origin")
        try Scratch.write(noise(70_000, seed: 50), to: "\(source)/a-0")
        try await mesh.restart("origin")
        #expect(try await mesh.node("origin").send([source], id: 2).get().landed == 6)
        #expect(try await mesh.settle())
        #expect(Scratch.read("\(landing)/a-0") == noise(70_000, seed: 50))
        #expect(mesh.landings.renames == 7)
        let status = try await mesh.node("origin").status()
        #expect(status.incarnation.hasPrefix("2-") && status.life?.state == "whole")
        await mesh.stop()
    }

    @Test(arguments: [20, 200])
    func aWipedRelayLosesNothingThatTheOriginCanReproduce(count: Int) async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing + "/origin/files"
        for node in ["origin", "relay", "collector"] { try await mesh.start(node) }
        try await mesh.connect("origin", "relay")
        try Self.write("x", count, to: source, seed: 1)
        _ = try await mesh.node("origin").send([source], wait: nil, id: 1).get()
        #expect(
            try await mesh.wait(for: "origin", seconds: 60) {
                $0.flows.first?.held == 0 && $0.flows.first?.waiting == 0
            }
        )
        #expect(try await mesh.node("relay").status().flows.first?.held == UInt64(count))

        try await mesh.crash("relay")
        try await mesh.restore("relay")
        try await mesh.start("relay")
        try await mesh.connect("origin", "relay")
        try await mesh.connect("relay", "collector")
        #expect(
            try await mesh.wait(for: "origin", seconds: 60) {
                $0.flows.first?.landed == UInt64(count)
            }
        )
        #expect(try await mesh.settle())
        #expect(Self.landed("x", count, in: landing, seed: 1) == count)
        #expect(mesh.landings.renames == count)
        let status = try await mesh.node("relay").status()
        #expect(status.incarnation.hasPrefix("2-"))
        #expect(status.life?.state == "whole")
        await mesh.stop()
    }
}
