import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary send`: hands files over.
struct SendCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "send",
        abstract: "Hand over files, and wait for them to land if asked to.",
        discussion: """
            Files must lie beneath a directory that the topology lets this node send from; a \
            directory stands for all that is in it. Without --wait the command ends when the node \
            has taken note of every file durably; the files must stay until it has read them. With \
            --wait held all of each is durable in its spool, and the disk may be taken away. On a \
            terminal it shows how far it is.

            Examples:
              tributary send /data/sonar/2027
              tributary send --wait held /media/stick/photos && umount /media/stick
              tributary send --wait landed /data/sonar/a.wav && mv /data/sonar/a.wav /data/sent
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Option(help: "The flow, where the path alone does not tell.")
    var flow: String?

    @Option(
        help: """
            Wait until all of every file is held here, or has landed at the collector and the node \
            has its word.
            """
    )
    var wait: SendWait?

    @Argument(help: "Files and directories.")
    var paths: [String]

    func run() throws {
        var arguments: [String: JSONValue] = [
            "paths": .array(
                try RawArguments.process.bytes(of: self.paths).map {
                    JSONValue(bytes: try RawArguments.absolute($0))
                }
            )
        ]
        if let flow = self.flow { arguments["flow"] = .string(flow) }
        if let wait = self.wait { arguments["wait"] = .string(wait.rawValue) }

        defer { Terminal.endProgress() }
        var meter = ProgressMeter()
        let value = try self.home.ask(ControlRequest("send", arguments)) { event in
            if let progress = try? event.decode(SendReport.self), !self.output.quiet {
                let text = progress.progress(&meter, at: Terminal.now)
                Terminal.showProgress(text, share: progress.share)
            }
        }
        Terminal.endProgress()
        let report = try value.decode(SendReport.self)
        try self.output.write(value) { report.summary(waited: self.wait) }
        try report.complain(waited: self.wait, aboutSkipped: !self.output.quiet)
    }
}

extension SendWait: ExpressibleByArgument {}

extension SendReport {
    /// The most files that are named one by one.
    private static let namedMax = 20

    /// One line while it goes on.
    func progress(_ meter: inout ProgressMeter, at now: UnixMilliseconds) -> String {
        let of = self.of.map { " of \(Wording.number($0))" } ?? ""
        guard let landedBytes = self.landedBytes else {
            return "\(Wording.number(self.files))\(of) files, \(Wording.bytes(self.bytes))"
        }
        let pace = meter.pace(left: self.bytes - landedBytes, at: now)
        return "\(Wording.number(self.landed))\(of) landed, "
            + "\(Wording.bytes(landedBytes)) of \(Wording.bytes(self.bytes))\(pace)"
    }

    /// How much of it has landed, from 0 to 1; `nil` when nobody waits for that.
    var share: Double? {
        self.landedBytes.map { $0 == 0 ? 0 : Double($0) / Double(max(self.bytes, $0)) }
    }

    /// One line at the end.
    func summary(waited: SendWait?) -> String {
        let taken = "\(Wording.count(self.files, "file")), \(Wording.bytes(self.bytes))"
        return switch waited {
        case nil: "\(taken) handed over."
        case .held: "\(taken) held here."
        case .landed: "\(taken): \(Wording.number(self.landed)) landed."
        }
    }

    /// Says on stderr what did not go, and throws the status that stands for it.
    func complain(waited: SendWait?, aboutSkipped: Bool) throws {
        if aboutSkipped { self.list(self.skipped ?? [], as: "left alone") }
        let refused = self.refused ?? []
        self.list(refused, as: "refused")
        if !refused.isEmpty { throw CommandStatus.refused }
        if waited == .landed, self.landed < self.files {
            let missing = Wording.count(self.files - self.landed, "file")
            Terminal.complain("tributary: \(missing) not landed yet; see `tributary trace`.")
            throw CommandStatus.left
        }
    }

    private func list(_ refusals: [Refusal], as verb: String) {
        for refusal in refusals.prefix(Self.namedMax) {
            Terminal.complain("\(verb): \(refusal.path): \(refusal.why)")
        }
        if refusals.count > Self.namedMax {
            Terminal.complain(
                "\(verb): and \(refusals.count - Self.namedMax) more; --json has all."
            )
        }
    }
}
