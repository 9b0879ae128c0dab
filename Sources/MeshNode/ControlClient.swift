import Glibc
import MeshModel

/// Asks a daemon over its control socket; for commands, so it blocks.
package struct ControlClient: Sendable {
    private let path: String

    /// Talks to the daemon that listens at `path`.
    package init(socketPath path: String) { self.path = path }

    /// Asks once, on a connection of its own, and waits for the answer as long as it takes.
    ///
    /// - Parameters:
    ///   - request: What to ask.
    ///   - event: Hears of each event that comes before the answer.
    /// - Returns: The result.
    /// - Throws: ``ControlError`` as the daemon worded it; ``NodeError`` with code
    ///   ``NodeError/Code/notReachable`` if none listens, ``NodeError/Code/notPermitted`` if the
    ///   socket is not for us, ``NodeError/Code/controlFailed`` if the daemon hangs up.
    package func call(
        _ request: ControlRequest,
        event: (JSONValue) throws -> Void = { _ in }
    ) throws -> JSONValue {
        let socket = try ControlSocket.connect(to: self.path)
        defer { close(socket) }
        let line = Array(try JSONValue(encoding: request).json().utf8) + [UInt8(ascii: "\n")]
        guard line.count <= Limits.controlLineBytesMax else {
            throw NodeError(
                .controlFailed,
                "The request is \(line.count) bytes long.",
                hint: "Name fewer files at a time, or the directory that they are in."
            )
        }
        try ControlSocket.write(line, to: socket)

        var received: [UInt8] = []
        while true {
            let bytes = try ControlSocket.read(from: socket)
            guard !bytes.isEmpty else {
                throw NodeError(
                    .controlFailed,
                    "The daemon hung up before it answered.",
                    hint: "See its log."
                )
            }
            received += bytes
            while let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Array(received[..<end])
                received.removeSubrange(...end)
                switch try ControlAnswer(line: line) {
                case .event(let value): try event(value)
                case .result(let value): return value
                case .failure(let error): throw error
                }
            }
        }
    }
}
