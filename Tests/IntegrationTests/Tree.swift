// `stat` is declared by whichever of these the compiler meets first.
import CDispatch
import CoreFoundation
import Glibc

/// A regular file as a test sees it; names are bytes.
struct TreeFile: Hashable, Sendable {
    var size: Int64
    var mode: UInt32
    var modified: Int64
    var allocated: Int64
    var links: Int
}

/// Trees of files, by their bytes.
enum Tree {
    static let chunkBytes = 4 << 20

    /// The regular files beneath a directory.
    static func files(beneath root: String) throws -> [[UInt8]: TreeFile] {
        var found: [[UInt8]: TreeFile] = [:]
        var left: [[UInt8]] = [[]]
        while let directory = left.popLast() {
            // Step by step, so that no path is too long to be opened.
            let descriptor = try Self.open(directory, beneath: root)
            guard let stream = fdopendir(descriptor) else { throw Failure("fdopendir") }
            defer { closedir(stream) }
            while let entry = readdir(stream) {
                let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    Array(bytes.prefix { $0 != 0 })
                }
                if name == [0x2E] || name == [0x2E, 0x2E] { continue }
                var status = stat()
                let text = Self.text(name)
                guard fstatat(dirfd(stream), text, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                    continue
                }
                let path = directory.isEmpty ? name : directory + [0x2F] + name
                if status.st_mode & S_IFMT == S_IFDIR {
                    left.append(path)
                } else if status.st_mode & S_IFMT == S_IFREG {
                    found[path] = TreeFile(
                        size: Int64(status.st_size),
                        mode: status.st_mode & 0o7777,
                        modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000
                            + Int64(status.st_mtim.tv_nsec),
                        allocated: Int64(status.st_blocks) * 512,
                        links: Int(status.st_nlink)
                    )
                }
            }
        }
        return found
    }

    /// Opens a path beneath a root, component by component; directories are read, files too.
    static func open(_ path: [UInt8], beneath root: String) throws -> Int32 {
        var descriptor = Glibc.open(root, O_RDONLY | O_CLOEXEC)
        for component in path.split(separator: 0x2F) where descriptor >= 0 {
            let text = Self.text(component)
            let next = openat(descriptor, text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC)
            close(descriptor)
            descriptor = next
        }
        guard descriptor >= 0 else { throw Failure("open \(root) \(path): errno \(errno)") }
        return descriptor
    }

    /// What differs between two trees in files, bytes, modes and times; the first 20 of it.
    static func differences(_ sent: String, _ landed: String) throws -> [String] {
        let (here, there) = (try Self.files(beneath: sent), try Self.files(beneath: landed))
        var differences: [String] = []
        for (path, file) in here where differences.count < 20 {
            let name = String(decoding: path, as: UTF8.self)
            guard let other = there[path] else {
                differences.append("\(name) is missing")
                continue
            }
            if file.mode != other.mode { differences.append("\(name): mode \(other.mode)") }
            if file.modified != other.modified {
                differences.append("\(name): time \(other.modified), not \(file.modified)")
            }
            let isSame = try file.size == other.size && Self.isSame(path, sent, landed)
            if !isSame { differences.append("\(name): bytes differ") }
        }
        let strays = there.keys.filter { here[$0] == nil }.prefix(20)
        return differences + strays.map { "\(String(decoding: $0, as: UTF8.self)) was not sent" }
    }

    /// A name as C wants it.
    private static func text(_ name: some Sequence<UInt8>) -> [CChar] {
        name.map { CChar(bitPattern: $0) } + [0]
    }

    /// Compares byte by byte: no digest of the product is trusted.
    static func isSame(_ path: [UInt8], _ one: String, _ other: String) throws -> Bool {
        let descriptors = [
            try Self.open(path, beneath: one), try Self.open(path, beneath: other),
        ]
        let buffers = descriptors.map { _ in
            UnsafeMutableRawBufferPointer.allocate(byteCount: Self.chunkBytes, alignment: 16)
        }
        defer {
            for descriptor in descriptors { close(descriptor) }
            for buffer in buffers { buffer.deallocate() }
        }
        while true {
            let counts = zip(descriptors, buffers).map { read($0, $1.baseAddress, $1.count) }
            guard counts[0] == counts[1], counts[0] >= 0 else { return false }
            if counts[0] == 0 { return true }
            guard let left = buffers[0].baseAddress, let right = buffers[1].baseAddress,
                memcmp(left, right, counts[0]) == 0
            else { return false }
        }
    }

    // MARK: Making

    /// Makes a directory and those above it.
    static func makeDirectory(_ path: String) throws {
        var made = ""
        for component in path.split(separator: "/") {
            made += "/\(component)"
            guard mkdir(made, 0o755) == 0 || errno == EEXIST else {
                throw Failure("mkdir \(made): errno \(errno)")
            }
        }
    }

    /// Makes a file in a directory that is there; its name is bytes.
    static func write(
        _ bytes: [UInt8],
        to name: [UInt8],
        in directory: Int32,
        mode: mode_t = 0o644
    ) throws {
        let text = Self.text(name)
        let descriptor = openat(directory, text, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw Failure("create \(name): errno \(errno)") }
        defer { close(descriptor) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw Failure("write: errno \(errno)") }
            rest = rest.dropFirst(count)
        }
        fchmod(descriptor, mode)
    }

    /// Makes a file under a path of text; renamed into place, as producers should.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o644) throws {
        let part = path + ".writing"
        try Self.write(bytes, to: Array(part.utf8), in: AT_FDCWD, mode: mode)
        guard rename(part, path) == 0 else { throw Failure("rename: errno \(errno)") }
    }

    /// Makes a file of random bytes; renamed into place, as producers should.
    static func random(_ bytes: Int64, to path: String) throws {
        let part = path + ".writing"
        let from = Glibc.open("/dev/urandom", O_RDONLY | O_CLOEXEC)
        let to = Glibc.open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        defer {
            close(from)
            close(to)
        }
        guard from >= 0, to >= 0 else { throw Failure("create \(path): errno \(errno)") }
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        var left = bytes
        while left > 0 {
            let count = read(from, &chunk, Int(min(left, Int64(chunk.count))))
            guard count > 0, Glibc.write(to, chunk, count) == count else {
                throw Failure("write \(path): errno \(errno)")
            }
            left -= Int64(count)
        }
        guard rename(part, path) == 0 else { throw Failure("rename: errno \(errno)") }
    }

    /// Appends a whole file to another.
    static func append(_ path: String, to target: String) throws -> Int64 {
        let from = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        let to = Glibc.open(target, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        defer {
            close(from)
            close(to)
        }
        guard from >= 0, to >= 0 else { throw Failure("append \(path): errno \(errno)") }
        var chunk = [UInt8](repeating: 0, count: Self.chunkBytes)
        var total: Int64 = 0
        while true {
            let count = read(from, &chunk, chunk.count)
            if count <= 0 { return total }
            guard Glibc.write(to, chunk, count) == count else {
                throw Failure("append: errno \(errno)")
            }
            total += Int64(count)
        }
    }
}
