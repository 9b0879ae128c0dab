import Glibc
import MeshModel

/// An open file or directory: closed when its owner is done with it.
///
/// All POSIX calls of this module are here and in the extensions of this type. Calls that a signal
/// interrupted are repeated. Names are single components or checked paths, never text from outside.
struct Descriptor: ~Copyable, Sendable {
    let number: Int32

    deinit { close(self.number) }

    /// What one `stat` told.
    struct Status {
        let stamp: FileStamp
        let mode: UInt16
        let kind: Kind
        let links: UInt64

        var identity: FileIdentity { FileIdentity(device: stamp.device, inode: stamp.inode) }
    }

    /// What a name can belong to.
    enum Kind { case regular, directory, link, device, socket, pipe }

    /// Opens a directory by a path that the operator wrote, links in it included.
    static func open(root path: String) throws(SystemError) -> Descriptor {
        Descriptor(
            number: try Self.call { Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        )
    }

    /// Opens what a name of this directory belongs to; a link is an error.
    func open(name: [UInt8], _ flags: Int32, mode: mode_t = 0) throws(SystemError) -> Descriptor {
        let flags = flags | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY
        let opened = try name.withPath { (path) throws(SystemError) in
            try Self.call { openat(self.number, path, flags, mode) }
        }
        return Descriptor(number: opened)
    }

    /// Repeats a call for as long as signals interrupt it.
    static func call<Result: SignedInteger>(
        _ body: () -> Result
    ) throws(SystemError) -> Result {
        while true {
            let result = body()
            if result >= 0 { return result }
            guard errno == EINTR else { throw .last }
        }
    }
}

extension Array where Element == UInt8 {
    /// Lends the bytes as a C string; they hold no NUL, for every name here was checked.
    func withPath<R, Failure: Error>(
        _ body: (UnsafePointer<CChar>) throws(Failure) -> R
    ) throws(Failure) -> R {
        let terminated = self.map(CChar.init(bitPattern:)) + [0]
        let result: Result<R, Failure> = terminated.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("An array with a NUL.") }
            do throws(Failure) { return .success(try body(base)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

// What is told of files.
extension Descriptor {
    /// What is open.
    func status() throws(SystemError) -> Status {
        var info = stat()
        _ = try Self.call { fstat(self.number, &info) }
        return Status(info)
    }

    /// What a name of this directory belongs to, a link being a link.
    func status(name: [UInt8]) throws(SystemError) -> Status {
        var info = stat()
        _ = try name.withPath { (path) throws(SystemError) in
            try Self.call { fstatat(self.number, path, &info, AT_SYMLINK_NOFOLLOW) }
        }
        return Status(info)
    }

    /// Bytes that the daemon's user may still write to this file system.
    func freeBytes() throws(SystemError) -> Int64 {
        var info = statvfs()
        _ = try Self.call { fstatvfs(self.number, &info) }
        let (bytes, overflow) = UInt64(info.f_bavail).multipliedReportingOverflow(
            by: UInt64(info.f_frsize)
        )
        return overflow ? .max : Int64(clamping: bytes)
    }

    /// The file system's magic number; `nil` if it cannot be learnt.
    func fileSystem() -> Int? {
        guard let ask = LinuxCalls.fileSystemStatus else { return nil }
        return withUnsafeTemporaryAllocation(
            byteCount: LinuxCalls.fileSystemStatusByteCount,
            alignment: 8
        ) { room in
            guard let base = room.baseAddress, ask(self.number, base) == 0 else { return nil }
            return room.load(as: Int.self)
        }
    }
}

extension Descriptor.Status {
    fileprivate init(_ info: stat) {
        func nanoseconds(_ time: timespec) -> Int64 {
            Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
        }
        self.stamp = FileStamp(
            device: UInt64(info.st_dev),
            inode: UInt64(info.st_ino),
            size: Int64(info.st_size),
            modifiedNanoseconds: nanoseconds(info.st_mtim),
            changedNanoseconds: nanoseconds(info.st_ctim)
        )
        self.mode = UInt16(info.st_mode & 0o7777)
        self.links = UInt64(info.st_nlink)
        self.kind =
            switch info.st_mode & S_IFMT {
            case S_IFREG: .regular
            case S_IFDIR: .directory
            case S_IFLNK: .link
            case S_IFSOCK: .socket
            case S_IFIFO: .pipe
            default: .device
            }
    }
}

// Reading and writing.
extension Descriptor {
    func read(into target: UnsafeMutableRawBufferPointer, at offset: Int64) throws(SystemError)
        -> Int
    {
        try Self.call { pread(self.number, target.baseAddress, target.count, off_t(offset)) }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        var rest = bytes
        var offset = offset
        while !rest.isEmpty {
            let count = try Self.call {
                pwrite(self.number, rest.baseAddress, rest.count, off_t(offset))
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            offset += Int64(count)
        }
    }

    /// Where data, or a hole, begins at or after `offset`; `nil` behind the last.
    func seek(_ what: Sought, from offset: Int64) throws(SystemError) -> Int64? {
        let whence = what == .data ? LinuxCalls.seekData : LinuxCalls.seekHole
        do throws(SystemError) {
            return Int64(try Self.call { lseek(self.number, off_t(offset), whence) })
        } catch {
            if error.number == ENXIO { return nil }
            throw error
        }
    }

    /// What ``seek(_:from:)`` looks for.
    enum Sought { case data, hole }

    func setSize(_ size: Int64) throws(SystemError) {
        _ = try Self.call { ftruncate(self.number, off_t(size)) }
    }

    func setMode(_ mode: UInt16) throws(SystemError) {
        _ = try Self.call { fchmod(self.number, mode_t(mode)) }
    }

    func setModified(nanoseconds: Int64) throws(SystemError) {
        let (quotient, remainder) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let borrowed = remainder < 0
        let times = [
            timespec(tv_sec: 0, tv_nsec: LinuxCalls.timeNow),
            timespec(
                tv_sec: Int(quotient) - (borrowed ? 1 : 0),
                tv_nsec: Int(remainder) + (borrowed ? 1_000_000_000 : 0)
            ),
        ]
        _ = try Self.call { futimens(self.number, times) }
    }

    /// Makes contents and names durable; after a failure nothing of them may be believed.
    func sync() throws(SystemError) { _ = try Self.call { fsync(self.number) } }

    /// Makes all of its file system durable, and says whether that is certain.
    ///
    /// Only where the file system is known to write everything and to say so if it could not.
    func syncFileSystem() -> Bool {
        guard let sync = LinuxCalls.syncFileSystem, WriterProbe.isTrusted(self) else {
            return false
        }
        return sync(self.number) == 0
    }

    /// Tells the kernel to read ahead.
    func willReadInOrder() { _ = posix_fadvise(self.number, 0, 0, POSIX_FADV_SEQUENTIAL) }
}

// Names in a directory.
extension Descriptor {
    func makeDirectory(name: [UInt8], mode: mode_t) throws(SystemError) {
        _ = try name.withPath { (path) throws(SystemError) in
            try Self.call { mkdirat(self.number, path, mode) }
        }
    }

    func remove(name: [UInt8]) throws(SystemError) {
        _ = try name.withPath { (path) throws(SystemError) in
            try Self.call { unlinkat(self.number, path, 0) }
        }
    }

    func rename(_ old: [UInt8], to new: [UInt8]) throws(SystemError) {
        _ = try old.withPath { (old) throws(SystemError) in
            try new.withPath { (new) throws(SystemError) in
                try Self.call { renameat(self.number, old, self.number, new) }
            }
        }
    }

    /// Gives every name of this directory but `.` and `..`, in the file system's order.
    ///
    /// - Throws: ``SystemError`` if the directory cannot be read; whatever `visit` throws.
    func names(_ visit: ([UInt8], Kind?) throws -> Void) throws {
        // A descriptor of its own: the stream closes it and moves its position.
        let copy = try Self.call { fcntl(self.number, F_DUPFD_CLOEXEC, 0) }
        guard let stream = fdopendir(copy) else {
            let error = SystemError.last
            close(copy)
            throw error
        }
        defer { closedir(stream) }
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                if errno != 0 { throw SystemError.last }
                return
            }
            let name = Self.name(of: entry)
            if name == [UInt8(ascii: ".")] || name == Array("..".utf8) { continue }
            try visit(name, Self.kind(entry.pointee.d_type))
        }
    }

    /// Sound because the kernel ends every name with a NUL inside the record that it filled in.
    private static func name(of entry: UnsafeMutablePointer<dirent>) -> [UInt8] {
        let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 19
        let start = UnsafeRawPointer(entry) + offset
        let length = strlen(start.assumingMemoryBound(to: CChar.self))
        return Array(UnsafeRawBufferPointer(start: start, count: length))
    }

    /// `DT_…` of `dirent.h`, whose values Swift does not see; `nil` if the file system is silent.
    private static func kind(_ type: UInt8) -> Kind? {
        switch type {
        case 1: .pipe
        case 2, 6: .device
        case 4: .directory
        case 8: .regular
        case 10: .link
        case 12: .socket
        default: nil
        }
    }
}
