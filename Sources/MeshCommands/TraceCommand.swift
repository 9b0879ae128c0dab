import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary trace`: where a file is, and how it came there.
struct TraceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trace",
        abstract: "Show where a file is, and the statements that say so.",
        discussion: """
            A file is named by its path on this machine, by its path within the flow, or by the \
            hexadecimal id of one of its versions.

            Examples:
              tributary trace /data/sonar/a.wav
              tributary trace 1be91258 --json
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @OptionGroup var file: FileArgument

    func run() throws {
        let value = try self.home.ask(ControlRequest("trace", self.file.arguments()))
        let report = try value.decode(TraceReport.self)
        guard !report.parcels.isEmpty else { throw CommandFailure.unknown(self.file.file) }
        try self.output.write(value) { report.text(at: Terminal.now) }
        let events = report.parcels.flatMap(\.events)
        let hops = report.parcels.flatMap(\.hops)
        if events.contains(where: { $0.signature == "fails" })
            || hops.contains(where: { $0.signature == "fails" })
        {
            Terminal.complain("tributary: a statement's signature does not verify [damaged]")
            throw CommandStatus.damaged
        }
    }
}

extension TraceReport {
    /// The report as a paragraph and two tables for each parcel.
    func text(at now: UnixMilliseconds) -> String {
        self.parcels.map { $0.text(at: now) }.joined(separator: "\n\n")
    }
}

extension TraceReport.Parcel {
    /// The parcel as a paragraph, why it is there, and two tables.
    func text(at now: UnixMilliseconds) -> String {
        let custodian = self.custodian.map { ", in custody of \($0)" } ?? ""
        var text = """
            \(self.path): \(self.state)\(custodian)
              \(self.origin), flow \(self.flow), number \(self.sequence), \
            \(Wording.bytes(self.size))
              parcel \(self.id)
            """
        if !self.why.isEmpty { text += "\n\n" + self.why.text(at: now, indent: 2) }
        if !self.hops.isEmpty { text += "\n\n" + self.hopTable.text(indent: 2) }
        if !self.events.isEmpty {
            var table = TextTable("AT", "NODE", "SAYS", "SIGNATURE", "DETAIL")
            for event in self.events {
                table.add(
                    event.at.milliseconds.description,
                    event.node,
                    event.what,
                    event.signature,
                    event.detail ?? ""
                )
            }
            text += "\n\n" + table.text(indent: 2)
        }
        return text
    }

    /// What lies before `AFTER` is told by two clocks, all else by the clock of the hop.
    private var hopTable: TextTable {
        var table = TextTable("HOP", "ARRIVED", "AFTER", "DURABLE", "CUSTODY", "SENT", "SIGNATURE")
        for (number, hop) in self.hops.enumerated() {
            table.add(
                hop.node,
                hop.arrived.milliseconds.description,
                number > 0 ? Self.delay(self.hops[number - 1].arrived, hop.arrived) : nil,
                Self.delay(hop.arrived, hop.held),
                hop.custody.map { Self.delay(hop.held, $0) },
                hop.sent.map { Self.delay(hop.held, $0) },
                hop.signature
            )
        }
        return table
    }

    private static func delay(_ start: ReportTime, _ end: ReportTime) -> String {
        let passed = end.milliseconds.rawValue - start.milliseconds.rawValue
        return (passed < 0 ? "" : "+") + Wording.duration(milliseconds: passed)
    }
}
