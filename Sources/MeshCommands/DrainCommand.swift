import ArgumentParser
import MeshCustody
import MeshNode

/// `tributary drain`: hands on everything that this node holds.
struct DrainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain",
        abstract: "Hand on everything this node holds, and prove that nothing is left.",
        discussion: """
            New parcels are refused meanwhile, and back-off is ignored. Ends when nothing is in \
            custody, every statement is noted and the cache is empty; or with status 3 and a list \
            of what is left, when nothing has moved for a while. Ctrl-C ends it at any time, and \
            nothing is lost.

            Examples:
              tributary drain --stay && systemctl stop tributary
              tributary drain --to hq --patience 600
              tributary drain --off
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Option(help: "Hand on to this neighbour what it leads to, and that only.")
    var to: String?

    @Option(help: "Give up when nothing has moved for so many seconds.")
    var patience = 60

    @Flag(help: "Go on refusing new parcels afterwards, until --off or the next start.")
    var stay = false

    @Flag(help: "Take parcels again after --stay.")
    var off = false

    func validate() throws {
        guard (1...86_400).contains(self.patience) else {
            throw ValidationError("--patience is between 1 and 86400 seconds.")
        }
        if self.off, self.stay || self.to != nil {
            throw ValidationError("--off goes with nothing else.")
        }
    }

    func run() throws {
        var arguments: [String: JSONValue] = [
            "patience": .integer(Int64(self.patience) * 1_000), "stay": .bool(self.stay),
            "off": .bool(self.off),
        ]
        if let to = self.to { arguments["to"] = .string(to) }
        defer { Terminal.endProgress() }
        var meter = ProgressMeter()
        let value = try self.home.ask(ControlRequest("drain", arguments)) { event in
            if let progress = try? event.decode(DrainReport.self), !self.output.quiet {
                let pace = meter.pace(left: progress.bytes, at: Terminal.now)
                Terminal.showProgress("left: \(progress.rest)\(pace)")
            }
        }
        Terminal.endProgress()
        if self.off { return try self.output.write(value) { "Parcels are taken again." } }
        let report = try value.decode(DrainReport.self)
        try self.output.write(value) {
            report.isEmpty
                ? "Nothing is left: \(Wording.count(report.gone, "parcel")) handed on."
                : "\(Wording.count(report.gone, "parcel")) handed on; left: \(report.rest)."
        }
        guard !report.isEmpty else { return }
        for left in (report.left ?? []).prefix(20) {
            Terminal.complain("left: \(left.id) \(left.path): \(left.state)")
        }
        Terminal.complain("tributary: something is left; `tributary why ID` says what to do.")
        throw CommandStatus.left
    }
}

extension DrainReport {
    /// What is still here, on one line.
    fileprivate var rest: String {
        var parts = ["\(Wording.count(self.parcels, "parcel")) (\(Wording.bytes(self.bytes)))"]
        if self.arriving > 0 { parts.append("\(Wording.number(self.arriving)) arriving") }
        if self.statements > 0 { parts.append(Wording.count(self.statements, "statement")) }
        if self.cached > 0 { parts.append("\(Wording.bytes(self.cached)) of cache") }
        return parts.joined(separator: ", ")
    }
}
