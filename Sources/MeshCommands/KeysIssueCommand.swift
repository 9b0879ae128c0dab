import ArgumentParser
import MeshIdentity
import MeshModel
import MeshNode
import MeshTopology

/// `tributary keys issue`: certifies keys, and signs what the mesh is now.
struct KeysIssueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "issue",
        abstract: "Certify the keys of nodes, and write for each node the file that it joins with.",
        discussion: """
            Compare each fingerprint with what `tributary keys show` says at the node, over a way \
            that nobody else uses, before you hand out its file. Without a request it signs the \
            topology as it is now, for the nodes that have keys.

            Examples:
              tributary keys issue --authority office/authority --topology mesh.yaml --out joins a.request
            """
    )

    @OptionGroup var output: OutputOptions

    @Option(
        help: ArgumentHelp("The authority's directory, as `init` made it.", valueName: "dir")
    )
    var authority: String

    @Option(help: "The topology file.")
    var topology: String

    @Option(help: ArgumentHelp("Where to write NODE.join; made if need be.", valueName: "dir"))
    var out: String

    @Option(help: "How many days new certificates are valid.")
    var days = KeyIssue.daysUsual

    @Option(
        help: ArgumentHelp(
            "A node whose keys are lost and may change without their word; may be repeated.",
            valueName: "node"
        )
    )
    var replace: [String] = []

    @OptionGroup var passphrase: PassphraseOption

    @Argument(help: "Requests; none signs the topology for the nodes that have keys.")
    var requests: [String] = []

    func validate() throws { try KeyIssue.checkDays(self.days) }

    func run() throws {
        let topology = try TopologyFile(self.topology).parse()
        for warning in topology.warnings { Terminal.complain(warning.description) }
        let requests = try self.requests.map { try KeysReport.readRequest($0) }
        let store = AuthorityStore(self.authority)
        let authority = try store.open { try self.passphrase.needed() }
        var issue = KeyIssue(store: store, authority: authority, topology: topology)
        issue.days = self.days
        issue.replacing = Set(
            try self.replace.map { text in
                guard let name = NodeName(text), topology.node(name) != nil else {
                    throw CommandFailure(code: "not_found", message: "There is no node `\(text)`.")
                }
                return name
            }
        )
        let issued = try issue.issue(requests, to: self.out, at: Terminal.now)
        try self.output.write(issued.json) { issued.text }
        if !issued.removed.isEmpty {
            let names = Wording.some(issued.removed.map(\.text))
            Terminal.complain(
                "tributary: no longer of the mesh: \(names). Files of theirs that are still on "
                    + "their way are refused by nodes that join now."
            )
        }
    }
}

extension KeyIssue.Issued {
    /// For people: a line for each node.
    var text: String {
        var table = TextTable("NODE", "KEYS", "CERTIFICATE UNTIL", "FINGERPRINT")
        for member in self.members {
            table.add(
                member.node.text,
                member.change.rawValue,
                String(member.expires.description.prefix(10)),
                member.fingerprint.description
            )
        }
        let directory = self.members.first.map {
            String($0.file.dropLast("/\($0.node).join".count))
        }
        var lines = [table.text(), ""]
        if let directory {
            lines += [
                "Serial \(self.serial). The files are in \(directory): bring each to its node, then",
                "  tributary join NODE.join",
                "The first time a node asks whether this is the authority's fingerprint:",
                "  \(self.authority)",
            ]
        }
        if !self.waiting.isEmpty {
            lines.append("No keys yet: \(Wording.some(self.waiting.map(\.text))).")
        }
        return lines.joined(separator: "\n")
    }

    /// For scripts.
    var json: JSONValue {
        [
            "serial": .integer(Int64(self.serial)),
            "authority": .string(self.authority.description),
            "nodes": .array(
                self.members.map { member in
                    [
                        "node": .string(member.node.text),
                        "keys": .string(member.change.rawValue),
                        "fingerprint": .string(member.fingerprint.description),
                        "expires": .string(member.expires.description),
                        "file": .string(member.file),
                    ]
                }
            ),
            "waiting": .array(self.waiting.map { .string($0.text) }),
            "removed": .array(self.removed.map { .string($0.text) }),
        ]
    }
}

extension KeyIssue {
    /// Refuses an option that no certificate can have.
    static func checkDays(_ days: Int) throws {
        guard (1...36_500).contains(days) else {
            throw ValidationError("--days takes 1 to 36500.")
        }
    }
}
