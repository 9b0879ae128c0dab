// Both have `stat` in their headers, and which of them the compiler takes for its home depends on what
// else the module imports.
import CDispatch
import CoreFoundation
import Glibc

extension DiskError {
    /// The system's words for an error number.
    static func words(for number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
        return buffer.withUnsafeBufferPointer { pointer in
            pointer.baseAddress.map { String(cString: $0) } ?? "error \(number)"
        }
    }

    /// The failure of the call that just returned.
    fileprivate static func latest(_ operation: String, _ path: String) -> Self {
        Self(operation: operation, path: path, number: errno)
    }

    /// What another library found in a file.
    static func noRoom(for path: String) -> Self {
        Self(operation: "write", path: path, number: ENOSPC)
    }

    /// Nothing has this name.
    package var isMissing: Bool { self.number == ENOENT }
    /// No room, or no more of it for this user.
    package var isNoRoom: Bool { self.number == ENOSPC || self.number == EDQUOT }
    /// The file system does not do such a thing.
    package var isUnsupported: Bool { self.number == EOPNOTSUPP || self.number == ENOSYS }
    /// The device failed to read.
    package var isUnreadable: Bool { self.number == EIO }
}

/// The operating system's files.
package struct RealDisk: Disk {
    /// The operating system's files.
    package init() {}

    package func open(_ path: String) throws -> any DiskFile {
        let descriptor = Glibc.open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { throw DiskError.latest("open", path) }
        return RealDiskFile(descriptor, path)
    }

    package func create(_ path: String) throws -> any DiskFile {
        let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW
        let descriptor = Glibc.open(path, flags, 0o600)
        guard descriptor >= 0 else { throw DiskError.latest("create", path) }
        return RealDiskFile(descriptor, path)
    }

    package func makeDirectory(_ path: String) throws {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw DiskError.latest("mkdir", path)
        }
    }

    package func list(_ directory: String) throws -> [String] {
        guard let stream = opendir(directory) else { throw DiskError.latest("opendir", directory) }
        defer { closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else { break }
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        // A listing that stops early would look like segments that are gone.
        guard errno == 0 else { throw DiskError.latest("readdir", directory) }
        return names
    }

    package func rename(_ path: String, to other: String) throws {
        guard Glibc.rename(path, other) == 0 else { throw DiskError.latest("rename", path) }
    }

    package func unlink(_ path: String) throws {
        guard Glibc.unlink(path) == 0 else { throw DiskError.latest("unlink", path) }
    }

    package func syncDirectory(_ directory: String) throws {
        let descriptor = Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw DiskError.latest("open", directory) }
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw DiskError.latest("fsync", directory) }
    }

    package func freeBytes(_ path: String) throws -> UInt64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { throw DiskError.latest("statvfs", path) }
        return UInt64(status.f_bavail) * UInt64(status.f_frsize)
    }
}

/// A file descriptor.
final class RealDiskFile: DiskFile {
    private let descriptor: Int32
    private let path: String

    init(_ descriptor: Int32, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    deinit { Glibc.close(self.descriptor) }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws -> Int {
        var done = 0
        while done < target.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
            let count = pread(
                self.descriptor,
                rest.baseAddress,
                rest.count,
                off_t(offset) + off_t(done)
            )
            if count == 0 { break }
            if count > 0 {
                done += count
            } else if errno != EINTR {
                throw DiskError.latest("pread", self.path)
            }
        }
        return done
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        var done = 0
        while done < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let count = pwrite(
                self.descriptor,
                rest.baseAddress,
                rest.count,
                off_t(offset) + off_t(done)
            )
            if count >= 0 {
                done += count
            } else if errno != EINTR {
                throw DiskError.latest("pwrite", self.path)
            }
        }
    }

    // Neither sync is repeated, not even after EINTR: what a failed one left behind is unknown.
    func syncData() throws {
        guard fdatasync(self.descriptor) == 0 else {
            throw DiskError.latest("fdatasync", self.path)
        }
    }

    func syncAll() throws {
        guard fsync(self.descriptor) == 0 else { throw DiskError.latest("fsync", self.path) }
    }

    func allocate(_ stretch: Range<UInt64>) throws {
        while true {
            let number = posix_fallocate(
                self.descriptor,
                off_t(stretch.lowerBound),
                off_t(stretch.count)
            )
            switch number {
            case 0: return
            case EINTR: continue
            // A file system that cannot: a hole reads as zero too, but a write may find no room.
            case EOPNOTSUPP, EINVAL:
                return try self.truncate(to: max(stretch.upperBound, try self.size()))
            default:
                throw DiskError(operation: "posix_fallocate", path: self.path, number: number)
            }
        }
    }

    func punch(_ offset: UInt64, count: UInt64) throws {
        guard let allocate = Self.fallocate else {
            throw DiskError(operation: "fallocate", path: self.path, number: EOPNOTSUPP)
        }
        while allocate(self.descriptor, Self.punchHole, off_t(offset), off_t(count)) != 0 {
            guard errno == EINTR else { throw DiskError.latest("fallocate", self.path) }
        }
    }

    private typealias Fallocate = @convention(c) (Int32, Int32, off_t, off_t) -> Int32
    /// Of `fcntl.h`, which Swift's `Glibc` leaves out.
    private static let fallocate: Fallocate? = dlsym(nil, "fallocate").map {
        unsafeBitCast($0, to: Fallocate.self)
    }
    /// `FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE`.
    private static let punchHole: Int32 = 2 | 1

    func truncate(to count: UInt64) throws {
        while ftruncate(self.descriptor, off_t(count)) != 0 {
            guard errno == EINTR else { throw DiskError.latest("ftruncate", self.path) }
        }
    }

    func size() throws -> UInt64 { UInt64(try self.status().st_size) }

    func allocatedBytes() throws -> UInt64 { UInt64(try self.status().st_blocks) * 512 }

    func forgetCached() throws {
        let number = posix_fadvise(self.descriptor, 0, 0, POSIX_FADV_DONTNEED)
        guard number == 0 else {
            throw DiskError(operation: "posix_fadvise", path: self.path, number: number)
        }
    }

    private func status() throws -> stat {
        var status = stat()
        guard fstat(self.descriptor, &status) == 0 else {
            throw DiskError.latest("fstat", self.path)
        }
        return status
    }
}
