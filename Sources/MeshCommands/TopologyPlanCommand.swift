import ArgumentParser
import MeshModel
import MeshNode
import MeshTopology

/// `tributary topology plan`: what changes from one topology to another.
struct TopologyPlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what changes from one topology to another, at which node.",
        discussion: """
            Both files are checked first. Nothing is done to a mesh.

            Examples:
              tributary topology plan coastwatch.yaml next.yaml
            """
    )

    @OptionGroup var output: OutputOptions

    @Argument(help: "The topology file as it is.")
    var old: String

    @Argument(help: "The topology file as it is to be.")
    var new: String

    func run() throws {
        let old = try TopologyFile(self.old).parse()
        let new = try TopologyFile(self.new).parse()
        guard old.mesh == new.mesh else {
            throw CommandFailure(
                code: "topology_invalid",
                message: "\(self.old) is of the mesh \(old.mesh), \(self.new) of \(new.mesh).",
                hint: "A mesh keeps its name; another name is another mesh."
            )
        }
        let plan = TopologyPlan(from: old, to: new)
        try self.output.write(plan.json) { plan.text }
    }
}

extension TopologyPlan {
    /// For people: nodes, what everybody learns, ways.
    var text: String {
        if self.isEmpty { return "Nothing changes." }
        var lines: [String] = []
        for change in self.nodes {
            switch change.kind {
            case .added: lines.append("\(change.node) joins")
            case .removed: lines.append("\(change.node) leaves")
            case .changed: lines.append(change.node.text)
            }
            lines += change.lines.map { "  \($0)" }
        }
        if !self.index.isEmpty {
            lines += ["every node learns"] + self.index.map { "  \($0)" }
        }
        func way(_ nodes: [NodeName]) -> String { nodes.map(\.text).joined(separator: ", ") }
        if !self.ways.isEmpty { lines.append("ways") }
        for change in self.ways {
            let what = "\(change.flow) from \(change.origin)"
            switch (change.old, change.new) {
            case (let old?, let new?): lines.append("    \(what): \(way(old)) -> \(way(new))")
            case (nil, let new?): lines.append("  + \(what): \(way(new))")
            case (let old?, nil): lines.append("  - \(what): \(way(old))")
            case (nil, nil): break
            }
        }
        return lines.joined(separator: "\n")
    }

    /// For scripts.
    var json: JSONValue {
        func way(_ nodes: [NodeName]?) -> JSONValue {
            nodes.map { .array($0.map { .string($0.text) }) } ?? .null
        }
        return [
            "nodes": .array(
                self.nodes.map { change in
                    [
                        "node": .string(change.node.text),
                        "change": .string(change.kind.rawValue),
                        "lines": .array(change.lines.map(JSONValue.string)),
                    ]
                }
            ),
            "index": .array(self.index.map(JSONValue.string)),
            "ways": .array(
                self.ways.map { change in
                    [
                        "flow": .string(change.flow.text),
                        "origin": .string(change.origin.text),
                        "old": way(change.old),
                        "new": way(change.new),
                    ]
                }
            ),
        ]
    }
}
