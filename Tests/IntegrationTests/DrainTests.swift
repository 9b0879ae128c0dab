import MeshCustody
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Drains {
        /// A relay that is to go away hands on all that it holds, although more is offered to it.
        @Test(.timeLimit(.minutes(5)))
        func aRelayThatIsFedMeanwhileDrains() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory(source)
                for number in 0..<20 {
                    let bytes = Sample.bytes(Int.random(in: 1...400_000, using: &random), &random)
                    try Tree.write(bytes, to: "\(source)/before-\(number)")
                }
                try await mesh.start("origin", "relay")
                #expect(try await mesh.send(source).ending == .exited(0))
                try await Pace.wait("the relay holds all", within: 30) {
                    try await mesh.status("origin").flows.first?.held == 0
                }

                // Nobody is there to take it: what is left is listed, and the relay opens again.
                let left = try await mesh.ask("drain", "--patience", "1", "--json", at: "relay")
                #expect(left.ending == .exited(3), "\(left.errors)")
                #expect(try left.decode(DrainReport.self).left?.count == 20)

                try await mesh.start("collector")
                async let drained = mesh.ask("drain", "--stay", "--json", at: "relay")
                for number in 0..<20 {
                    let bytes = Sample.bytes(Int.random(in: 1...400_000, using: &random), &random)
                    try Tree.write(bytes, to: "\(source)/later-\(number)")
                    let answer = try await mesh.send("\(source)/later-\(number)")
                    #expect(answer.ending == .exited(0), "\(answer.errors)")
                }
                let answer = try await drained
                #expect(answer.ending == .exited(0), "\(answer.errors)")
                #expect(try await mesh.status("relay").flows.first?.held == 0)
                // It stays shut: what comes now waits at the origin.
                try Tree.write(Sample.bytes(300_000, &random), to: "\(source)/last")
                #expect(try await mesh.send("\(source)/last").ending == .exited(0))
                try await Pace.wait("the origin is put off", within: 20) {
                    try await mesh.ask("queue", "list", at: "origin").text.contains(
                        "draining relay"
                    )
                }
                #expect(try await mesh.status("relay").flows.first?.held == 0)

                let opened = try await mesh.ask("drain", "--off", at: "relay")
                #expect(opened.ending == .exited(0), "\(opened.errors)")
                try await mesh.rest(within: 60)
                #expect(try Tree.differences(source, mesh.landed) == [])
            }
        }
    }
}
