import MeshCustody
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshTesting
import Testing

/// Word finds its way to nodes that are no neighbours, over whoever is there.
@Suite(.serialized, .timeLimit(.minutes(5))) struct RoutedNotesTests {
    /// Two ways from origin to collector, with a link across.
    static let diamond = """
        mesh: diamond
        nodes:
          o: {sends: {f: data}}
          r1: {listens: "127.0.0.1:1"}
          r2: {listens: "127.0.0.1:2"}
          hq: {receives: landed}
        links: [o -> r1, o -> r2, hq -> r1, hq -> r2]
        """

    @Test func wordOfALandingComesOverARelayThatKnowsNothingOfTheParcel() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.diamond, directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        try Scratch.write(noise(200_000, seed: 1), to: "\(source)/large")
        for node in ["o", "r1", "hq"] { try await mesh.start(node) }
        try await mesh.connect("o", "r1")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.held == 0 })
        try await mesh.cut("o", "r1")
        try await mesh.arm("hq", at: .afterLanded)
        try await mesh.connect("hq", "r1")
        _ = try await mesh.node("hq").end()
        // The first relay is gone with all that it knows; the other has never heard of the parcel.
        try await mesh.crash("r1")
        try await mesh.crash("hq")
        for node in ["r2", "hq"] { try await mesh.start(node) }
        try await mesh.connect("o", "r2")
        try await mesh.connect("hq", "r2")
        #expect(try await mesh.wait(for: "o") { $0.flows.first?.landed == 1 })
        #expect(try await mesh.wait(for: "r2") { $0.counts["outbox"] == 0 })
        #expect(try await mesh.node("r2").trace("large").parcels.isEmpty)
        await mesh.stop()
    }

    @Test func aNoteIsKeptOnTheWayThroughACrash() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        try Scratch.write(noise(2_000, seed: 2), to: "\(source)/small")
        for node in ["origin", "relay", "collector"] { try await mesh.start(node) }
        try await mesh.connect("origin", "relay")
        _ = try await mesh.node("origin").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.held == 0 })
        try await mesh.cut("origin", "relay")
        try await mesh.connect("relay", "collector")
        // The collector has forgotten the note once the relay has it; then the relay crashes.
        #expect(try await mesh.wait(for: "relay") { $0.counts["outbox"] == 1 })
        #expect(
            try await mesh.wait(for: "collector") {
                $0.flows.first?.landed == 1 && $0.counts["outbox"] == 0
            }
        )
        try await mesh.crash("relay")
        try await mesh.start("relay")
        try await mesh.connect("origin", "relay")
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.landed == 1 })
        // What the origin has to say to the collector goes on, too.
        try await mesh.connect("relay", "collector")
        #expect(try await mesh.wait(for: "relay") { $0.counts["outbox"] == 0 })
        await mesh.stop()
    }

    @Test func aNoteGoesRoundWhenTheNearWayStaysShut() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(
            """
            mesh: ring
            nodes:
              o: {sends: {f: data}, listens: "127.0.0.1:1"}
              hq: {receives: landed}
              r: {listens: "127.0.0.1:2"}
            links: [hq -> o, hq -> r, o -> r]
            """,
            directory: scratch.path
        )
        let source = try await mesh.home("o").source("f")
        try Scratch.write(noise(2_000, seed: 2), to: "\(source)/small")
        for node in ["o", "r", "hq"] { try await mesh.start(node) }
        try await mesh.arm("hq", at: .afterLanded)
        try await mesh.connect("hq", "o")
        let origin = try await mesh.node("o")
        let sending = Task { await origin.send([source], id: 1) }
        _ = try await mesh.node("hq").end()
        try await mesh.crash("hq")
        try await mesh.start("hq")
        try await mesh.connect("hq", "r")
        try await mesh.connect("o", "r")
        // hq is linked with o itself: its word waits for that, but not for ever.
        #expect(
            try await mesh.wait(for: "r") {
                $0.neighbours.allSatisfy { ["ok", "idle"].contains($0.state) }
            }
        )
        #expect(try await mesh.node("hq").status().counts["outbox"] != 0)
        mesh.clock.advance(milliseconds: 3_600_000)
        #expect(try await mesh.wait(for: "hq") { $0.counts["outbox"] == 0 })
        #expect(try await sending.value.get().landed == 1)
        await mesh.stop()
    }

    @Test func custodyOfAnotherClosingIsIgnored() async throws {
        let scratch = try Scratch()
        let forger = Forger()
        let mesh = try TestMesh(
            WalkThroughTests.line,
            directory: scratch.path,
            watch: { forger.forge($0, $1) }
        )
        try await forger.arm(mesh.home("relay"))
        let source = try await mesh.home("origin").source("files")
        try Scratch.write(noise(2_000, seed: 2), to: "\(source)/small")
        for node in ["origin", "relay", "collector"] { try await mesh.start(node) }
        try await mesh.connect("origin", "relay")
        let origin = try await mesh.node("origin")
        let sending = Task { await origin.send([source], id: 1) }
        // The relay's word names a closing that the origin has not made: the parcel stays.
        #expect(try await mesh.wait(for: "relay") { $0.flows.first?.held == 1 })
        #expect(try await mesh.wait(for: "relay") { $0.counts["outbox"] == 0 })
        #expect(try await mesh.node("origin").trace("small").parcels.map(\.state) == ["held"])
        // The true word, in answer to the next offer, counts.
        forger.disarm()
        try await mesh.cut("origin", "relay")
        try await mesh.connect("origin", "relay")
        try await mesh.connect("relay", "collector")
        #expect(try await sending.value.get().landed == 1)
        #expect(try await mesh.settle())
        await mesh.stop()
    }
}
