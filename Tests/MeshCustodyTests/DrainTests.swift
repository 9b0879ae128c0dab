import MeshCustody
import MeshModel
import MeshTesting
import Testing

@Suite(.timeLimit(.minutes(5))) struct DrainTests {
    static let line = """
        mesh: line
        nodes:
          o: {sends: {f: data}}
          r: {listens: "127.0.0.1:1"}
          hq: {receives: landed}
        links: [o -> r, hq -> r]
        """

    private static func held(_ report: StatusReport) -> UInt64 {
        report.flows.reduce(0) { $0 + ($1.held ?? 0) }
    }

    @Test func aDrainedRelayHoldsNothingAndTakesNothingMeanwhile() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.line, directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        for node in ["o", "r", "hq"] { try await mesh.start(node) }
        try await mesh.connect("o", "r")
        try Scratch.write(noise(300_000, seed: 1), to: "\(source)/large")
        try Scratch.write(noise(900, seed: 2), to: "\(source)/small")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "r") { Self.held($0) == 2 })
        #expect(try await mesh.wait(for: "o") { Self.held($0) == 0 })

        let relay = try await mesh.node("r")
        async let drained = relay.drain(patience: 60_000)
        // What is handed over now waits at its origin.
        try Scratch.write(noise(400_000, seed: 3), to: "\(source)/later")
        _ = try await mesh.node("o").send(["\(source)/later"], wait: nil, id: 2).get()
        #expect(
            try await mesh.waitForTrace(of: "later", at: "o") { $0.contains("draining") }
        )
        try await mesh.connect("hq", "r")
        let report = try await drained.get()
        #expect(report.isEmpty)
        #expect(report.gone == 2)
        #expect(report.left == nil)
        await mesh.stop()
    }

    @Test func whatNobodyTakesIsListed() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.line, directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        for node in ["o", "r"] { try await mesh.start(node) }
        try await mesh.connect("o", "r")
        try Scratch.write(noise(300_000, seed: 1), to: "\(source)/large")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "o") { Self.held($0) == 0 })
        let report = try await mesh.node("r").drain(patience: 1).get()
        #expect(report.parcels == 1)
        #expect(report.left?.map(\.path) == ["large"])
        // Parcels are taken again afterwards.
        try Scratch.write(noise(500, seed: 4), to: "\(source)/after")
        _ = try await mesh.node("o").send([source], wait: nil, id: 2).get()
        #expect(try await mesh.wait(for: "r") { Self.held($0) == 2 })
        await mesh.stop()
    }
}
