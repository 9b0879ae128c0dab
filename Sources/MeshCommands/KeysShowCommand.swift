import ArgumentParser
import MeshModel
import MeshNode

/// `tributary keys show`: who this node is, and until when it can prove it.
struct KeysShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Show node, fingerprints, certificate and authority of a home.",
        discussion: """
            Reads the home; no daemon is asked.

            Examples:
              tributary keys show
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    func run() throws {
        let report = try KeysReport(home: self.home.path, at: Terminal.now)
        try self.output.write(try JSONValue(encoding: report)) { report.text }
    }
}

extension KeysReport {
    /// A line for each thing.
    var text: String {
        var lines = ["\(self.node) in \(self.mesh ?? "no mesh yet")"]
        func add(_ title: String, _ text: String?) {
            guard let text else { return }
            lines.append("  " + (title + String(repeating: " ", count: 15)).prefix(15) + text)
        }
        add("fingerprint", self.fingerprint)
        add("statement key", self.statementKey)
        add("TLS key", self.tlsKey)
        add("certificate", self.certificate?.text.replacing("certificate ", with: ""))
        add("authority", self.authority)
        add("serial", self.serial.map { "\($0)" })
        add("new keys", self.next.map { "\($0), in use once the node has joined with them" })
        if self.mesh == nil {
            lines += ["", "Not joined yet: have its request issued, then `tributary join`."]
        }
        return lines.joined(separator: "\n")
    }
}
