import Foundation
import Glibc
import MeshCustody
import MeshNode
import Testing

extension IntegrationTests {
    /// Keys that are made where they stay, certified elsewhere, and renewed while files flow.
    @Suite(.serialized)
    struct Keys {
        private static let nodes = ["origin", "relay", "collector"]

        /// What `keys issue --json` says.
        private struct Issued: Decodable {
            struct Node: Decodable {
                let node: String
                let keys: String
                let fingerprint: String
                let file: String
            }

            let serial: Int
            let nodes: [Node]
        }

        private static func issue(
            _ mesh: Mesh,
            authority: String,
            _ requests: [String],
            expecting status: Int32 = 0
        ) async throws -> Answer {
            let answer = try await mesh.command(
                [
                    "keys", "issue", "--json", "--authority", "\(mesh.directory)/\(authority)",
                    "--topology", "\(mesh.directory)/mesh.yaml", "--out", "\(mesh.directory)/out",
                ] + requests
            )
            #expect(answer.ending == .exited(status), "\(answer.errors)")
            return answer
        }

        private static func request(_ mesh: Mesh, _ node: String, home: String) async throws
            -> String
        {
            let file = "\(mesh.directory)/\(URL(filePath: home).lastPathComponent).request"
            let answer = try await mesh.command(
                ["keys", "request", "--home", home, "--node", node, "--out", file]
            )
            #expect(answer.ending == .exited(0), "\(answer.errors)")
            return file
        }

        private static func join(
            _ mesh: Mesh,
            _ node: String,
            _ more: String...,
            file: String? = nil
        ) async throws -> Answer {
            try await mesh.command(
                [
                    "join", file ?? "\(mesh.directory)/out/\(node).join", "--home",
                    mesh.home(node),
                ] + more
            )
        }

        private static func show(_ mesh: Mesh, _ node: String) async throws -> KeysReport {
            try await mesh.command(["keys", "show", "--json", "--home", mesh.home(node)])
                .decode(KeysReport.self)
        }

        @Test(.timeLimit(.minutes(5)))
        func threeMachinesMakeTheirKeysAndFilesCross() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                // Nothing of what `init` made is used, but for the topology.
                try FileManager.default.removeItem(atPath: "\(mesh.directory)/mesh")
                let passphrase = "\(mesh.directory)/passphrase"
                try Data("six words that nobody puts together\n".utf8)
                    .write(to: URL(filePath: passphrase))
                let made = try await mesh.command([
                    "init", "--authority-only", "--topology", "\(mesh.directory)/mesh.yaml",
                    "--out", "\(mesh.directory)/office", "--passphrase-file", passphrase,
                ])
                #expect(made.ending == .exited(0), "\(made.errors)")
                var requests: [String] = []
                for node in Self.nodes {
                    requests.append(try await Self.request(mesh, node, home: mesh.home(node)))
                }
                let without = try await Self.issue(
                    mesh,
                    authority: "office/authority",
                    requests,
                    expecting: 2
                )
                #expect(without.errors.contains("passphrase_needed"))
                let issued = try await Self.issue(
                    mesh,
                    authority: "office/authority",
                    requests + ["--passphrase-file", passphrase]
                ).decode(Issued.self)
                #expect(issued.nodes.map(\.keys) == ["new", "new", "new"])
                for (node, entry) in zip(Self.nodes, issued.nodes) {
                    #expect(try await Self.show(mesh, node).fingerprint == entry.fingerprint)
                }

                let unconfirmed = try await Self.join(mesh, "origin")
                #expect(unconfirmed.ending == .exited(7))
                #expect(unconfirmed.errors.contains("authority_unconfirmed"))
                let wrong = try await Self.join(
                    mesh,
                    "origin",
                    "--authority-fingerprint",
                    String(repeating: "0", count: 64)
                )
                #expect(wrong.ending == .exited(7))
                #expect(wrong.errors.contains("authority_changed"))
                let other = try await Self.join(
                    mesh,
                    "origin",
                    "--trust",
                    file: "\(mesh.directory)/out/relay.join"
                )
                #expect(other.ending == .exited(7))
                #expect(other.errors.contains("relay.join is for relay"))
                try await Self.tamper(mesh)

                #expect(try await Self.join(mesh, "origin", "--trust").ending == .exited(0))
                let fingerprint = try #require(try await Self.show(mesh, "origin").authority)
                for node in ["relay", "collector"] {
                    let joined = try await Self.join(
                        mesh,
                        node,
                        "--authority-fingerprint",
                        fingerprint.uppercased()
                    )
                    #expect(joined.ending == .exited(0), "\(joined.errors)")
                }

                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory(source)
                for size in [0, 10, 70_000, 3_000_000] {
                    try Tree.write(Sample.bytes(size, &random), to: "\(source)/\(size)")
                }
                try await mesh.start("origin", "relay", "collector")
                #expect(try await mesh.send(source, waiting: true).ending == .exited(0))
                #expect(try Tree.differences(source, mesh.landed) == [])
            }
        }

        /// Any changed character is noticed.
        private static func tamper(_ mesh: Mesh) async throws {
            let whole = try String(
                contentsOfFile: "\(mesh.directory)/out/origin.join",
                encoding: .utf8
            )
            let file = "\(mesh.directory)/tampered.join"
            var lines = whole.split(separator: "\n")
            for line in [1, lines.count / 2, lines.count - 2] {
                let before = lines[line]
                lines[line] = Substring(before.reversed())
                try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: file))
                let answer = try await Self.join(mesh, "origin", "--trust", file: file)
                #expect(answer.ending != .exited(0))
                #expect(answer.errors.contains("["), "\(answer.errors)")
                lines[line] = before
            }
            #expect(try await Self.show(mesh, "origin").mesh == nil)
        }

        @Test(.timeLimit(.minutes(5)))
        func whoeverDoesNotBelongIsRefused() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let stranger = try await Self.request(
                    mesh,
                    "stranger",
                    home: "\(mesh.directory)/elsewhere/stranger"
                )
                let undeclared = try await Self.issue(
                    mesh,
                    authority: "mesh/authority",
                    [stranger],
                    expecting: 7
                )
                #expect(undeclared.errors.contains("does not declare"))
                let thief = try await Self.request(
                    mesh,
                    "relay",
                    home: "\(mesh.directory)/elsewhere/relay"
                )
                let unproven = try await Self.issue(
                    mesh,
                    authority: "mesh/authority",
                    [thief],
                    expecting: 7
                )
                #expect(unproven.errors.contains("key_change_unproven"))
                let nonsense = "\(mesh.directory)/mesh.yaml"
                let unreadable = try await Self.issue(
                    mesh,
                    authority: "mesh/authority",
                    [nonsense],
                    expecting: 7
                )
                #expect(unreadable.errors.contains("request_refused"))
                let none = try await mesh.command(
                    ["keys", "show", "--home", "\(mesh.directory)/nowhere"]
                )
                #expect(none.ending == .exited(6))
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func keysAreRenewedWhileFilesFlow() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory(source)
                for number in 0..<300 {
                    let size = number % 10 == 0 ? 4_000_000 : 30_000
                    try Tree.write(Sample.bytes(size, &random), to: "\(source)/\(number)")
                }
                try await mesh.start("origin", "relay", "collector")
                let before = try await Self.show(mesh, "relay")
                #expect(try await mesh.send(source).ending == .exited(0))

                let file = "\(mesh.directory)/relay.request"
                let renewed = try await mesh.command([
                    "keys", "renew", "--new-keys", "--home", mesh.home("relay"), "--out", file,
                ])
                #expect(renewed.ending == .exited(0), "\(renewed.errors)")
                let issued = try await Self.issue(mesh, authority: "mesh/authority", [file])
                    .decode(Issued.self)
                #expect(issued.serial == 2)
                #expect(issued.nodes.map(\.keys) == ["kept", "rekeyed", "kept"])
                // Those who will meet the new keys first.
                for node in ["origin", "collector", "relay"] {
                    let joined = try await Self.join(mesh, node)
                    #expect(joined.ending == .exited(0), "\(joined.errors)")
                    #expect(joined.text.contains("The daemon has taken it up."))
                    #expect(try await mesh.status(node).serial == 2)
                }
                let after = try await Self.show(mesh, "relay")
                #expect(after.fingerprint != before.fingerprint)
                #expect(after.fingerprint == issued.nodes[1].fingerprint)

                try await Pace.wait("all has landed", within: 60) {
                    try await mesh.landedCount() >= 300
                }
                try await mesh.rest(within: 30)
                #expect(try Tree.differences(source, mesh.landed) == [])
                #expect(try await mesh.landedCount() == 300)
                for node in Self.nodes {
                    let daemon = try #require(mesh.daemon(node))
                    #expect(daemon.isRunning)
                    #expect(await mesh.stop(node) == .exited(0))
                }
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func aNodeThatCannotRunWithWhatIsNewGoesOnWithWhatItHad() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                try Tree.makeDirectory(source)
                try Tree.write([1, 2, 3], to: "\(source)/file")
                try await mesh.start("origin", "relay", "collector")
                // The collector is to listen where the relay does.
                let file = "\(mesh.directory)/mesh.yaml"
                let text = try String(contentsOfFile: file, encoding: .utf8)
                let ports = text.matches(of: /127\.0\.0\.1:[0-9]+/).map { $0.0 }
                try #require(ports.count == 2)
                try Data(text.replacing(ports[1], with: ports[0]).utf8)
                    .write(to: URL(filePath: file))
                _ = try await Self.issue(mesh, authority: "mesh/authority", [])
                let joined = try await Self.join(mesh, "collector")
                #expect(joined.ending == .exited(3), "\(joined.errors)")
                #expect(joined.errors.contains("not_taken_up"))
                #expect(try await mesh.status("collector").serial == 1)
                #expect(mesh.endOfLog("collector").contains("Home not taken over"))
                #expect(try await mesh.send(source, waiting: true).ending == .exited(0))
                #expect(try Tree.differences(source, mesh.landed) == [])
                // Corrected, it is taken up.
                try Data(text.utf8).write(to: URL(filePath: file))
                _ = try await Self.issue(mesh, authority: "mesh/authority", [])
                #expect(try await Self.join(mesh, "collector").ending == .exited(0))
                #expect(try await mesh.status("collector").serial == 3)
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func whatTheSiteForbidsIsShownAndTheRestRuns() async throws {
            let topology = """
                mesh: line
                nodes:
                  origin: {sends: {files: HERE/source, secrets: HERE/secrets}}
                  collector: {listens: "127.0.0.1:PORT", receives: landed}
                links: [origin -> collector]
                flows: {files: {done-when: sent}, secrets: {done-when: sent}}
                """
            try await Mesh.with(topology) { mesh in
                for name in ["source", "secrets"] {
                    try Tree.makeDirectory("\(mesh.directory)/\(name)")
                    try Tree.write(Array("text".utf8), to: "\(mesh.directory)/\(name)/file")
                }
                try Data("sources: [\(mesh.directory)/source]\n".utf8)
                    .write(to: URL(filePath: "\(mesh.home("origin"))/site.yaml"))
                try await mesh.start("origin", "collector")
                let forbidden = try #require(try await mesh.status("origin").forbidden)
                #expect(forbidden.map(\.message).contains { $0.contains("/secrets") })
                let text = try await mesh.command(["status", "--home", mesh.home("origin")]).text
                #expect(text.contains("site_forbids"))
                let refused = try await mesh.send("\(mesh.directory)/secrets/file")
                #expect(refused.ending == .exited(7))
                #expect(refused.errors.contains("site_forbids"))
                let sent = try await mesh.send("\(mesh.directory)/source/file", waiting: true)
                #expect(sent.ending == .exited(0), "\(sent.errors)")
                #expect(
                    !FileManager.default.fileExists(
                        atPath: "\(mesh.home("collector"))/landed/origin/secrets"
                    )
                )
            }
        }
    }
}
