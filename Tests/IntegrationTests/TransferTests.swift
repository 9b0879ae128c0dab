import Glibc
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Transfers {
        @Test(.timeLimit(.minutes(5)))
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

        /// A relay in the line that holds no large parcel as a whole.
        static let through = """
            mesh: line
            nodes:
              origin: {sends: {files: HERE/source}}
              relay: {listens: "127.0.0.1:VIA"}
              narrow: {listens: "127.0.0.1:VIA", spool: 64 MiB}
              collector: {receives: landed}
            links:
              - origin -> relay
              - relay -> narrow
              - collector -> narrow
            flows: {files: {done-when: sent}}
            """

        @Test(
            .timeLimit(.minutes(10)),
            arguments: [
                (Mesh.line(), ["origin", "relay", "collector"], Show.size(20, full: 50)),
                (
                    Self.through, ["origin", "relay", "narrow", "collector"],
                    Show.size(10, full: 50)
                ),
            ]
        )
        func killsLoseNothingAndDoubleNothing(
            text: String,
            nodes: [String],
            kills: Int
        ) async throws {
            try await Self.survives(text, nodes) { mesh, random in
                for _ in 0..<kills {
                    await Pace.pass(seconds: Double.random(in: 0.05...0.9, using: &random))
                    let node = nodes[Int.random(in: nodes.indices, using: &random)]
                    try await mesh.kill(node)
                    await Pace.pass(seconds: Double.random(in: 0...0.3, using: &random))
                    try mesh.launch(node)
                }
            }
        }

        @Test(.timeLimit(.minutes(10)))
        func twentyCutsInMidTransferLoseNothing() async throws {
            try await Self.survives(Self.through, ["origin", "relay", "narrow", "collector"]) {
                mesh,
                random in
                // Who dials where; after so many short calls each would wait for a minute.
                let dialled = ["relay": ["origin"], "narrow": ["relay", "collector"]]
                var cut = 0
                while cut < 20 {
                    await Pace.pass(seconds: Double.random(in: 0.02...0.5, using: &random))
                    let name = Bool.random(using: &random) ? "relay" : "narrow"
                    // Only what is up can be cut.
                    if try #require(mesh.lines[name]).cut() > 0 { cut += 1 }
                    for dialler in dialled[name] ?? [] {
                        _ = try await mesh.command(
                            ["call", "--quiet", "--home", mesh.home(dialler), name])
                    }
                }
            }
        }

        /// Sends real files, lets `harm` be done meanwhile, and expects each file to land once.
        static func survives(
            _ text: String,
            _ nodes: [String],
            _ harm: (Mesh, inout Seeded) async throws -> Void
        ) async throws {
            var random = Seeded()
            let seed = random.seed
            try await Mesh.with(text) { mesh in
                do {
                    try await Self.survives(mesh, nodes, &random, harm)
                } catch {
                    var reasons: [String] = []
                    for node in nodes {
                        let why = try? await mesh.ask("why", "large", at: node)
                        reasons.append(
                            "\(node): \(String(decoding: why?.output ?? [], as: UTF8.self))"
                        )
                    }
                    throw Failure(
                        "seed \(seed), \(mesh.directory): \(error)\n"
                            + reasons.joined(separator: "\n")
                    )
                }
            }
        }

        private static func survives(
            _ mesh: Mesh,
            _ nodes: [String],
            _ random: inout Seeded,
            _ harm: (Mesh, inout Seeded) async throws -> Void
        ) async throws {
            let source = "\(mesh.directory)/source"
            let count = try Sample.make(in: source)
            for node in nodes { try mesh.launch(node) }
            for node in nodes { try await mesh.waitForAnswer(of: node) }
            // It begins while the command still waits, which may lose its daemon. What was handed
            // over then is found again by the same command, and is the same parcels.
            async let sent = mesh.send(source)
            await Pace.pass(seconds: 0.5)
            try await harm(mesh, &random)
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
            try await mesh.rest(nodes, within: 60)
            #expect(try await mesh.landedCount() == count, "seed \(random.seed)")
            #expect(try await mesh.landedCount("origin") == count, "seed \(random.seed)")
            let differences = try Tree.differences(source, mesh.landed)
            #expect(differences == [], "seed \(random.seed)")
        }
    }
}
