import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary why`: why a file is where it is.
struct WhyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why",
        abstract: "Say why a file is where it is, and what to do.",
        discussion: """
            Answers at every node that has something of the file; at its origin also for a file \
            that has not been captured. `tributary trace` shows the whole way.

            Examples:
              tributary why /data/sonar/a.wav
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions
    @OptionGroup var file: FileArgument

    func run() throws {
        let value = try self.home.ask(ControlRequest("why", self.file.arguments()))
        let report = try value.decode(WhyReport.self)
        guard !report.items.isEmpty else { throw CommandFailure.unknown(self.file.file) }
        try self.output.write(value) { report.text(at: Terminal.now) }
    }
}

extension CommandFailure {
    /// Neither a parcel nor a file of a source.
    static func unknown(_ file: String) -> Self {
        Self(
            code: "not_found",
            message: "This node knows nothing of \(file).",
            hint: "Ask at its origin or at the collector."
        )
    }
}

extension WhyReport {
    /// A paragraph for each version.
    func text(at now: UnixMilliseconds) -> String {
        self.items.map { item in
            let id = item.id.map { " (\($0.prefix(12)))" } ?? ""
            return "\(item.path)\(id): \(item.state)\n" + item.reasons.text(at: now, indent: 2)
        }
        .joined(separator: "\n\n")
    }
}

extension [WhyReport.Reason] {
    /// A line for each reason, and one for what to do about it.
    func text(at now: UnixMilliseconds, indent: Int) -> String {
        let margin = String(repeating: " ", count: indent)
        return self.map { reason in
            let lines = [reason.text(at: now)] + (reason.hint.map { ["→ \($0)"] } ?? [])
            return lines.map { margin + $0 }.joined(separator: "\n")
        }
        .joined(separator: "\n")
    }
}

extension WhyReport.Reason {
    /// The reason on one line.
    func text(at now: UnixMilliseconds) -> String {
        let code = self.cause.map { $0 == self.code ? $0 : "\(self.code): \($0)" } ?? self.code
        var times: [String] = []
        if let since { times.append("since \(Wording.age(of: since.milliseconds, at: now))") }
        if let next {
            let isDue = next.milliseconds.rawValue <= now.rawValue
            times.append(
                "next attempt \(isDue ? "now" : Wording.age(of: next.milliseconds, at: now))"
            )
        }
        let when = times.isEmpty ? "" : " (\(times.joined(separator: ", ")))"
        return "\(self.message)\(when) [\(code)]"
    }
}
