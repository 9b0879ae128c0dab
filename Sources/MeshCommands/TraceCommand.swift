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
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Argument(help: "A path, or a parcel's id.")
    var file: String

    func run() throws {
        let value = try self.home.ask(ControlRequest("trace", self.arguments()))
        let report = try value.decode(TraceReport.self)
        guard !report.parcels.isEmpty else {
            throw CommandFailure(
                code: "not_found",
                message: "This node knows nothing of \(self.file).",
                hint: "Ask at its origin or at the collector."
            )
        }
        try self.output.write(value) { report.text() }
        let events = report.parcels.flatMap(\.events)
        if events.contains(where: { $0.signature == "fails" }) {
            Terminal.complain("tributary: a statement's signature does not verify [damaged]")
            throw CommandStatus.damaged
        }
    }

    /// An id where it looks like one, else the path as typed and made absolute.
    private func arguments() throws -> [String: JSONValue] {
        if self.file.utf8.count == 2 * Digest.byteCount, Hex.decode(self.file) != nil {
            return ["id": .string(self.file.lowercased())]
        }
        let typed = RawArguments.process.bytes(of: [self.file])[0]
        return [
            "path": JSONValue(bytes: typed),
            "absolute": JSONValue(bytes: try RawArguments.absolute(typed)),
        ]
    }
}

extension TraceReport {
    /// The report as a paragraph and two tables for each parcel.
    func text() -> String {
        self.parcels.map { $0.text() }.joined(separator: "\n\n")
    }
}

extension TraceReport.Parcel {
    /// The parcel as a paragraph and two tables.
    func text() -> String {
        var text = """
            \(self.path): \(self.state)
              \(self.origin), flow \(self.flow), number \(self.sequence), \
            \(Wording.bytes(self.size))
              parcel \(self.id)
            """
        if !self.hops.isEmpty {
            var table = TextTable("HOP", "ARRIVED", "COMPLETE AFTER", "HANDED ON AFTER")
            for hop in self.hops {
                table.add(
                    hop.node,
                    hop.arrived.milliseconds.description,
                    Self.delay(from: hop.arrived, to: hop.held),
                    hop.sent.map { Self.delay(from: hop.held, to: $0) }
                )
            }
            text += "\n\n" + table.text(indent: 2)
        }
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

    /// Both times are of one node's clock, so their difference means something.
    private static func delay(from start: ReportTime, to end: ReportTime) -> String {
        Wording.duration(milliseconds: end.milliseconds.rawValue - start.milliseconds.rawValue)
    }
}
