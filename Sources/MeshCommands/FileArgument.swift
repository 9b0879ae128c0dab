import ArgumentParser
import MeshModel
import MeshNode

/// How a person names a file to a command.
struct FileArgument: ParsableArguments {
    @Argument(
        help: """
            A path on this machine, a path within the flow, the id of a version, or at least the \
            first 8 digits of it.
            """
    )
    var file: String

    /// What the daemon is to look for.
    func arguments() throws -> [String: JSONValue] { try Self.arguments(self.file) }

    /// An id where it looks like one, else the path as typed and made absolute.
    static func arguments(_ file: String) throws -> [String: JSONValue] {
        let digits = file.utf8.count
        let isHexadecimal = Hex.decode(file) != nil
        if digits == 2 * Digest.byteCount, isHexadecimal { return ["id": .string(file)] }
        let typed = RawArguments.process.bytes(of: [file])[0]
        var arguments = [
            "path": JSONValue(bytes: typed),
            "absolute": JSONValue(bytes: try RawArguments.absolute(typed)),
        ]
        if digits >= 8, isHexadecimal { arguments["prefix"] = .string(file) }
        return arguments
    }
}
