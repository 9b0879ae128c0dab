import Glibc

/// The POSIX side of the control socket: binding, connecting, blocking reads and writes.
enum ControlSocket {
    /// Listens at `path`, replacing a socket that a dead daemon left behind.
    ///
    /// Call it only while holding the home's lock. Members of the socket's group may connect: the
    /// file is 0660 before anybody can.
    static func listen(at path: String) throws -> CInt {
        let socket = try Self.make()
        do {
            try Self.removeStale(path)
            try Self.withAddress(path) { address, length in
                guard Glibc.bind(socket, address, length) == 0 else {
                    throw Self.failure("listen at", path)
                }
            }
            guard chmod(path, 0o660) == 0, Glibc.listen(socket, 64) == 0 else {
                throw Self.failure("listen at", path)
            }
            return socket
        } catch {
            close(socket)
            throw error
        }
    }

    /// Connects to the daemon that listens at `path`.
    static func connect(to path: String) throws -> CInt {
        let socket = try Self.make()
        do {
            try Self.withAddress(path) { address, length in
                guard Glibc.connect(socket, address, length) == 0 else {
                    throw Self.failure("reach the daemon at", path)
                }
            }
            return socket
        } catch {
            close(socket)
            throw error
        }
    }

    /// Sends all bytes, waiting as long as it takes.
    static func write(_ bytes: [UInt8], to socket: CInt) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                send(socket, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.hungUp(errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Receives some bytes, waiting for the first; none means that the daemon hung up.
    static func read(from socket: CInt) throws -> [UInt8] {
        while true {
            var count = 0
            let bytes = [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, initialized in
                count = recv(socket, buffer.baseAddress, buffer.count, 0)
                initialized = max(0, count)
            }
            if count >= 0 { return bytes }
            guard errno == EINTR else { throw Self.hungUp(errno) }
        }
    }

    /// Closes a socket that nobody else has.
    static func discard(_ socket: CInt) { close(socket) }

    private static func make() throws -> CInt {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let socket = Glibc.socket(AF_UNIX, type, 0)
        guard socket >= 0 else { throw NodeError(.controlFailed, Self.reason(errno)) }
        return socket
    }

    private static func removeStale(_ path: String) throws {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw NodeError(.homeInvalid, "\(path) is not a socket.", hint: "Move it away.")
        }
        unlink(path)
    }

    /// Lends the address of `path`.
    ///
    /// An address holds 107 bytes and homes may lie deeper: a longer path is reached through its
    /// open directory.
    private static func withAddress(
        _ path: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void
    ) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        var directory: CInt = -1
        defer { if directory >= 0 { close(directory) } }
        if bytes.count >= MemoryLayout.size(ofValue: address.sun_path) {
            let parts = bytes.lastIndex(of: UInt8(ascii: "/")).map { (bytes[..<$0], bytes[$0...]) }
            guard let (parent, name) = parts, name.count <= 64 else {
                throw NodeError(.controlFailed, "\(path) is too long for a socket.")
            }
            directory = open(
                String(decoding: parent, as: UTF8.self),
                O_RDONLY | O_DIRECTORY | O_CLOEXEC
            )
            guard directory >= 0 else { throw Self.failure("open the directory of", path) }
            bytes = Array("/proc/self/fd/\(directory)".utf8) + name
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }

    private static func failure(_ action: String, _ path: String) -> NodeError {
        let number = errno
        let message = "Could not \(action) \(path): \(Self.reason(number))."
        switch number {
        case EACCES, EPERM:
            return NodeError(
                .notPermitted,
                message,
                hint: "Run it as the daemon's user, or as a member of the socket's group."
            )
        case ENOENT, ECONNREFUSED, ENOTDIR:
            return NodeError(
                .notReachable,
                message,
                hint: "Start the daemon with `tributary run`, or name its home with --home."
            )
        default:
            return NodeError(.controlFailed, message)
        }
    }

    private static func hungUp(_ number: CInt) -> NodeError {
        NodeError(.controlFailed, "The daemon hung up: \(Self.reason(number)).")
    }

    private static func reason(_ number: CInt) -> String { String(cString: strerror(number)) }
}
