import MeshSpool
import MeshTesting

/// Lets a test look around whenever a file is about to be synced.
struct WatchedDisk: Disk {
    let disk: FaultyDisk
    let beforeSync: @Sendable () -> Void

    func open(_ path: String) throws -> any DiskFile {
        WatchedFile(file: try self.disk.open(path), beforeSync: self.beforeSync)
    }
    func create(_ path: String) throws -> any DiskFile {
        WatchedFile(file: try self.disk.create(path), beforeSync: self.beforeSync)
    }
    func makeDirectory(_ path: String) throws { try self.disk.makeDirectory(path) }
    func list(_ directory: String) throws -> [String] { try self.disk.list(directory) }
    func rename(_ path: String, to other: String) throws {
        try self.disk.rename(path, to: other)
    }
    func unlink(_ path: String) throws { try self.disk.unlink(path) }
    func syncDirectory(_ directory: String) throws { try self.disk.syncDirectory(directory) }
    func freeBytes(_ path: String) throws -> UInt64 { try self.disk.freeBytes(path) }
}

private final class WatchedFile: DiskFile {
    private let file: any DiskFile
    private let beforeSync: @Sendable () -> Void

    init(file: any DiskFile, beforeSync: @escaping @Sendable () -> Void) {
        self.file = file
        self.beforeSync = beforeSync
    }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws -> Int {
        try self.file.read(into: target, at: offset)
    }
    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        try self.file.write(bytes, at: offset)
    }
    func syncData() throws {
        self.beforeSync()
        try self.file.syncData()
    }
    func syncAll() throws {
        self.beforeSync()
        try self.file.syncAll()
    }
    func allocate(_ stretch: Range<UInt64>) throws { try self.file.allocate(stretch) }
    func truncate(to count: UInt64) throws { try self.file.truncate(to: count) }
    func punch(_ offset: UInt64, count: UInt64) throws {
        try self.file.punch(offset, count: count)
    }
    func size() throws -> UInt64 { try self.file.size() }
    func allocatedBytes() throws -> UInt64 { try self.file.allocatedBytes() }
    func forgetCached() throws { try self.file.forgetCached() }
}
