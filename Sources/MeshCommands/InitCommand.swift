import ArgumentParser
import MeshModel
import MeshNode
import MeshTopology

/// `tributary init`: makes a home for every node of a topology.
struct InitCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init",
        abstract: "Make keys and a home directory for every node of a new mesh.",
        discussion: """
            Writes DIR/authority, which signs for the mesh and stays off the nodes, and DIR/NODE \
            for each node, to be copied to its host as a whole. Nothing is overwritten.

            Examples:
              tributary init --topology coastwatch.yaml --out mesh
            """
    )

    @OptionGroup var output: OutputOptions

    @Option(help: "The topology file.")
    var topology: String

    @Option(help: ArgumentHelp("Where to write; made if need be.", valueName: "dir"))
    var out: String

    func run() throws {
        let topology = try TopologyFile(self.topology).parse()
        for warning in topology.warnings { Terminal.complain(warning.description) }
        let written = try HomeWriter.initialise(
            topology: topology,
            out: self.out,
            at: Terminal.now
        )
        try self.output.write(Self.json(topology.mesh, written)) { Self.text(written) }
    }

    static func json(_ mesh: MeshName, _ written: HomeWriter.Written) -> JSONValue {
        let homes = written.homes.map { home in
            JSONValue.object(["node": .string(home.node.text), "home": .string(home.path)])
        }
        return [
            "mesh": .string(mesh.text), "authority": .string(written.authority),
            "homes": .array(homes),
        ]
    }

    private static func text(_ written: HomeWriter.Written) -> String {
        var table = TextTable("NODE", "HOME")
        for home in written.homes { table.add(home.node.text, home.path) }
        return """
            \(table.text())

            The mesh's own keys are in \(written.authority): keep them off the nodes, and safe.
            Copy each home to its host, look at its site.yaml, then: tributary run --home HOME
            """
    }
}
