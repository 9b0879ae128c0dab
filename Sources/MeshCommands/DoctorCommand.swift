import ArgumentParser
import MeshModel
import MeshNode

/// `tributary doctor`: what a node needs and does not have.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Examine the node, its machine and its neighbours, and say what to do.",
        discussion: """
            Home, certificate, site.yaml, clock, disks, limits, ports and neighbours, with a daemon \
            or without. Ends with 1 when something is an error, and with 0 when all is well or \
            there are warnings only.

            Examples:
              tributary doctor
              tributary doctor --home /srv/buoy-7 --json
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let report = await Doctor(home: self.home.path, at: Terminal.now).examine()
        try self.output.write(try JSONValue(encoding: report)) { report.text }
        if report.count(.error) > 0 { throw CommandStatus.failed }
    }
}

extension DoctorReport {
    /// A line for each thing, and beneath it what to do; then how many of each.
    var text: String {
        let width = (self.checks.map(\.check.count).max() ?? 0) + 2
        var lines = self.checks.flatMap { check in
            let about = check.about.map { "\($0): " } ?? ""
            let name = check.check.padded(to: width)
            let first = "\(check.state.rawValue.padded(to: 9))\(name)\(about)\(check.message)"
            guard check.state != .ok, let hint = check.hint else { return [first] }
            return [first, String(repeating: " ", count: 9 + width) + hint]
        }
        let errors = Wording.count(UInt64(self.count(.error)), "error")
        let warnings = Wording.count(UInt64(self.count(.warning)), "warning")
        lines.append("\(self.node ?? self.home): \(errors), \(warnings)")
        return lines.joined(separator: "\n")
    }
}

extension String {
    /// The same, followed by spaces up to a width.
    fileprivate func padded(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - self.count))
    }
}
