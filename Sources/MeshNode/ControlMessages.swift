import MeshModel

/// One line from a command to the daemon: `{"verb": "status", "arguments": {…}}`.
package struct ControlRequest: Hashable, Sendable, Codable {
    /// What is asked for.
    package var verb: String
    /// What the verb needs to know.
    package var arguments: [String: JSONValue]

    /// Gathers a request.
    package init(_ verb: String, _ arguments: [String: JSONValue] = [:]) {
        self.verb = verb
        self.arguments = arguments
    }

    /// Reads a request; a verb without arguments may leave them out.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.verb = try container.decode(String.self, forKey: .verb)
        self.arguments =
            try container.decodeIfPresent([String: JSONValue].self, forKey: .arguments) ?? [:]
    }

    private enum CodingKeys: String, CodingKey { case verb, arguments }
}

/// A failure as the daemon words it on the control socket.
///
/// A handler may throw one to choose code and hint itself.
package struct ControlError: Error, Hashable, Sendable, Codable {
    /// A stable name, such as `not_found`.
    package var code: String
    /// What happened, with the values involved.
    package var message: String
    /// What to do now.
    package var hint: String?

    /// Gathers an error; the failure underneath goes into the message.
    package init(
        code: String,
        message: String,
        hint: String? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message + (cause.map { " (\($0))" } ?? "")
        self.hint = hint
    }
}

extension ControlError: CustomStringConvertible {
    /// One line for people.
    package var description: String {
        "\(self.code): \(self.message)" + (self.hint.map { " Hint: \($0)" } ?? "")
    }
}

/// An error that says itself how it goes over the control socket.
package protocol ControlErrorConvertible: Error {
    /// The same failure in the socket's words.
    var controlError: ControlError { get }
}

extension ControlError: ControlErrorConvertible {
    /// The error itself.
    package var controlError: ControlError { self }

    /// Words any error for the socket: its own words where it has them, else as `internal`.
    package init(wording error: any Error) {
        switch error {
        case let error as any ControlErrorConvertible: self = error.controlError
        case is CancellationError:
            self.init(
                code: "stopping",
                message: "The daemon is stopping.",
                hint: "Ask again when it runs."
            )
        default:
            self.init(code: "internal", message: "\(error)")
        }
    }
}

/// One line from the daemon to a command.
package enum ControlAnswer: Hashable, Sendable {
    /// Something to show while waiting: `{"event": "progress", …}`. Any may be left out.
    case event(JSONValue)
    /// The last line: `{"result": …}`.
    case result(JSONValue)
    /// The last line: `{"error": {"code", "message", "hint"}}`.
    case failure(ControlError)

    /// The line without its end.
    func line() throws -> String {
        switch self {
        case .event(let value): try value.json()
        case .result(let value): try JSONValue.object(["result": value]).json()
        case .failure(let error):
            try JSONValue.object(["error": try JSONValue(encoding: error)]).json()
        }
    }

    /// Reads a line.
    init(line: [UInt8]) throws {
        let value = try JSONValue(json: line)
        if let result = value["result"] {
            self = .result(result)
        } else if let error = value["error"] {
            self = .failure(try error.decode(ControlError.self))
        } else {
            self = .event(value)
        }
    }
}
