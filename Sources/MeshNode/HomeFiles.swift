// The compiler ascribes libc's `stat` to whichever of these modules it met first.
import CDispatch
import CoreFoundation
import Glibc
import MeshIdentity
import MeshModel

/// The POSIX calls that make and read a home, apart from its private files.
enum HomeFiles {
    /// Makes a directory; one that is there already keeps its mode.
    static func makeDirectory(_ path: String, mode: mode_t) throws {
        guard mkdir(path, mode) == 0 || errno == EEXIST else { throw Self.failed("make", path) }
    }

    /// Makes a directory and those above it.
    static func makeDirectories(_ path: String) throws {
        var made = path.hasPrefix("/") ? "/" : ""
        for component in path.split(separator: "/") {
            made += "\(component)/"
            try Self.makeDirectory(made, mode: 0o755)
        }
    }

    /// Whether something has that name, even a dangling link.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Writes a new file that everybody may read, and syncs it.
    static func write(_ path: String, _ bytes: [UInt8]) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw Self.failed("create", path) }
        defer { close(file) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            guard count > 0 || errno == EINTR else { throw Self.failed("write", path) }
            rest = rest.dropFirst(max(0, count))
        }
        guard fsync(file) == 0 else { throw Self.failed("sync", path) }
    }

    /// Writes a file that everybody may read, durably, in place of one of that name.
    static func replace(_ path: String, _ bytes: [UInt8]) throws {
        let temporary = "\(path).new-\(getpid())"
        unlink(temporary)  // Left by a process that had our number before us.
        try Self.write(temporary, bytes)
        try Self.replaceByMoving(temporary, to: path)
    }

    /// Moves a file over another, durably.
    static func replaceByMoving(_ path: String, to other: String) throws {
        guard rename(path, other) == 0 else { throw Self.failed("rename", path) }
        try Self.syncDirectory(of: other)
    }

    /// Removes a file, durably.
    static func remove(_ path: String) throws {
        guard unlink(path) == 0 || errno == ENOENT else { throw Self.failed("remove", path) }
        try Self.syncDirectory(of: path)
    }

    /// Refuses to write where what is written would belong to somebody else.
    static func requireOwner(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Self.failed("look at", path) }
        guard status.st_uid == geteuid() else {
            throw NodeError(
                .notPermitted,
                "\(path) belongs to user \(status.st_uid), and this is user \(geteuid()).",
                hint: "Run it as the user who owns the home."
            )
        }
    }

    private static func syncDirectory(of path: String) throws {
        let end = path.lastIndex(of: "/")
        try Self.syncDirectory(end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? ".")
    }

    /// Reads a file of at most the size of a topology.
    static func read(_ path: String) throws -> [UInt8] {
        // Not to wait for a writer, should it be a pipe.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw Self.failed("open", path) }
        defer { close(file) }
        var bytes: [UInt8] = []
        while bytes.count <= Limits.topologyBytesMax {
            var count = 0
            bytes += [UInt8](unsafeUninitializedCapacity: 64 << 10) { buffer, initialized in
                count = Glibc.read(file, buffer.baseAddress, buffer.count)
                initialized = max(0, count)
            }
            if count == 0 { return bytes }
            guard count > 0 || errno == EINTR else { throw Self.failed("read", path) }
        }
        throw NodeError(
            .homeInvalid,
            "\(path) has more than \(Limits.topologyBytesMax) bytes."
        )
    }

    /// Gives a file or directory another name, which nothing may have yet.
    static func move(_ path: String, to other: String) throws {
        guard !Self.exists(other) else {
            throw NodeError(.homeExists, "\(other) is there already.")
        }
        guard rename(path, other) == 0 else { throw Self.failed("rename", path) }
    }

    /// Makes the names in a directory durable.
    static func syncDirectory(_ path: String) throws {
        let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw Self.failed("open", path) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw Self.failed("sync", path) }
    }

    /// Words what `errno` says about a file of a home.
    static func failed(_ action: String, _ path: String) -> NodeError {
        let number = errno
        let message = "Could not \(action) \(path): \(String(cString: strerror(number)))."
        return switch number {
        case ENOENT, ENOTDIR:
            NodeError(
                .homeMissing,
                message,
                hint:
                    "`tributary init` and `tributary keys request` make homes; name one with --home "
                    + "or $TRIBUTARY_HOME."
            )
        case EACCES, EPERM, EROFS:
            NodeError(.notPermitted, message, hint: "Run it as the user who owns the home.")
        case EEXIST:
            NodeError(.homeExists, message)
        default:
            NodeError(.homeInvalid, message)
        }
    }
}
