import ArgumentParser
import MeshModel
import Testing

@testable import MeshCommands

/// What `--help` says.
@Suite struct HelpTests {
    private static let commands = JSONPageTests.commands(TributaryCommand.self, [])

    @Test func everyCommandHasAnExampleThatIsUnderstood() throws {
        for (name, command) in Self.commands where command.configuration.subcommands.isEmpty {
            let help = command.helpMessage(columns: 200)
            let examples = help.matches(of: /(?m)^ *(?:\$ )?tributary ([a-z].*)$/).map { $0.1 }
            #expect(!examples.isEmpty, "\(name) has no example")
            for example in examples {
                // What the shell does with it is not the command's business.
                let words = example.replacing(/\s(&&|\||2?>).*/, with: "").split(separator: " ")
                #expect(words.joined(separator: " ").hasPrefix(name), "\(example)")
                let message = "\(example)"
                #expect(throws: Never.self, "\(message)") {
                    _ = try TributaryCommand.parseAsRoot(words.map(String.init))
                }
            }
        }
    }

    @Test func commandsAreInGroups() {
        let help = TributaryCommand.helpMessage(columns: 100)
        for group in TributaryCommand.configuration.groupedSubcommands {
            #expect(help.contains(group.name.uppercased()) || help.contains(group.name))
            #expect(!group.subcommands.isEmpty)
        }
        #expect(TributaryCommand.configuration.ungroupedSubcommands.isEmpty)
        #expect(help.contains("75 try later"))
    }

    @Test(arguments: [CompletionShell.bash, .zsh, .fish])
    func shellsCanCompleteCommands(shell: CompletionShell) {
        let script = TributaryCommand.completionScript(for: shell)
        for word in ["explain", "drain", "topology", "log-level"] {
            #expect(script.contains(word))
        }
    }

    @Test func aMeterTellsRateAndTimeLeft() {
        var meter = ProgressMeter()
        let mebibyte: Int64 = 1 << 20
        #expect(meter.pace(left: 100 * mebibyte, at: UnixMilliseconds(0)) == "")
        #expect(meter.pace(left: 95 * mebibyte, at: UnixMilliseconds(500)) == "")
        #expect(
            meter.pace(left: 80 * mebibyte, at: UnixMilliseconds(2_000))
                == ", 10.0 MiB/s, 8.0 s left"
        )
        #expect(meter.pace(left: 0, at: UnixMilliseconds(4_000)) == ", 25.0 MiB/s")
        #expect(meter.pace(left: 5, at: UnixMilliseconds(60_000)) == "")
        // A large file lands after a while, all at once.
        #expect(meter.pace(left: 5, at: UnixMilliseconds(62_000)) == "")
        #expect(
            meter.pace(left: 5, at: UnixMilliseconds(69_500)) == ", none in the last 10 s"
        )
    }

    @Test func aBarTakesTheRoomThatTheTextLeaves() {
        let text = "3 of 5"
        #expect(
            ProgressMeter.bar(0.5, beside: text, columns: 79) == "[##########----------] "
        )
        #expect(ProgressMeter.bar(0.99, beside: text, columns: 14) == "[####-] ")
        #expect(ProgressMeter.bar(1.5, beside: text, columns: 14) == "[#####] ")
        #expect(ProgressMeter.bar(0.5, beside: text, columns: 13) == "")
    }

    @Test func onlyTheBeginningOfALineIsColoured() {
        #expect(Terminal.coloured("tributary: no") == "\u{1B}[1;31mtributary:\u{1B}[0m no")
        #expect(Terminal.coloured("mesh.yaml:1:1: error") == "mesh.yaml:1:1: error")
    }
}
