import ArgumentParser
import MeshIdentity
import MeshModel
import MeshNode

/// `tributary keys request`: makes a node's keys at the node.
struct KeysRequestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "request",
        abstract: "Make this node's keys, and a request to certify them.",
        discussion: """
            The private keys never leave the home. The request holds the public ones, and goes to \
            whoever has the authority: `tributary keys issue` there. Asked again, it asks for the \
            same keys.

            Examples:
              tributary keys request --node buoy-7 --out buoy-7.request
              tributary keys request --home /srv/buoy-7 --node buoy-7 > buoy-7.request
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Option(help: "The node's name, as the topology has it; needed the first time.")
    var node: String?

    @Option(help: "The mesh; the request is then good for no other.")
    var mesh: String?

    @Option(help: ArgumentHelp("Where to write the request (default: stdout).", valueName: "file"))
    var out: String?

    func run() throws {
        let made = try HomeKeys(HomePaths(self.home.path)).request(
            node: try Self.name(self.node),
            mesh: try Self.name(self.mesh),
            newKeys: false,
            at: Terminal.now
        )
        try RequestOutput(out: self.out, output: self.output).write(made)
    }

    private static func name<Name: MeshWord>(_ text: String?) throws -> Name? {
        guard let text else { return nil }
        guard let name = Name(text) else {
            throw CommandFailure(code: "usage", message: "`\(text)` is no name.")
        }
        return name
    }
}

/// `tributary keys renew`: asks for a new certificate.
struct KeysRenewCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "renew",
        abstract: "Make a request for a new certificate, for the same keys or for new ones.",
        discussion: """
            The node runs on with what it has until `tributary join` takes up what is issued. \
            Before it joins with new keys, have its neighbours join with theirs.

            Examples:
              tributary keys renew --out buoy-7.request
              tributary keys renew --new-keys --out buoy-7.request
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Flag(help: "Make new keys; the old ones vouch for them.")
    var newKeys = false

    @Option(help: ArgumentHelp("Where to write the request (default: stdout).", valueName: "file"))
    var out: String?

    func run() throws {
        // Whoever has not joined has nothing to renew, and hears so.
        let home = try Home.open(self.home.path)
        let made = try HomeKeys(home.paths).request(
            node: nil,
            mesh: nil,
            newKeys: self.newKeys,
            at: Terminal.now
        )
        try RequestOutput(out: self.out, output: self.output).write(made)
    }
}

/// A request on its way to a person.
struct RequestOutput {
    let out: String?
    let output: OutputOptions

    func write(_ made: (request: KeyRequest, text: String)) throws {
        if let out = self.out { try KeysReport.write(request: made.text, to: out) }
        let told = """
            Request of \(made.request.node), fingerprint \(made.request.fingerprint)
            Have it issued: tributary keys issue --authority DIR --topology FILE --out DIR REQUEST
            """
        if self.out == nil, !self.output.json {
            // The request alone goes to stdout, so that it can be piped.
            print(made.text, terminator: "")
            if !self.output.quiet { Terminal.complain(told) }
        } else {
            try self.output.write(self.json(made)) { told }
        }
    }

    /// For scripts.
    func json(_ made: (request: KeyRequest, text: String)) -> JSONValue {
        [
            "node": .string(made.request.node.text),
            "mesh": made.request.mesh.map { .string($0.text) } ?? .null,
            "fingerprint": .string(made.request.fingerprint.description),
            "request": .string(made.text),
            "file": self.out.map { .string($0) } ?? .null,
        ]
    }
}
