import Foundation
import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    /// Homes that lose their spools, or come back from a backup.
    @Suite(.serialized)
    struct Lives {
        @Test(.timeLimit(.minutes(5)))
        func aRelayWhoseSpoolIsRemovedGetsAllOfItAgain() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = try Self.fill(mesh, "a", count: 200)
                try await mesh.start("origin", "relay")
                #expect(try await mesh.send(source).ending == .exited(0))
                try await Pace.wait("the relay has custody of all", within: 60) {
                    try await mesh.status("origin").flows.first?.held == 0
                }
                #expect(try await mesh.status("relay").flows.first?.held == 200)

                #expect(await mesh.stop("relay") == .exited(0))
                try FileManager.default.removeItem(atPath: "\(mesh.home("relay"))/spool")
                try await mesh.start("relay", "collector")
                try await Pace.wait("all is landed, as the origin knows", within: 90) {
                    try await mesh.status("origin").flows.first?.landed == 200
                } otherwise: {
                    "\(String(describing: try? await mesh.status("relay")))"
                }
                #expect(try Tree.differences(source, mesh.landed) == [])
                try await mesh.rest(within: 30)
                let relay = try await mesh.status("relay")
                #expect(relay.incarnation.hasPrefix("2-"))
                #expect(relay.life?.state == "whole")
                #expect(try await mesh.landedCount() == 200)
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func aHomeFromABackupStandsStillUntilItIsAdopted() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = try Self.fill(mesh, "a", count: 10)
                let (home, backup) = (mesh.home("origin"), "\(mesh.directory)/backup")
                let files = FileManager.default
                try await mesh.start("origin", "relay", "collector")
                #expect(try await mesh.send(source, waiting: true).ending == .exited(0))
                #expect(await mesh.stop("origin") == .exited(0))
                unlink("\(home)/control.sock")
                try files.copyItem(atPath: home, toPath: backup)
                try await mesh.start("origin")
                _ = try Self.fill(mesh, "b", count: 10)
                #expect(try await mesh.send(source, waiting: true).ending == .exited(0))

                #expect(await mesh.stop("origin") == .exited(0))
                try files.removeItem(atPath: home)
                try files.moveItem(atPath: backup, toPath: home)
                for _ in 0..<2 {
                    try await mesh.start("origin")
                    try await Pace.wait("the origin stands still", within: 30) {
                        try await mesh.status("origin").life?.state == "rolled-back"
                    }
                    #expect(await mesh.stop("origin") == .exited(0))
                }
                #expect(mesh.endOfLog("origin").contains("tributary adopt"))
                try await mesh.start("origin")
                _ = try Self.fill(mesh, "c", count: 4)
                let refused = try await mesh.send(source)
                #expect(refused.ending == .exited(7))
                #expect(refused.errors.contains("tributary adopt"))
                #expect(try await mesh.landedCount() == 20)

                let adopt = ["adopt", "--json", "--home", home]
                let adopted = try await mesh.command(adopt)
                #expect(adopted.ending == .exited(0))
                #expect(try adopted.decode(AdoptReport.self).incarnation.hasPrefix("2-"))
                #expect(try await mesh.command(adopt).ending == .exited(7))
                #expect(try await mesh.send(source, waiting: true).ending == .exited(0))
                #expect(try Tree.differences(source, mesh.landed) == [])
                try await mesh.rest(within: 30)
                let again = try await mesh.trace("b-1", at: "collector").parcels
                #expect(again.count == 2)
                #expect(again.flatMap(\.events).filter { $0.detail == "same" }.count == 1)
            }
        }

        /// Writes small and large files into the origin's source.
        static func fill(_ mesh: Mesh, _ word: String, count: Int) throws -> String {
            let source = "\(mesh.directory)/source"
            var random = Seeded()
            try Tree.makeDirectory(source)
            for number in 0..<count {
                let bytes = Sample.bytes(number.isMultiple(of: 4) ? 150_000 : 1_500, &random)
                try Tree.write(bytes, to: "\(source)/\(word)-\(number)")
            }
            return source
        }
    }
}
