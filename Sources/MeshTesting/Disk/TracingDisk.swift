package import MeshSpool
import Synchronization

/// The order in which things happened: operations of a disk, and what a test notes beside them.
package final class DiskTrace: Sendable {
    /// Something that happened.
    package enum Event: Sendable, Hashable {
        /// A file was made.
        case create(String)
        /// Bytes were written.
        case write(String, offset: UInt64, count: Int)
        /// A file's bytes were made durable.
        case syncFile(String)
        /// A directory's names were made durable.
        case syncDirectory(String)
        /// A file was cut or lengthened.
        case truncate(String, to: UInt64)
        /// Blocks of a file were given back.
        case punch(String, offset: UInt64, count: UInt64)
        /// A file got another name.
        case rename(String, to: String)
        /// A file's name was removed.
        case unlink(String)
        /// What a test noted: a commit of an index, a frame that left.
        case note(String)
    }

    private let recorded = Mutex<[Event]>([])

    /// An empty trace.
    package init() {}

    /// What happened so far.
    package var events: [Event] { self.recorded.withLock { $0 } }

    /// Adds something that a disk does not see.
    package func note(_ text: String) { self.record(.note(text)) }

    /// Adds an event.
    package func record(_ event: Event) { self.recorded.withLock { $0.append(event) } }
}

/// Passes everything on to another disk and records it, in order.
///
/// An operation is recorded when it has succeeded, so that a failed sync is not taken for one.
package struct TracingDisk: Disk {
    private let disk: any Disk
    /// What happened.
    package let trace: DiskTrace

    /// Watches a disk.
    package init(_ disk: any Disk, _ trace: DiskTrace = DiskTrace()) {
        self.disk = disk
        self.trace = trace
    }

    package func open(_ path: String) throws -> any DiskFile {
        TracingFile(try self.disk.open(path), path, self.trace)
    }

    package func create(_ path: String) throws -> any DiskFile {
        let file = try self.disk.create(path)
        self.trace.record(.create(path))
        return TracingFile(file, path, self.trace)
    }

    package func makeDirectory(_ path: String) throws { try self.disk.makeDirectory(path) }

    package func list(_ directory: String) throws -> [String] { try self.disk.list(directory) }

    package func rename(_ path: String, to other: String) throws {
        try self.disk.rename(path, to: other)
        self.trace.record(.rename(path, to: other))
    }

    package func unlink(_ path: String) throws {
        try self.disk.unlink(path)
        self.trace.record(.unlink(path))
    }

    package func syncDirectory(_ directory: String) throws {
        try self.disk.syncDirectory(directory)
        self.trace.record(.syncDirectory(directory))
    }

    package func freeBytes(_ path: String) throws -> UInt64 { try self.disk.freeBytes(path) }
}

/// A file that records what is done to it.
private final class TracingFile: DiskFile {
    private let file: any DiskFile
    private let path: String
    private let trace: DiskTrace

    init(_ file: any DiskFile, _ path: String, _ trace: DiskTrace) {
        self.file = file
        self.path = path
        self.trace = trace
    }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws -> Int {
        try self.file.read(into: target, at: offset)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        try self.file.write(bytes, at: offset)
        self.trace.record(.write(self.path, offset: offset, count: bytes.count))
    }

    func syncData() throws {
        try self.file.syncData()
        self.trace.record(.syncFile(self.path))
    }

    func syncAll() throws {
        try self.file.syncAll()
        self.trace.record(.syncFile(self.path))
    }

    func allocate(_ stretch: Range<UInt64>) throws { try self.file.allocate(stretch) }

    func truncate(to count: UInt64) throws {
        try self.file.truncate(to: count)
        self.trace.record(.truncate(self.path, to: count))
    }

    func punch(_ offset: UInt64, count: UInt64) throws {
        try self.file.punch(offset, count: count)
        self.trace.record(.punch(self.path, offset: offset, count: count))
    }

    func size() throws -> UInt64 { try self.file.size() }
    func allocatedBytes() throws -> UInt64 { try self.file.allocatedBytes() }
    func forgetCached() throws { try self.file.forgetCached() }
}
