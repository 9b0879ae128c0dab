import Foundation
import Glibc
import MeshCustody
import MeshModel
import MeshNode
import Testing

extension IntegrationTests {
    /// Lines that break and come back, and the command that dials.
    @Suite(.serialized)
    struct Calls {
        static let hasty = ["/usr/bin/env", "TRIBUTARY_TEST_HASTE=20"]
        static let pair = """
            mesh: pair
            nodes:
              origin: {sends: {files: HERE/source}}
              collector: {listens: "127.0.0.1:PORT", receives: landed}
            links: [origin -> collector]
            """

        /// Whether a network of a test's own can be made: root, and util-linux and iproute2.
        static let hasNetworks: Bool = {
            guard
                let program = try? Program(
                    "/usr/bin/unshare",
                    ["-n", "/bin/sh", "-c", "ip link set lo up"].map { Array($0.utf8) },
                    output: "/dev/null",
                    errors: "/dev/null"
                )
            else { return false }
            var info = siginfo_t()
            return waitid(P_PID, id_t(program.pid), &info, WEXITED | WNOWAIT) != 0
                || info._sifields._sigchld.si_status == 0
        }()

        static func call(_ mesh: Mesh, _ node: String, from home: String) async throws -> Answer {
            try await mesh.command(["call", node, "--json", "--home", mesh.home(home)])
        }

        static func neighbour(_ mesh: Mesh, of node: String) async throws
            -> StatusReport.Neighbour
        {
            try #require(try await mesh.status(node).neighbours.first)
        }

        static func wait(
            _ mesh: Mesh,
            _ node: String,
            within seconds: Double,
            for words: String...
        ) async throws {
            var last = ""
            try await Pace.wait("\(node) says \(words)", within: seconds) {
                let neighbour = try await Self.neighbour(mesh, of: node)
                last = "\(neighbour)"
                return words.contains(neighbour.state)
            } otherwise: {
                last
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func callDialsAtOnceAndSaysWhatCameOfIt() async throws {
            try await Mesh.with(Self.pair) { mesh in
                #expect(try await Self.call(mesh, "collector", from: "origin").ending == .exited(4))
                try Tree.makeDirectory("\(mesh.directory)/source")
                try await mesh.start("origin")
                let failed = try await Self.call(mesh, "collector", from: "origin")
                #expect(failed.ending == .exited(1))
                #expect(failed.errors.contains("[unreachable]"), "\(failed.errors)")
                let report = try failed.decode(CallReport.self)
                #expect(report.outcome == "failed")
                #expect(report.error?.code == "unreachable")

                // Until the next attempt is far away.
                try await Pace.wait("the delay has grown", within: 60) {
                    let next = try await Self.neighbour(mesh, of: "origin").next
                    let left = (next?.milliseconds.rawValue ?? 0) - Self.now
                    return left > 3_000
                }
                #expect(try await Self.neighbour(mesh, of: "origin").state == "backing-off")
                try await mesh.start("collector")
                let opened = try await Self.call(mesh, "collector", from: "origin")
                #expect(opened.ending == .exited(0), "\(opened.errors)")
                // Unless the collector took so long to start that the next attempt came by itself.
                let outcome = try opened.decode(CallReport.self).outcome
                #expect(outcome == "opened" || outcome == "open")
                let again = try await Self.call(mesh, "collector", from: "origin")
                #expect(try again.decode(CallReport.self).outcome == "open")
                #expect(try await Self.neighbour(mesh, of: "origin").state == "ok")

                #expect(try await Self.call(mesh, "nobody", from: "origin").ending == .exited(6))
                #expect(try await Self.call(mesh, "origin", from: "collector").ending == .exited(0))
                try await mesh.kill("origin")
                try await Self.wait(mesh, "collector", within: 10, for: "expected")
                let other = try await Self.call(mesh, "origin", from: "collector")
                #expect(other.ending == .exited(7))
                #expect(other.errors.contains("tributary call collector"), "\(other.errors)")
            }
        }

        static var now: Int64 {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
        }

        @Test(.timeLimit(.minutes(5)))
        func aPeerThatHangsIsFoundSilentAndDeliveryGoesOnWhenItLives() async throws {
            try await Mesh.with(Self.pair) { mesh in
                let source = "\(mesh.directory)/source"
                try Tree.makeDirectory(source)
                for node in ["collector", "origin"] { try mesh.launch(node, under: Self.hasty) }
                try await mesh.waitForAnswer(of: "origin")
                try await Self.wait(mesh, "origin", within: 30, for: "ok", "idle")
                mesh.daemon("collector")?.signal(SIGSTOP)
                var random = Seeded()
                try Tree.write(Sample.bytes(5 << 20, &random), to: "\(source)/large")
                // Its system still accepts calls: the first is silent, those after time out.
                try await Self.wait(mesh, "origin", within: 30, for: "silent", "backing-off")
                #expect(mesh.endOfLog("origin").contains("error.code=silent"))
                mesh.daemon("collector")?.signal(SIGCONT)
                _ = try await Self.call(mesh, "collector", from: "origin")
                try await Pace.wait("it lands", within: 60) {
                    try await mesh.landedCount() == 1
                }
                #expect(try Tree.differences(source, mesh.landed) == [])
            }
        }

        @Test(
            .enabled(if: Self.hasNetworks, "no network of our own can be made"),
            .timeLimit(.minutes(5))
        )
        func aLineThatWasDownIsDialledAtOnceWhenItIsBack() async throws {
            try await Mesh.with(Self.pair) { mesh in
                let source = "\(mesh.directory)/source"
                try Tree.makeDirectory(source)
                try mesh.launch("origin", under: Self.hasty + ["/usr/bin/unshare", "-n"])
                try await mesh.waitForAnswer(of: "origin")
                let pid = try #require(mesh.daemon("origin")?.pid)
                let inside = ["/usr/bin/nsenter", "--net=/proc/\(pid)/ns/net"]
                func line(_ state: String) async throws {
                    // Down with its address, as a modem's line is.
                    let script = state == "down" ? "ip addr flush dev lo; " : ""
                    let arguments =
                        [inside[1], "/bin/sh", "-c"] + [
                            "\(script)ip link set lo \(state)"
                        ]
                    let program = try Program(
                        inside[0],
                        arguments.map { Array($0.utf8) },
                        output: mesh.log("line"),
                        errors: mesh.log("line")
                    )
                    #expect(await program.ending(within: 10) == .exited(0))
                }
                try await Pace.wait("there is no way", within: 10) {
                    try await Self.neighbour(mesh, of: "origin").lastError?.code == "no_route"
                }
                try await line("up")
                try mesh.launch("collector", under: Self.hasty + inside)
                try await Self.wait(mesh, "origin", within: 30, for: "ok", "idle")

                // The line goes down under an open call, and a file waits.
                try await line("down")
                try Tree.write(Array("while down".utf8), to: "\(source)/file")
                try await Pace.wait("the call is dead and there is no way", within: 40) {
                    try await Self.neighbour(mesh, of: "origin").lastError?.code == "no_route"
                }
                for _ in 0..<3 {
                    // However often it was tried, the next attempt is near.
                    let neighbour = try await Self.neighbour(mesh, of: "origin")
                    let left = (neighbour.next?.milliseconds.rawValue ?? 0) - Self.now
                    #expect(left <= 10_000)
                    await Pace.pass(seconds: 1)
                }
                // By itself it would look again after 5 to 10 s: wait for a look that just was.
                try await Pace.wait("it has just looked", within: 15, every: 0.05) {
                    let neighbour = try await Self.neighbour(mesh, of: "origin")
                    return (neighbour.next?.milliseconds.rawValue ?? 0) - Self.now > 4_500
                }
                try await line("up")
                try await Self.wait(mesh, "origin", within: 3, for: "ok", "idle")
                try await Pace.wait("it lands", within: 30) { try await mesh.landedCount() == 1 }
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func twoNodesFromOneHomeAreDoubledUntilOneIsAdopted() async throws {
            try await Mesh.with(Self.pair) { mesh in
                try Tree.makeDirectory("\(mesh.directory)/source")
                for node in ["collector", "origin"] { try mesh.launch(node, under: Self.hasty) }
                try await mesh.waitForAnswer(of: "origin")
                try await Self.wait(mesh, "origin", within: 30, for: "ok", "idle")
                // A fresh log is its own life; a copy is made of one that has begun.
                #expect(await mesh.stop("origin") == .exited(0))
                try? FileManager.default.removeItem(atPath: "\(mesh.home("origin"))/control.sock")
                try FileManager.default.copyItem(
                    atPath: mesh.home("origin"),
                    toPath: mesh.home("copy")
                )
                for node in ["origin", "copy"] { try mesh.launch(node, under: Self.hasty) }
                try await Self.wait(mesh, "collector", within: 30, for: "doubled")
                for node in ["origin", "copy"] {
                    try await Self.wait(mesh, node, within: 60, for: "doubled")
                }
                let log = FileManager.default.contents(atPath: mesh.log("collector")) ?? Data()
                let lines = String(decoding: log, as: UTF8.self).split(separator: "\n")
                #expect(lines.count { $0.contains("error.code=doubled") } == 1)

                #expect(await mesh.stop("copy") == .exited(0))
                let adopted = try await mesh.command(["adopt", "--home", mesh.home("origin")])
                #expect(adopted.ending == .exited(0), "\(adopted.errors)")
                _ = try await Self.call(mesh, "collector", from: "origin")
                try await Self.wait(mesh, "collector", within: 30, for: "ok", "idle")
            }
        }
    }
}
