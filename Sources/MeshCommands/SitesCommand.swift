import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary sites`: what a collector has of each origin, and what it misses.
struct SitesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sites",
        abstract: "Show, at a collector, what has come from each origin and what is missing.",
        discussion: """
            Ends with 3 if parcels that an origin has passed on did not come for more than an hour.

            Examples:
              tributary sites
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    func run() throws {
        let value = try self.home.ask(ControlRequest("sites"))
        let report = try value.decode(SitesReport.self)
        try self.output.write(value) { report.text(at: Terminal.now) }
        let missing = report.sites.filter { $0.missing > 0 }
        guard !missing.isEmpty else { return }
        let words = missing.map {
            "\(Wording.count($0.missing, "parcel")) of \($0.origin), \($0.flow)"
        }
        Terminal.complain(
            """
            tributary: missing: \(words.joined(separator: "; ")) [gaps]
              The origins ask for them by themselves; `tributary status` there counts them as overdue.
            """
        )
        throw CommandStatus.left
    }
}

extension SitesReport {
    /// The report as a table, and a second one of what is missing.
    func text(at now: UnixMilliseconds) -> String {
        var table = TextTable(
            "ORIGIN",
            "FLOW",
            "HEARD",
            "LAST LANDED",
            "LANDED",
            "HERE",
            "ON THE WAY",
            "MISSING",
            "LAST FILE"
        )
        for site in self.sites {
            table.add(
                site.origin,
                site.flow,
                site.heard.map { Wording.age(of: $0.milliseconds, at: now) },
                site.lastLanded.map { Wording.age(of: $0.milliseconds, at: now) },
                Wording.number(site.landed),
                Wording.number(site.underWay),
                Wording.number(site.onTheWay),
                site.tallied == nil ? nil : Wording.number(site.missing),
                site.lastPath
            )
        }
        var gaps = TextTable("ORIGIN", "FLOW", "NUMBERS", "MISSED", "INCARNATION")
        for site in self.sites {
            for gap in site.gaps {
                gaps.add(
                    site.origin,
                    site.flow,
                    gap.first == gap.last ? "\(gap.first)" : "\(gap.first)-\(gap.last)",
                    Wording.age(of: gap.since.milliseconds, at: now),
                    gap.incarnation
                )
            }
        }
        let hasGaps = self.sites.contains { !$0.gaps.isEmpty }
        return hasGaps ? "\(table.text())\n\n\(gaps.text())" : table.text()
    }
}
