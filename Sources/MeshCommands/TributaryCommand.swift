package import ArgumentParser
import Glibc
import MeshTopology

/// `tributary` and its subcommands.
package struct TributaryCommand: AsyncParsableCommand {
    /// Name, abstract and subcommands.
    package static let configuration = CommandConfiguration(
        commandName: "tributary",
        abstract: "Carries files to one collector, through whatever lies between.",
        discussion: """
            Commands but `init`, `topology`, `keys`, `run`, `demo` and `explain` talk to the daemon \
            of one home: `--home DIR`, else $TRIBUTARY_HOME, else /var/lib/tributary. Results go to \
            stdout, all else to stderr; `--json` is for scripts, NO_COLOR for no colours.

            Examples:
              tributary init --topology coastwatch.yaml --out mesh
              tributary run --home mesh/buoy-7
              tributary send --wait landed /data/sonar/a.wav
              tributary why /data/sonar/a.wav

            Exit codes: \(CommandStatus.summary).
            """,
        version: "0.1.0-dev",
        groupedSubcommands: [
            CommandGroup(
                name: "Make and run a mesh:",
                subcommands: [
                    InitCommand.self, TopologyCommand.self, KeysCommand.self, JoinCommand.self,
                    RunCommand.self,
                ]
            ),
            CommandGroup(
                name: "Files:",
                subcommands: [
                    SendCommand.self, WhyCommand.self, TraceCommand.self, QueueCommand.self,
                ]
            ),
            CommandGroup(
                name: "The node:",
                subcommands: [
                    StatusCommand.self, SourcesCommand.self, SitesCommand.self, CallCommand.self,
                    DrainCommand.self, AdoptCommand.self, DoctorCommand.self,
                ]
            ),
            CommandGroup(name: "Help:", subcommands: [ExplainCommand.self, DemoCommand.self]),
        ]
    )

    /// Makes the command; its options come from the command line.
    package init() {}

    /// Parses the command line, does what it says, and exits.
    package static func runAndExit() async -> Never {
        Glibc.exit(await Self.status(of: nil).rawValue)
    }

    /// Does what `arguments` say, or the process's own; what goes wrong is on stderr by then.
    static func status(of arguments: [String]?) async -> CommandStatus {
        do {
            var command = try Self.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return .done
        } catch let status as CommandStatus {
            return status
        } catch let findings as TopologyFindings {
            // One under the other with their places, as compilers show them.
            Terminal.complain(findings.description)
            return .failed
        } catch {
            // Help and version end as errors too, and are what was asked for.
            if Self.exitCode(for: error) == .success {
                print(Self.fullMessage(for: error))
                return .done
            }
            if Self.exitCode(for: error) == .validationFailure {
                let words = arguments ?? Array(CommandLine.arguments.dropFirst())
                let unknown = Self.unknownCommand(in: words)?.description
                Terminal.complain(unknown ?? Self.fullMessage(for: error))
                return .usage
            }
            let failure = CommandFailure(wording: error)
            Terminal.complain(failure.description)
            return failure.status
        }
    }
}

extension TributaryCommand {
    /// What is wrong with a line whose first words name no command; `nil` if they do.
    static func unknownCommand(in words: [String]) -> CommandFailure? {
        var command: any ParsableCommand.Type = Self.self
        var path = "tributary"
        for word in words {
            let names = command.configuration.subcommands.map {
                $0.configuration.commandName ?? ""
            }
            guard !names.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            guard let index = names.firstIndex(of: word) else {
                return CommandFailure(
                    code: "usage",
                    message: "`\(path)` has no command `\(word)`.",
                    hint: Suggestion.nearest(to: word, among: names)
                        .map { "Did you mean `\(path) \($0)`?" } ?? "`\(path) --help` lists all."
                )
            }
            command = command.configuration.subcommands[index]
            path += " \(word)"
        }
        return nil
    }
}
