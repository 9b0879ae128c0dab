import Glibc
import MeshModel
import MeshTopology

/// A topology file that a command was given.
struct TopologyFile {
    private let path: String

    init(_ path: String) { self.path = path }

    /// Reads and parses it, with what it includes.
    ///
    /// - Throws: `TopologyFindings` with every finding; ``CommandFailure`` if it cannot be read.
    func parse() throws -> Topology {
        let text: String
        do throws(Unreadable) {
            text = try Self.text(at: self.path)
        } catch {
            throw CommandFailure(
                code: error.code,
                message: "Could not read the topology \(self.path): \(error.reason).",
                hint: "Name a topology file, such as topologies/line.yaml."
            )
        }
        return try Topology.parse(text, file: self.path) { path throws(UnreadableFile) in
            do throws(Unreadable) {
                return try Self.text(at: path)
            } catch {
                throw UnreadableFile(reason: error.reason)
            }
        }
    }

    private struct Unreadable: Error {
        let code: String
        let reason: String
    }

    private static func text(at path: String) throws(Unreadable) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw Self.unreadable() }
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
            guard count > 0 || errno == EINTR else { throw Self.unreadable() }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Unreadable(code: "topology_invalid", reason: "it is not UTF-8 text")
        }
        return text
    }

    private static func unreadable() -> Unreadable {
        let number = errno
        let code =
            switch number {
            case ENOENT, ENOTDIR: "not_found"
            case EACCES, EPERM: "not_permitted"
            default: "failed"
            }
        return Unreadable(code: code, reason: String(cString: strerror(number)))
    }
}
