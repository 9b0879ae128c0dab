import ArgumentParser
import MeshModel
import MeshNode
import MeshTopology

/// `tributary topology firewall`: what firewalls have to let pass, and why.
struct TopologyFirewallCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "firewall",
        abstract: "List the connections that firewalls have to let pass, and why.",
        discussion: """
            One line for each connection: it is opened by the source, and data goes both ways over \
            it. Nothing else needs to be open.

            Examples:
              tributary topology firewall coastwatch.yaml
              tributary topology firewall coastwatch.yaml --node dmz --format nftables
            """
    )

    /// For whom the list is.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case table
        case nftables
    }

    @OptionGroup var output: OutputOptions

    @Option(help: "table, or nftables: rules for the hosts themselves.")
    var format = Format.table

    @Option(help: "Only what concerns this node.")
    var node: String?

    @Argument(help: "The topology file.")
    var file: String

    func validate() throws {
        if self.output.json, self.format == .nftables {
            throw ValidationError("--json and --format nftables exclude each other.")
        }
    }

    func run() throws {
        let topology = try TopologyFile(self.file).parse()
        let node = try self.node.map { try topology.required($0) }
        let rules = FirewallRules(of: topology, at: node)
        try self.output.write(Self.json(rules)) {
            self.format == .nftables
                ? rules.nftables(at: node) : Self.table(rules.rows(of: topology))
        }
    }

    static func json(_ rules: FirewallRules) -> JSONValue {
        let values: [JSONValue] = rules.rules.map { rule in
            [
                "source": .string(rule.source.text),
                "destination": .string(rule.destination.text),
                "host": .string(rule.endpoint.host),
                "port": .integer(Int64(rule.endpoint.port)),
                "protocol": .string("tcp"),
                "direction": .string("source to destination"),
                "why": .string(rule.why),
            ]
        }
        return ["rules": .array(values)]
    }

    static func table(_ rows: [FirewallRules.Row]) -> String {
        var table = TextTable("SOURCE", "DESTINATION", "PORT", "DIRECTION", "PROTOCOL", "WHY")
        for row in rows {
            table.add(
                row.sources,
                "\(row.rule.destination) (\(row.rule.endpoint.host))",
                "\(row.rule.endpoint.port)",
                "source opens",
                "TCP, TLS 1.3",
                row.rule.why
            )
        }
        return table.text()
    }
}

extension Topology {
    /// The node of that name.
    ///
    /// - Throws: ``CommandFailure`` with code `not_found` if there is none.
    func required(_ name: String) throws -> NodeName {
        if let found = NodeName(name), self.node(found) != nil { return found }
        let names = self.nodes.prefix(10).map(\.name.text).joined(separator: ", ")
        throw CommandFailure(
            code: "not_found",
            message: "The mesh \(self.mesh) has no node \(name).",
            hint: "Its nodes are \(names)\(self.nodes.count > 10 ? ", …" : "")."
        )
    }
}
