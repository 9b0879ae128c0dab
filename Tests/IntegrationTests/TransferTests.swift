import Glibc
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Transfers {
        @Test(.timeLimit(.minutes(4)))
        func realFilesCrossThreeProcesses() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                let count = try Sample.make(in: source)
                try await mesh.start("origin", "relay", "collector")
                let answer = try await mesh.send(source, waiting: true, within: 150)
                #expect(answer.ending == .exited(0), "\(answer.errors)")
                #expect(try Tree.differences(source, mesh.landed) == [])
                #expect(try await mesh.landedCount() == count)
                try await mesh.rest(within: 20)
                for node in ["collector", "relay", "origin"] {
                    #expect(await mesh.stop(node) == .exited(0), "\(mesh.endOfLog(node))")
                }
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func twentyKillsLoseNothingAndDoubleNothing() async throws {
            var random = Seeded()
            let seed = random.seed
            try await Mesh.with(Mesh.line()) { mesh in
                do {
                    try await Self.survives(mesh, &random)
                } catch {
                    throw Failure("seed \(seed), \(mesh.directory): \(error)")
                }
            }
        }

        static func survives(_ mesh: Mesh, _ random: inout Seeded) async throws {
            let source = "\(mesh.directory)/source"
            let count = try Sample.make(in: source)
            let nodes = ["origin", "relay", "collector"]
            try await mesh.start("origin", "relay", "collector")
            // The kills begin while the command still waits; it may lose its daemon. What was handed
            // over then is found again by the same command, and is the same parcels.
            async let sent = mesh.send(source)
            await Pace.pass(seconds: 0.5)
            for _ in 0..<20 {
                await Pace.pass(seconds: Double.random(in: 0.05...0.9, using: &random))
                let node = nodes[Int.random(in: 0..<3, using: &random)]
                try await mesh.kill(node)
                await Pace.pass(seconds: Double.random(in: 0...0.3, using: &random))
                try mesh.launch(node)
            }
            _ = try await sent
            try await mesh.waitForAnswer(of: "origin")
            let again = try await mesh.send(source)
            #expect(again.ending == .exited(0), "\(again.errors)")
            for node in nodes { try await mesh.waitForAnswer(of: node) }
            try await Pace.wait("all has landed", within: 120, every: 0.5) {
                try await mesh.landedCount() >= count
            } otherwise: {
                "\((try? await mesh.landedCount()) ?? 0) of \(count)"
            }
            try await mesh.rest(within: 60)
            #expect(try await mesh.landedCount() == count, "seed \(random.seed)")
            #expect(try await mesh.landedCount("origin") == count, "seed \(random.seed)")
            let differences = try Tree.differences(source, mesh.landed)
            #expect(differences == [], "seed \(random.seed)")
        }
    }
}
