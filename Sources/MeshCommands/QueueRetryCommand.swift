import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary queue retry`: does not wait for the next attempt.
struct QueueRetryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Try again now whatever waits for its next attempt.",
        discussion: """
            Offers that a neighbour put off, parcels that it refused, landings and captures that \
            failed, and calls. Ends when the calls are open or did not come about: with 3 if one \
            did not.

            Examples:
              tributary queue retry
              tributary queue retry --to hq
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Option(help: "Only what goes to this neighbour.")
    var to: String?

    @Flag(help: "Everything; this is what happens without arguments, too.")
    var all = false

    @Argument(help: "Only this: a parcel's id, at least the first 8 digits of it, or a path.")
    var file: String?

    func validate() throws {
        let named = [self.to != nil, self.all, self.file != nil].count { $0 }
        guard named <= 1 else {
            throw ValidationError("Name one thing: a parcel, --to NODE, or --all.")
        }
    }

    func run() throws {
        var arguments = try self.file.map { try FileArgument.arguments($0) } ?? [:]
        arguments["to"] = self.to.map { .string($0) }
        let value = try self.home.ask(ControlRequest("queue-retry", arguments))
        let answer = try value.decode(RetryAnswer.self)
        try self.output.write(value) { answer.text() }
        let failed = answer.calls.compactMap { call in call.error.map { (call.node, $0) } }
        for (node, error) in failed {
            Terminal.complain("tributary: No call with \(node): \(error.message) [\(error.code)]")
        }
        if !failed.isEmpty { throw CommandStatus.left }
    }
}

extension RetryAnswer {
    /// What was tried, in a line.
    func text() -> String {
        let counts = [
            (self.retried.offers, "offer"), (self.retried.refusals, "refusal"),
            (self.retried.landings, "landing"), (self.retried.captures, "capture"),
        ]
        var parts = counts.filter { $0.0 > 0 }.map { Wording.count($0.0, $0.1) }
        parts += self.calls.filter { $0.error == nil }.map { "a call with \($0.node)" }
        return parts.isEmpty
            ? "Nothing waited for a next attempt."
            : "Tried again: \(parts.joined(separator: ", "))."
    }
}
