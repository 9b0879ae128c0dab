import ArgumentParser
import Glibc
import MeshNode

/// Where the node lives that a command is about.
struct HomeOption: ParsableArguments {
    @Option(
        name: .customLong("home"),
        help: ArgumentHelp(
            "The node's home directory (default: $TRIBUTARY_HOME or /var/lib/tributary).",
            valueName: "dir"
        )
    )
    var given: String?

    /// The home's path.
    var path: String {
        if let given = self.given { return given }
        if let named = getenv("TRIBUTARY_HOME").map({ String(cString: $0) }), !named.isEmpty {
            return named
        }
        return "/var/lib/tributary"
    }

    /// Asks the daemon that runs there.
    func ask(
        _ request: ControlRequest,
        event: (JSONValue) throws -> Void = { _ in }
    ) throws -> JSONValue {
        let client = ControlClient(socketPath: "\(self.path)/control.sock")
        return try client.call(request, event: event)
    }
}

/// In which form a command writes its result.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Write JSON to stdout.")
    var json = false

    @Flag(help: "Write nothing but what went wrong.")
    var quiet = false

    func validate() throws {
        if self.json, self.quiet { throw ValidationError("--json and --quiet exclude each other.") }
    }

    /// Writes a result in the form that was chosen.
    func write(_ value: JSONValue, text: () throws -> String) throws {
        if self.json {
            print(try value.json(indented: Terminal.isOutput))
        } else if !self.quiet {
            print(try text())
        }
    }
}
