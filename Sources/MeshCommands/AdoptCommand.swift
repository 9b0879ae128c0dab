import ArgumentParser
import MeshCustody
import MeshNode

/// `tributary adopt`: goes on with a home that was copied or restored.
struct AdoptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adopt",
        abstract: "Go on with a home that was copied or restored from a backup.",
        discussion: """
            A node that `status` calls doubled or rolled-back moves nothing. First make sure that \
            no other copy of its home runs; then adopt this one. It begins its next incarnation: \
            what it holds goes on, what its neighbours took since the backup stays theirs, and \
            files are sent anew where that is in doubt. Nothing lands twice.

            Examples:
              tributary adopt
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Flag(help: "Begin the next incarnation although nothing speaks against the node.")
    var force = false

    func run() throws {
        let value = try self.home.ask(ControlRequest("adopt", ["force": .bool(self.force)]))
        try self.output.write(value) { try value.decode(AdoptReport.self).text() }
    }
}

extension AdoptReport {
    /// The report as one line.
    func text() -> String {
        "Incarnation \(self.incarnation) goes on from \(self.before); "
            + "\(Wording.count(self.open, "file")) of this node's own under way."
    }
}
