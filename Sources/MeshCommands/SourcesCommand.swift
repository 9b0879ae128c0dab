import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary sources`: what is noticed in the directories that the node sends.
struct SourcesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sources",
        abstract:
            "Show what the node notices in the directories that it sends, and what it leaves.",
        discussion: """
            Ends with 3 when a source is missing, and with 6 when there is no such flow.

            Examples:
              tributary sources
              tributary sources sonar --json
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Argument(help: "A flow; all that this node sends without it.")
    var flow: String?

    func run() throws {
        let arguments = self.flow.map { ["flow": JSONValue.string($0)] } ?? [:]
        let value = try self.home.ask(ControlRequest("sources", arguments))
        let report = try value.decode(SourcesReport.self)
        if let flow = self.flow, report.sources.isEmpty {
            throw CommandFailure(
                code: "not_found",
                message: "This node sends no flow `\(flow)`.",
                hint: "`tributary sources` lists what it sends."
            )
        }
        try self.output.write(value) { report.text(at: Terminal.now) }
        try report.complain()
    }
}

extension SourcesReport {
    /// A paragraph for each source.
    func text(at now: UnixMilliseconds) -> String {
        guard !self.sources.isEmpty else { return "This node sends nothing." }
        return self.sources.map { $0.text(at: now) }.joined(separator: "\n\n")
    }

    /// Says on stderr what is missing, and throws the status that stands for it.
    func complain() throws {
        let missing = self.sources.filter { $0.missing != nil }
        guard !missing.isEmpty else { return }
        for source in missing {
            Terminal.complain(
                "tributary: \(source.path), the source of `\(source.flow)`, is missing; "
                    + "mount its disk or create it. Nothing of it is lost."
            )
        }
        throw CommandStatus.left
    }
}

extension SourcesReport.Source {
    /// A few lines, and a table of what is left alone.
    func text(at now: UnixMilliseconds) -> String {
        var lines = [
            "\(self.flow): \(self.path) to \(self.collector)",
            "  done when \(self.doneWhen); \(self.first) first, backlog \(self.backlog)"
                + (self.isCopied == false ? "; not copied" : ""),
            "  \(self.attention(at: now))", "  \(self.work)",
        ]
        if let missing = self.missing {
            let since = Wording.age(of: missing.since.milliseconds, at: now)
            lines.append("  missing since \(since): \(missing.code)")
        }
        guard !self.leftAlone.isEmpty else { return lines.joined(separator: "\n") }
        var table = TextTable("LEFT ALONE", "COUNT", "SUCH AS")
        for left in self.leftAlone {
            table.add(left.reason, Wording.number(UInt64(left.count)), left.examples.first)
        }
        return (lines + [table.text(indent: 2)]).joined(separator: "\n")
    }

    private func attention(at now: UnixMilliseconds) -> String {
        var parts: [String] = []
        switch self.watch.state {
        case "watching":
            let count = UInt64(self.watch.directories ?? 0)
            parts.append(
                "watching \(Wording.number(count)) director\(count == 1 ? "y" : "ies")"
            )
        case "command": return "takes what `tributary send` hands over"
        default: parts.append("scanning" + (self.watch.why.map { ", not watched: \($0)" } ?? ""))
        }
        if let scan = self.lastScan {
            parts.append(
                "scanned \(Wording.age(of: scan.at.milliseconds, at: now)) in "
                    + Wording.duration(milliseconds: scan.milliseconds)
            )
        }
        if self.isScanning {
            parts.append("scanning now")
        } else if let next = self.nextScan {
            let delay = max(0, next.milliseconds.rawValue - now.rawValue)
            parts.append("next scan in \(Wording.duration(milliseconds: delay))")
        }
        return parts.joined(separator: "; ")
    }

    private var work: String {
        var parts: [String] = []
        if let scan = self.lastScan {
            let count = Wording.count(UInt64(scan.files), "file")
            parts.append("\(count), \(Wording.bytes(scan.bytes)) there")
        }
        let waiting = Wording.count(UInt64(self.waiting), "file")
        parts.append("\(waiting), \(Wording.bytes(self.waitingBytes)) waiting")
        if self.capturing > 0 { parts.append("\(self.capturing) being read") }
        if self.isFull { parts.append("the spool is full") }
        return parts.joined(separator: "; ")
    }
}
