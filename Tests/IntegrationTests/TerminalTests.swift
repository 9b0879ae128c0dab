import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// What people see at a terminal, and scripts do not.
    @Suite(.serialized)
    struct Terminals {
        private static let colour = "\u{1B}[1;31m"

        @Test(.timeLimit(.minutes(5)))
        func sendShowsABarARateAndTheTimeLeftOnATerminalAndNothingInAPipe() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                for name in ["", "/sub"] { try Tree.makeDirectory(source + name) }
                var random = Seeded()
                for number in 0..<20 {
                    try Tree.write(Sample.bytes(300_000, &random), to: "\(source)/\(number)")
                }
                try Tree.write(Sample.bytes(3_000_000, &random), to: "\(source)/sub/large")
                try await mesh.start("origin", "relay")
                let screen = try Screen(columns: 100)
                let send = ["send", "--home", mesh.home("origin"), "--wait", "landed", source]
                let program = try screen.run(send, ["TERM=xterm"])
                try await Pace.wait("a bar", within: 30) {
                    screen.text.contains("[-----") && screen.text.contains("0 of 21 landed")
                } otherwise: {
                    screen.text
                }
                // The large file is held at the relay: the others land, and it goes on.
                let hold = ["--home", mesh.home("relay"), "sub/large"]
                try await Pace.wait("the relay holds it", within: 30) {
                    try await mesh.command(["queue", "hold"] + hold).ending == .exited(0)
                }
                try await mesh.start("collector")
                let line =
                    /\[#+-+\] 20 of 21 landed, [0-9.]+ MiB of 8.5 MiB, [^,]+iB\/s, [^,]+ left/
                try await Pace.wait("rate and time left", within: 40) {
                    screen.text.contains(line)
                } otherwise: {
                    String(screen.text.suffix(300))
                }
                // Nobody is told what nobody reads.
                let piped = try await mesh.command(send, within: 2)
                #expect(piped.ending == .overdue)
                #expect(piped.output == [] && piped.errors == "", "\(piped.errors)")

                _ = try await mesh.command(["queue", "release"] + hold)
                #expect(await program.ending(within: 50) == .exited(0))
                // The bar is gone, and what was to be said stands on a line of its own.
                #expect(
                    screen.text.contains("\r\u{1B}[K21 files, 8.5 MiB: 21 landed.\r\n"),
                    "\(screen.text.suffix(200))"
                )
                #expect(!screen.text.contains("\u{1B}[1"))
            }
        }

        @Test(
            arguments: [
                ([], true), (["NO_COLOR=1"], false), (["NO_COLOR="], true), (["TERM=dumb"], false),
            ] as [([String], Bool)]
        )
        func errorsAreRedOnlyForThoseWhoWantColours(
            variables: [String],
            isRed: Bool
        ) async throws {
            let screen = try Screen()
            let program = try screen.run(
                ["status", "--home", "/nowhere"],
                ["-u", "NO_COLOR", "TERM=xterm"] + variables
            )
            #expect(await program.ending(within: 20) != .exited(0))
            let text = screen.text
            #expect(text.contains("tributary:"))
            #expect(text.contains(Self.colour) == isRed, "\(text)")
            #expect(text.contains("\u{1B}") == isRed, "\(text)")
        }

        @Test(.timeLimit(.minutes(5)))
        func aPassphraseIsAskedForTwiceAndNotShown() async throws {
            let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
            let directory = "\(place)/t-\(UInt32.random(in: 0 ... .max))"
            try Tree.makeDirectory(directory)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            try Tree.write(
                Array(
                    "mesh: line\nnodes:\n  a: {sends: {f: x}}\n  b: {listens: \"b:1\", receives: y}\nlinks: [a -> b]\n"
                        .utf8
                ),
                to: "\(directory)/mesh.yaml"
            )
            let secret = "correct horse battery staple"
            for (again, ending) in [("something else", Ending.exited(2)), (secret, .exited(0))] {
                let screen = try Screen()
                let program = try screen.run([
                    "init", "--topology", "\(directory)/mesh.yaml", "--out", "\(directory)/mesh",
                    "--authority-only", "--ask-passphrase",
                ])
                for (question, answer) in [("New passphrase", secret), ("same again", again)] {
                    try await Pace.wait("it asks", within: 20) {
                        screen.text.contains(question) && !screen.echoes
                    } otherwise: {
                        screen.text
                    }
                    screen.type(answer + "\n")
                }
                #expect(await program.ending(within: 30) == ending, "\(screen.text)")
                #expect(!screen.text.contains("horse") && !screen.text.contains("else"))
                #expect(screen.echoes)
            }
        }
    }
}
