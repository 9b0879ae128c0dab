/// The narrow seam between the log and a file system.
///
/// Everything that decides about durability goes through here, so that tests can record the order
/// of operations, lose what was not synced, and fail a sync. Failures are ``DiskError``.
package protocol Disk: Sendable {
    /// Opens a file that exists, for reading and writing.
    func open(_ path: String) throws -> any DiskFile
    /// Makes a new, empty file, which must not exist.
    func create(_ path: String) throws -> any DiskFile
    /// Makes a directory, unless it exists.
    func makeDirectory(_ path: String) throws
    /// The names in a directory, without `.` and `..`, in no order.
    func list(_ directory: String) throws -> [String]
    /// Gives a file another name, in place of whatever had it.
    func rename(_ path: String, to other: String) throws
    /// Removes a file's name.
    func unlink(_ path: String) throws
    /// Makes the names in a directory durable.
    func syncDirectory(_ directory: String) throws
    /// What an unprivileged process may still write to the file system of `path`, in bytes.
    func freeBytes(_ path: String) throws -> UInt64
}

/// An open file; closes when the last reference goes.
package protocol DiskFile: AnyObject, Sendable {
    /// Reads at an offset; fewer bytes than asked for only at the end of the file.
    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws -> Int
    /// Writes all bytes at an offset; they are durable only after a sync.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws
    /// Makes the bytes durable, and what is needed to find them (`fdatasync`).
    func syncData() throws
    /// Makes the bytes and all metadata durable (`fsync`).
    func syncAll() throws
    /// Takes blocks for a stretch, where there are none; they read as zero. The file reaches as far.
    func allocate(_ stretch: Range<UInt64>) throws
    /// Cuts the file, or lengthens it with a hole.
    func truncate(to count: UInt64) throws
    /// Gives back the blocks of a stretch, which then reads as zeros; the file stays as long.
    ///
    /// A file system that cannot refuses with ``DiskError/isUnsupported``.
    func punch(_ offset: UInt64, count: UInt64) throws
    /// The file's length, in bytes.
    func size() throws -> UInt64
    /// The bytes of all blocks that the file occupies.
    func allocatedBytes() throws -> UInt64
    /// Drops clean pages from the cache, so that the next read comes from the device.
    func forgetCached() throws
}

/// An operation that the file system refused.
package struct DiskError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The failed call, such as `fdatasync`.
    package var operation: String
    /// The path or directory concerned.
    package var path: String
    /// The C library's error number.
    package var number: Int32

    /// Describes a refusal.
    package init(operation: String, path: String, number: Int32) {
        self.operation = operation
        self.path = path
        self.number = number
    }

    /// The call, the path and the system's words.
    package var description: String {
        "\(self.operation) \(self.path): \(Self.words(for: self.number))"
    }
}
