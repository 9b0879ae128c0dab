import ArgumentParser
import MeshNode

/// `tributary call`: calls a neighbour now.
struct CallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call",
        abstract: "Call a neighbour now, whenever the next attempt would be.",
        discussion: """
            Waits until a call is open, or did not come about. Only for neighbours that this node \
            dials; others can but be waited for.

            Examples:
              tributary call dmz
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Argument(help: "The neighbour.")
    var node: String

    func run() throws {
        let value = try self.home.ask(ControlRequest("call", ["node": .string(self.node)]))
        let report = try value.decode(CallReport.self)
        if let error = report.error {
            if self.output.json { try self.output.write(value) { "" } }
            throw CommandFailure(
                code: "call_failed",
                message: "No call with \(report.node): \(error.message) [\(error.code)]",
                hint: error.hint
            )
        }
        try self.output.write(value) {
            report.outcome == "open"
                ? "A call with \(report.node) is open already."
                : "A call with \(report.node) is open."
        }
    }
}
