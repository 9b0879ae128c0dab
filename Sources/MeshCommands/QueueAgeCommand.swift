import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary queue age`: how old is what waits, and for whom.
struct QueueAgeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "age",
        abstract: "Show how old is what is held or arriving here, by flow and next hop.",
        discussion: """
            Examples:
              tributary queue age
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    func run() throws {
        let value = try self.home.ask(ControlRequest("queue-age"))
        try self.output.write(value) {
            try value.decode(QueueAgeReport.self).text(at: Terminal.now)
        }
    }
}

extension QueueAgeReport {
    /// The sums as a table.
    func text(at now: UnixMilliseconds) -> String {
        guard !self.lines.isEmpty else { return "Nothing is under way here." }
        let names = self.ages.map { "≤ \(Self.name(of: $0))" } + ["OLDER"]
        var table = TextTable(["FLOW", "NEXT"] + names + ["ALL", "OLDEST"])
        for line in self.lines {
            table.add(
                [line.flow, line.node ?? "(lands here)"] + line.buckets.map(Self.cell)
                    + [
                        Self.cell(line.total),
                        Wording.age(of: line.oldest.milliseconds, at: now),
                    ]
            )
        }
        return table.text()
    }

    private static func cell(_ bucket: Bucket) -> String? {
        bucket.parcels == 0
            ? nil : "\(Wording.number(bucket.parcels)), \(Wording.bytes(bucket.bytes))"
    }

    private static func name(of milliseconds: Int64) -> String {
        switch milliseconds {
        case ..<3_600_000: "\(milliseconds / 60_000) MIN"
        case ..<86_400_000: "\(milliseconds / 3_600_000) H"
        default: "\(milliseconds / 86_400_000) D"
        }
    }
}
