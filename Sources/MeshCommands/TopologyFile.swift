import Glibc
import MeshModel
import MeshTopology

/// A topology file that a command was given.
struct TopologyFile {
    private let path: String

    init(_ path: String) { self.path = path }

    /// Reads and parses it.
    ///
    /// - Throws: `TopologyFindings` with every finding; ``CommandFailure`` if it cannot be read.
    func parse() throws -> Topology {
        try Topology.parse(try self.text(), file: self.path)
    }

    private func text() throws -> String {
        let file = open(self.path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw self.unreadable() }
        defer { close(file) }
        var bytes: [UInt8] = []
        // One more than is allowed is enough for the parser to say so.
        while bytes.count <= Limits.topologyBytesMax {
            var count = 0
            bytes += [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
                count = read(file, buffer.baseAddress, buffer.count)
                initialized = max(0, count)
            }
            if count == 0 { break }
            guard count > 0 || errno == EINTR else { throw self.unreadable() }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(
                code: "topology_invalid",
                message: "\(self.path) is not UTF-8 text."
            )
        }
        return text
    }

    private func unreadable() -> CommandFailure {
        let number = errno
        let code =
            switch number {
            case ENOENT, ENOTDIR: "not_found"
            case EACCES, EPERM: "not_permitted"
            default: "failed"
            }
        let reason = String(cString: strerror(number))
        return CommandFailure(
            code: code,
            message: "Could not read the topology \(self.path): \(reason).",
            hint: "Name a topology file, such as topologies/line.yaml."
        )
    }
}
