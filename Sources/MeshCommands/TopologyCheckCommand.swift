import ArgumentParser
import MeshModel
import MeshNode
import MeshTopology

/// `tributary topology check`: all that is wrong with a topology, in one go.
struct TopologyCheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Say all that is wrong with a topology file, and what it declares.",
        discussion: """
            Findings go to stdout. Warnings do not fail the check.

            Examples:
              tributary topology check coastwatch.yaml
            """
    )

    @OptionGroup var output: OutputOptions

    @Argument(help: "The topology file.")
    var file: String

    func run() throws {
        do {
            let topology = try TopologyFile(self.file).parse()
            try self.output.write(Self.json(topology.warnings)) {
                (topology.warnings.map(\.description) + [topology.summary])
                    .joined(separator: "\n")
            }
        } catch let error as TopologyFindings {
            try self.output.write(Self.json(error.findings)) { error.description }
            throw CommandStatus.failed
        }
    }

    static func json(_ findings: [Finding]) -> JSONValue {
        let values = findings.map { finding in
            JSONValue.object([
                "code": .string(finding.code.name),
                "severity": .string(finding.severity.rawValue),
                "file": .string(finding.file),
                "line": .integer(Int64(finding.line)),
                "column": .integer(Int64(finding.column)),
                "message": .string(finding.message),
                "hint": finding.hint.map(JSONValue.string) ?? .null,
            ])
        }
        let errors = findings.count { $0.severity == .error }
        return [
            "ok": .bool(errors == 0),
            "errors": .integer(Int64(errors)),
            "warnings": .integer(Int64(findings.count - errors)),
            "findings": .array(values),
        ]
    }
}

extension Topology {
    /// What it declares: a line of counts, and one for each flow.
    var summary: String {
        let counts = [
            Wording.count(UInt64(self.nodes.count), "node"),
            Wording.count(UInt64(self.links.count), "link"),
            Wording.count(UInt64(self.flows.count), "flow"),
        ]
        let flows = self.flows.map { flow in
            let origins = Wording.some(flow.origins.map(\.text))
            return "  \(flow.name): \(origins.isEmpty ? "nobody" : origins) to \(flow.collector)"
        }
        return (["\(self.mesh): \(counts.joined(separator: ", "))"] + flows)
            .joined(separator: "\n")
    }
}
