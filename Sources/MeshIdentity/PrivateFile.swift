// The compiler ascribes libc's `stat` to whichever of these modules it met first.
import CDispatch
import CoreFoundation
import Glibc

/// Files that hold private keys: nobody but their owner may read them.
package enum PrivateFile {
    /// The longest private file that is read, in bytes.
    package static let byteCountMax = 1 << 20

    /// Writes a file of mode 0600 durably, in place of one of that name: after a crash there is the
    /// old file or the new one, whole.
    ///
    /// - Throws: ``IdentityError`` `file_unavailable`.
    package static func write(_ path: String, _ bytes: [UInt8]) throws {
        let temporary = path + ".new"
        unlink(temporary)  // Left by a crash; whoever could plant one could replace the file too.
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw Self.failed("create", temporary) }
        do {
            defer { close(file) }
            guard fchmod(file, 0o600) == 0 else { throw Self.failed("protect", temporary) }
            try Self.writeAll(bytes, to: file, temporary)
            guard fsync(file) == 0 else { throw Self.failed("sync", temporary) }
            guard rename(temporary, path) == 0 else { throw Self.failed("rename", temporary) }
        } catch {
            unlink(temporary)
            throw error
        }
        try Self.syncDirectory(of: path)
    }

    /// Reads a file that only its owner may read.
    ///
    /// - Throws: ``IdentityError`` `private_file_exposed` if its mode lets anybody else in, with
    ///   the command that mends it; `file_unavailable` if it cannot be read or is no file of a
    ///   key's size.
    package static func read(_ path: String) throws -> [UInt8] {
        // Not to wait for a writer, should it be a pipe.
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard file >= 0 else { throw Self.failed("open", path) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw Self.failed("look at", path) }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= Self.byteCountMax else {
            throw IdentityError(
                .fileUnavailable,
                "\(path) is no file of at most \(Self.byteCountMax) bytes."
            )
        }
        guard status.st_mode & 0o077 == 0 else {
            let quoted = path.split(separator: "'", omittingEmptySubsequences: false)
                .joined(separator: "'\\''")
            throw IdentityError(
                .privateFileExposed,
                "Others may read \(path) (mode \(String(status.st_mode & 0o7777, radix: 8))).",
                hint: "chmod 600 '\(quoted)'"
            )
        }
        return try Self.readAll(file, path)
    }

    private static func readAll(_ file: Int32, _ path: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4 << 10)
        while bytes.count <= Self.byteCountMax {
            let count = Glibc.read(file, &chunk, chunk.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.failed("read", path)
            }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
        throw IdentityError(.fileUnavailable, "\(path) grew beyond \(Self.byteCountMax) bytes.")
    }

    private static func writeAll(_ bytes: [UInt8], to file: Int32, _ path: String) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw Self.failed("write", path)
            }
            rest = rest.dropFirst(count)
        }
    }

    private static func syncDirectory(of path: String) throws {
        let end = path.lastIndex(of: "/")
        let directory = end.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let file = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard file >= 0 else { throw Self.failed("open", directory) }
        defer { close(file) }
        guard fsync(file) == 0 else { throw Self.failed("sync", directory) }
    }

    private static func failed(_ action: String, _ path: String) -> IdentityError {
        let reason = strerror(errno).map { String(cString: $0) } ?? "error \(errno)"
        return IdentityError(.fileUnavailable, "Could not \(action) \(path): \(reason).")
    }
}
