import Foundation
import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    /// Those who call and may not: cut off in time, each with one line in the log that has a code.
    @Suite(.serialized)
    struct Strangers {
        static let openssl: String? = ["/usr/bin/openssl", "/usr/local/bin/openssl"].first {
            (place: String) in access(place, X_OK) == 0
        }

        /// Runs `openssl`, if need be with something to say first, until the other end hangs up.
        static func openssl(
            _ mesh: Mesh,
            _ arguments: String,
            saying bytes: String = ""
        ) async throws {
            let script = "printf '\(bytes)' | \(Self.openssl ?? "") \(arguments)"
            let program = try Program(
                "/bin/sh",
                ["-c", script].map { Array($0.utf8) },
                output: mesh.log("stranger"),
                errors: mesh.log("stranger")
            )
            #expect(await program.ending(within: 20) != .overdue, "\(arguments)")
        }

        static func port(_ mesh: Mesh, of node: String) throws -> String {
            let text = FileManager.default.contents(atPath: "\(mesh.directory)/mesh.yaml") ?? Data()
            let line = String(decoding: text, as: UTF8.self).split(separator: "\n")
                .first { $0.contains("\(node): {listens") }
            let port = line?.split(separator: ":").compactMap { UInt16($0.prefix { $0.isNumber }) }
            return String(try #require(port?.last))
        }

        static func codes(_ mesh: Mesh, _ node: String) -> [String] {
            let log = FileManager.default.contents(atPath: mesh.log(node)) ?? Data()
            return String(decoding: log, as: UTF8.self)
                .matches(of: /error\.code=([a-z_]+)/).map { String($0.1) }
        }

        @Test(
            .enabled(if: Self.openssl != nil, "openssl is not installed"),
            .timeLimit(.minutes(5))
        )
        func eachIsOneLineAndTheNodeGoesOn() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                try Tree.makeDirectory("\(mesh.directory)/source")
                for node in ["relay", "collector"] { try mesh.launch(node, under: Calls.hasty) }
                for node in ["relay", "collector"] { try await mesh.waitForAnswer(of: node) }
                let relay =
                    "s_client -quiet -alpn tributary/1 -connect 127.0.0.1:"
                    + (try Self.port(mesh, of: "relay"))
                let collector =
                    "s_client -quiet -alpn tributary/1 -connect 127.0.0.1:"
                    + (try Self.port(mesh, of: "collector"))
                let keys = "\(mesh.home("origin"))/keys"
                let origin = " -cert \(keys)/tls.crt -key \(keys)/tls.key"
                let own = "\(mesh.directory)/own"
                try await Self.openssl(
                    mesh,
                    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x "
                        + "-keyout \(own).key -out \(own).crt"
                )

                // Of the mesh, and no neighbour; nobody's certificate; a neighbour that says
                // nothing; one that begins with a frame that is too long.
                try await Self.openssl(mesh, collector + origin)
                try await Self.openssl(mesh, relay + " -cert \(own).crt -key \(own).key")
                try await Self.openssl(mesh, relay + origin)
                try await Self.openssl(mesh, relay + origin, saying: #"\005\001\000\001"#)
                #expect(Self.codes(mesh, "collector") == ["not_neighbour"])
                #expect(
                    Self.codes(mesh, "relay").filter { $0 != "unreachable" }
                        == ["certificate_refused", "timed_out", "frame_too_long"]
                )

                try await mesh.start("origin")
                let source = "\(mesh.directory)/source"
                try Tree.write(Array("still there".utf8), to: "\(source)/file")
                let sent = try await mesh.send(source, waiting: true)
                #expect(sent.ending == .exited(0), "\(sent.errors)")
            }
        }
    }
}
