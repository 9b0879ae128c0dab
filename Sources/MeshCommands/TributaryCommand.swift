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
            Exit codes: 0 done · 1 failed · 2 usage · 3 finished, but something is left · \
            4 daemon not reachable · 5 not permitted · 6 not found · 7 refused by policy · \
            8 damage found · 75 try later.
            """,
        subcommands: [
            InitCommand.self, TopologyCommand.self, RunCommand.self, SendCommand.self,
            StatusCommand.self, SitesCommand.self, SourcesCommand.self, TraceCommand.self,
            WhyCommand.self, QueueCommand.self, AdoptCommand.self, CallCommand.self,
            DrainCommand.self,
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
                Terminal.complain(Self.fullMessage(for: error))
                return .usage
            }
            let failure = CommandFailure(wording: error)
            Terminal.complain(failure.description)
            return failure.status
        }
    }
}
