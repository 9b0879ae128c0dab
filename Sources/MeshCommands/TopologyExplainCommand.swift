import ArgumentParser
import MeshModel
import MeshNode
import MeshTopology

/// `tributary topology explain`: what a topology makes of one node.
struct TopologyExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what a node will hold, who can read it, and whom it talks to.",
        discussion: """
            Examples:
              tributary topology explain coastwatch.yaml dmz
            """
    )

    @OptionGroup var output: OutputOptions

    @Argument(help: "The topology file.")
    var file: String

    @Argument(help: "The node.")
    var node: String

    func run() throws {
        let topology = try TopologyFile(self.file).parse()
        let name = try topology.required(self.node)
        guard let explanation = NodeExplanation(name, in: topology) else { return }
        try self.output.write(explanation.json) { explanation.text(mesh: topology) }
    }
}

extension NodeExplanation {
    /// For people: a paragraph for each question.
    func text(mesh: Topology) -> String {
        var lines = ["\(self.node.name), a node of \(mesh.mesh)"]
        func add(_ title: String, _ items: [String]) {
            guard !items.isEmpty else { return }
            lines += ["", title] + items.map { "  \($0)" }
        }
        add("Sends", self.sends.map { "\($0.flow) from \($0.path ?? "?") to \($0.collector)" })
        add("Receives", self.receives.map { "\($0.flow) into \($0.path ?? "?"), \(Self.from($0))" })
        add("Passes on", self.passes.map { "\($0.flow), \(Self.from($0)) to \($0.collector)" })
        add(
            "Passes on when the usual way is cut",
            self.mayPass.map { "\($0.flow), \(Self.from($0)) to \($0.collector)" }
                + (self.isTooLargeForDetours ? ["not looked at: the mesh is too large"] : [])
        )
        add("Room", self.room)
        add("Who can read it", self.readers)
        add("Talks to", self.calls)
        add("Knows", self.knowledge(mesh))
        return lines.joined(separator: "\n")
    }

    private static func from(_ share: Share) -> String {
        share.origins.isEmpty ? "from nobody" : "from \(Wording.some(share.origins.map(\.text)))"
    }

    private var room: [String] {
        let quotas = [
            self.node.quotaPerOrigin.map { "at most \($0) of it for one origin" },
            self.node.quotaPerNeighbour.map { "at most \($0) of it from one neighbour" },
        ].compactMap { $0 }
        return [
            "a spool of at most \(self.node.spool)",
            "up to \(self.node.cache) of it keep what was passed on, to spare sending it again",
        ] + quotas
    }

    private var readers: [String] {
        let held = Set((self.sends + self.receives + self.passes + self.mayPass).map(\.flow))
        guard !held.isEmpty else { return ["It holds no files."] }
        let names = held.sorted().map(\.text).joined(separator: ", ")
        return [
            "Whoever can read the disk of its host reads the files of \(names): what lies in a "
                + "spool is not sealed yet.",
            "Nobody on the lines between nodes: calls are encrypted, and both ends prove who they "
                + "are.",
        ]
    }

    /// One line for each neighbour that this node dials, and one for all others that are alike.
    private var calls: [String] {
        var order: [String] = []
        var names: [String: [String]] = [:]
        for neighbour in self.neighbours {
            let gives = neighbour.gives.map(\.text).joined(separator: ", ")
            let takes = neighbour.takes.map(\.text).joined(separator: ", ")
            let parts = [
                gives.isEmpty ? nil : "gives \(gives)", takes.isEmpty ? nil : "takes \(takes)",
            ].compactMap { $0 }
            let what = parts.isEmpty ? "for when another way fails" : parts.joined(separator: ", ")
            let call =
                neighbour.dial.map { endpoint in
                    "dials NAME at \(endpoint)"
                        + (neighbour.dialsUs ? ", and is dialled by it" : "")
                } ?? "is dialled by NAME"
            let line = "\(call); \(what)"
            if names[line] == nil { order.append(line) }
            names[line, default: []].append(neighbour.name.text)
        }
        // Names are lower case, and so nothing but the mark is replaced.
        return order.map {
            $0.replacing("NAME", with: Wording.some(names[$0] ?? []), maxReplacements: 1)
        }
    }

    private func knowledge(_ mesh: Topology) -> [String] {
        let dials = self.neighbours.count { $0.dial != nil }
        let nodes = Wording.count(UInt64(mesh.nodes.count), "node")
        return [
            "the names and keys of all \(nodes), the flows, and who is linked to whom",
            dials == 0
                ? "no address of another node"
                : "the \(dials == 1 ? "address" : "addresses") of those it dials, and no other",
        ]
    }

    /// For scripts.
    var json: JSONValue {
        func shares(_ shares: [Share]) -> JSONValue {
            .array(
                shares.map { share in
                    [
                        "flow": .string(share.flow.text),
                        "origins": .array(share.origins.map { .string($0.text) }),
                        "collector": .string(share.collector.text),
                        "path": share.path.map(JSONValue.string) ?? .null,
                    ]
                }
            )
        }
        func flows(_ flows: [FlowName]) -> JSONValue { .array(flows.map { .string($0.text) }) }
        func bytes(_ count: ByteCount?) -> JSONValue {
            count.map { .integer($0.rawValue) } ?? .null
        }
        return [
            "node": .string(self.node.name.text),
            "listens": (self.node.listens?.description).map(JSONValue.string) ?? .null,
            "sends": shares(self.sends),
            "receives": shares(self.receives),
            "passes": shares(self.passes),
            "may_pass": self.isTooLargeForDetours ? .null : shares(self.mayPass),
            "spool_bytes": bytes(self.node.spool),
            "cache_bytes": bytes(self.node.cache),
            "quota_per_origin_bytes": bytes(self.node.quotaPerOrigin),
            "quota_per_neighbour_bytes": bytes(self.node.quotaPerNeighbour),
            "neighbours": .array(
                self.neighbours.map { neighbour in
                    [
                        "name": .string(neighbour.name.text),
                        "dials": (neighbour.dial?.description).map(JSONValue.string) ?? .null,
                        "is_dialled_by": .bool(neighbour.dialsUs),
                        "gives": flows(neighbour.gives),
                        "takes": flows(neighbour.takes),
                    ]
                }
            ),
        ]
    }
}
