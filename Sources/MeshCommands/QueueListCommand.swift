import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary queue list`: what is held or arriving, and why.
struct QueueListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List what is held or arriving here, in the order in which it came, and why.",
        discussion: """
            Examples:
              tributary queue list --to hq --state neighbour_full
              tributary queue list --flow sonar --limit 1000 --json
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Option(help: "Only of this flow.")
    var flow: String?

    @Option(help: "Only what goes to this neighbour next.")
    var to: String?

    @Option(help: "Only of this origin.")
    var origin: String?

    @Option(
        help: """
            Only what is `held` or `arriving`, or has this code among its reasons, such as \
            `neighbour_full`.
            """
    )
    var state: String?

    @Option(help: "The most parcels to list.")
    var limit = 100

    @Option(help: "Where to go on: the number that ended the page before.")
    var after: Int64?

    func validate() throws {
        guard (1...10_000).contains(self.limit) else {
            throw ValidationError("--limit is from 1 to 10000.")
        }
    }

    func run() throws {
        var arguments: [String: JSONValue] = ["limit": .integer(Int64(self.limit))]
        let texts = [
            "flow": self.flow, "to": self.to, "origin": self.origin, "state": self.state,
        ]
        for (name, text) in texts { arguments[name] = text.map { .string($0) } }
        arguments["after"] = self.after.map { .integer($0) }
        let value = try self.home.ask(ControlRequest("queue-list", arguments))
        try self.output.write(value) {
            try value.decode(QueueReport.self).text(at: Terminal.now)
        }
    }
}

extension QueueReport {
    /// The page as a table, and how to go on.
    func text(at now: UnixMilliseconds) -> String {
        var table = TextTable(
            "ID",
            "AGE",
            "SIZE",
            "CLASS",
            "FLOW",
            "ORIGIN",
            "STATE",
            "WHY",
            "PATH"
        )
        for parcel in self.parcels {
            let age = now.rawValue - parcel.arrived.milliseconds.rawValue
            table.add(
                String(parcel.id.prefix(12)),
                Wording.duration(milliseconds: max(0, age)),
                Wording.bytes(parcel.size),
                String(parcel.parcelClass),
                parcel.flow,
                parcel.origin,
                parcel.state,
                parcel.reasons.first.map { $0.brief },
                parcel.path
            )
        }
        let more = self.more.map { "There may be more: add --after \($0)." }
        if self.parcels.isEmpty { return more ?? "Nothing is under way here." }
        return table.text() + (more.map { "\n\n\($0)" } ?? "")
    }
}
