import Foundation
import Glibc
import MeshNode
import Testing

extension IntegrationTests {
    /// What `tributary doctor` says of real nodes.
    @Suite(.serialized)
    struct Doctors {
        private static func examine(_ mesh: Mesh, _ node: String) async throws
            -> (status: Ending, report: DoctorReport)
        {
            let answer = try await mesh.command(["doctor", "--json", "--home", mesh.home(node)])
            return (answer.ending, try answer.decode(DoctorReport.self))
        }

        private static func wrong(_ report: DoctorReport) -> [String] {
            report.checks.filter { $0.state != .ok }.map {
                "\($0.state.rawValue) \($0.check) \($0.about ?? "")"
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func aMeshIsWellUntilARelayIsGone() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                try Tree.makeDirectory("\(mesh.directory)/source")
                let before = try await Self.examine(mesh, "origin")
                // The relay does not run yet.
                #expect(before.status == .exited(1))
                #expect(!before.report.isRunning)
                #expect(
                    Self.wrong(before.report) == ["warning daemon ", "error neighbour relay"]
                )

                try await mesh.start("origin", "relay", "collector")
                for node in ["origin", "relay", "collector"] {
                    try await Pace.wait("\(node) is well", within: 30) {
                        Self.wrong(try await Self.examine(mesh, node).report).isEmpty
                    }
                    let well = try await Self.examine(mesh, node)
                    #expect(well.status == .exited(0))
                    #expect(well.report.isRunning)
                    let clocks = well.report.checks.filter { $0.check == "clock" }
                    #expect(clocks.allSatisfy { $0.message.contains("agree") })
                }

                try await mesh.kill("relay")
                try await Pace.wait("the origin misses the relay", within: 30) {
                    let found = try await Self.examine(mesh, "origin")
                    return found.status == .exited(1)
                        && Self.wrong(found.report) == ["error neighbour relay"]
                }
                let text = try await mesh.command(["doctor", "--home", mesh.home("origin")]).text
                #expect(text.contains("Nobody answers at 127.0.0.1:"))
                #expect(text.hasSuffix("origin: 1 error, 0 warnings\n"))
            }
        }
    }
}
