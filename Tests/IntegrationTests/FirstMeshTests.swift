import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// `docs/guide/first-mesh.md`: every command of the guide, on three machines that are directories.
    @Suite(.serialized)
    struct FirstMesh {
        private static let top = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../..").standardizedFileURL

        /// The blocks that run at a machine, in the order of the page.
        private static func blocks() throws -> [(machine: String, text: String)] {
            let page = try String(
                contentsOf: Self.top.appending(path: "docs/guide/first-mesh.md"),
                encoding: .utf8
            )
            return page.matches(of: /```sh at (?<machine>[a-z]+)\n(?<text>(?s).*?)```/).map {
                (String($0.machine), String($0.text))
            }
        }

        /// Copies between the machines, which lie side by side.
        private static let scp = """
            #!/bin/sh
            from=$1; to=$2
            case $from in *:*) from="../${from%%:*}/${from#*:}" ;; esac
            case $to in *:*) to="../${to%%:*}/${to#*:}" ;; esac
            exec cp "$from" "$to"
            """

        /// Notes the daemons, so that the test can end them.
        private static let tributary = """
            #!/bin/sh
            case $1 in run) echo $$ >>../daemons ;; esac
            exec PROGRAM "$@"
            """

        private static func freePort() throws -> Int {
            let line = try Program(
                "/usr/bin/env",
                ["true"].map { Array($0.utf8) },
                output: "/dev/null",
                errors: "/dev/null"
            )
            return 20_000 + Int(line.pid) % 12_000
        }

        private static func install(_ text: String, as path: URL) throws {
            try Data(text.utf8).write(to: path)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755],
                ofItemAtPath: path.path
            )
        }

        @Test(.timeLimit(.minutes(5)))
        func everyCommandOfTheGuideDoesWhatItSays() async throws {
            // Short: the path of a Unix socket has at most 107 bytes.
            let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
            let root = URL(filePath: place).appending(path: "g-\(UInt32.random(in: 0 ... .max))")
            let files = FileManager.default
            for name in ["bin", "site", "dmz", "hq"] {
                try files.createDirectory(
                    at: root.appending(path: name),
                    withIntermediateDirectories: true
                )
            }
            defer {
                let daemons = try? String(
                    contentsOf: root.appending(path: "daemons"),
                    encoding: .utf8
                )
                for pid in (daemons ?? "").split(separator: "\n").compactMap({ pid_t($0) }) {
                    kill(pid, SIGTERM)
                }
                try? files.removeItem(at: root)
            }
            try Self.install(Self.scp, as: root.appending(path: "bin/scp"))
            try Self.install(
                Self.tributary.replacing("PROGRAM", with: Mesh.tributary),
                as: root.appending(path: "bin/tributary")
            )
            let port = try Self.freePort()
            var said: [String] = []
            for (machine, text) in try Self.blocks() {
                // The machines share one file system and one network here: that alone is another.
                let here = root.appending(path: machine).path
                let script = text.replacing("/srv/", with: "\(here)/srv/")
                    .replacing("dmz.example.org:7443", with: "127.0.0.1:\(port)")
                    .replacing("reports: \(here)", with: "reports: \(root.path)/site")
                try files.createDirectory(
                    atPath: "\(here)/srv",
                    withIntermediateDirectories: true
                )
                let answer = try await Program.answer(
                    "/usr/bin/env",
                    [
                        "-C", here, "PATH=\(root.path)/bin:/usr/bin:/bin",
                        "TRIBUTARY_HOME=\(here)/home", "/bin/bash", "-euc", script,
                    ],
                    in: root.path
                )
                try #require(answer.ending == .exited(0), "\(machine): \(text)\n\(answer.errors)")
                said.append(answer.text)
            }
            let all = said.joined()
            #expect(all.contains("coast: 3 nodes, 2 links, 1 flow\n  reports: site to hq\n"))
            #expect(all.contains("1 file, 12 bytes: 1 landed."))
            #expect(all.contains("first.txt: landed"))
            #expect(all.contains("all is well"))
            #expect(said.last?.contains("Nothing is left") == true)
        }
    }
}
