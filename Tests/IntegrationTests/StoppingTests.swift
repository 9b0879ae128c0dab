import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Stopping {
        @Test(.timeLimit(.minutes(5)))
        func nodesStopCleanlyUnderLoadAndGoOnLater() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory(source)
                for number in 0..<300 {
                    try Tree.write(Sample.bytes(3_000, &random), to: "\(source)/small \(number)")
                }
                for number in 0..<20 {
                    try Tree.write(Sample.bytes(8 << 20, &random), to: "\(source)/large \(number)")
                }
                try await mesh.start("origin", "relay", "collector")
                async let sent = mesh.send(source, waiting: true)
                await Pace.pass(seconds: 0.7)
                for node in ["relay", "collector", "origin"] {
                    #expect(await mesh.stop(node) == .exited(0), "\(mesh.endOfLog(node))")
                }
                #expect(try await sent.ending != .exited(0))
                try await mesh.start("collector", "origin", "relay")
                let again = try await mesh.send(source, waiting: true)
                #expect(again.ending == .exited(0), "\(again.errors)")
                try await mesh.rest(within: 20)
                #expect(try await mesh.landedCount() == 320)
                #expect(try Tree.differences(source, mesh.landed) == [])
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func aSecondDaemonOnTheSameHomeIsRefused() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                try await mesh.start("origin")
                let second = try await mesh.command(
                    ["run", "--home", mesh.home("origin")],
                    within: 20
                )
                #expect(second.ending != .exited(0))
                #expect(second.ending != .overdue)
                #expect(second.errors.contains("already_running"), "\(second.errors)")
                #expect(try await mesh.status("origin").node == "origin")
                try await mesh.kill("origin")
                try await mesh.start("origin")
                #expect(await mesh.stop("origin") == .exited(0), "\(mesh.endOfLog("origin"))")
            }
        }
    }
}
