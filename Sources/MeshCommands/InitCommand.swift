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

            The short way, for one machine or a mesh that one person sets up: the nodes' private \
            keys are made here. With `tributary keys request` each node makes its own.

            Examples:
              tributary init --topology coastwatch.yaml --out mesh
              tributary init --topology coastwatch.yaml --out office --authority-only
            """
    )

    @OptionGroup var output: OutputOptions

    @Option(help: "The topology file.")
    var topology: String

    @Option(help: ArgumentHelp("Where to write; made if need be.", valueName: "dir"))
    var out: String

    @OptionGroup var passphrase: PassphraseOption

    @Option(help: "How many days the nodes' certificates are valid.")
    var days = KeyIssue.daysUsual

    @Flag(help: "Make the authority alone; nodes make their keys with `tributary keys request`.")
    var authorityOnly = false

    @Flag(help: "Ask for a passphrase for the authority's key.")
    var askPassphrase = false

    func validate() throws { try KeyIssue.checkDays(self.days) }

    func run() throws {
        let topology = try TopologyFile(self.topology).parse()
        for warning in topology.warnings { Terminal.complain(warning.description) }
        let now = Terminal.now
        let written = try HomeWriter.initialise(
            topology: topology,
            out: self.out,
            authorityOnly: self.authorityOnly,
            passphrase: try self.askPassphrase
                ? self.passphrase.choose() : self.passphrase.given(),
            days: self.days,
            at: now
        )
        try self.output.write(Self.json(topology.mesh, written)) {
            Self.text(written, until: now.adding(milliseconds: Int64(self.days) * 86_400_000))
        }
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

    private static func text(
        _ written: HomeWriter.Written,
        until expires: UnixMilliseconds
    ) -> String {
        if written.homes.isEmpty {
            return """
                The mesh's own keys are in \(written.authority): keep them off the nodes, and safe.
                At each node: tributary keys request --node NODE --out NODE.request
                Here, then: tributary keys issue --authority \(written.authority) --topology FILE \
                --out DIR REQUEST...
                """
        }
        var table = TextTable("NODE", "HOME")
        for home in written.homes { table.add(home.node.text, home.path) }
        return """
            \(table.text())

            The mesh's own keys are in \(written.authority): keep them off the nodes, and safe.
            Copy each home to its host, look at its site.yaml, then: tributary run --home HOME
            Certificates are valid until \(expires.description.prefix(10)); `tributary status` \
            warns a month before.
            """
    }
}
