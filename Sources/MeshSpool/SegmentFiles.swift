import MeshModel
import Synchronization

/// The paths of a spool, and its segments' open files.
///
/// Keeps at most ``openMax`` files open for readers; a file in use stays open with its user.
final class SegmentFiles: Sendable {
    let disk: any Disk
    let directory: String
    private let cache = Mutex(Cache())
    private static let openMax = 64

    private struct Cache {
        var files: [SegmentNumber: any DiskFile] = [:]
        /// Oldest first; who was opened last is kept.
        var order: [SegmentNumber] = []
    }

    init(disk: any Disk, directory: String) {
        self.disk = disk
        self.directory = directory
    }

    var log: String { self.directory + "/log" }
    var snapshots: String { self.directory + "/snapshot" }
    var quarantine: String { self.directory + "/quarantine" }
    var index: String { self.directory + "/index.sqlite" }

    /// Where a segment is.
    func path(_ number: SegmentNumber) -> String { self.log + "/" + Self.name(number) }

    /// Eight digits or more, so that names sort as numbers do.
    static func name(_ number: SegmentNumber) -> String {
        let digits = String(number.rawValue)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits + ".seg"
    }

    /// The segments that are there, lowest first.
    func list() throws -> [SegmentNumber] {
        try self.disk.list(self.log).compactMap { name in
            guard name.hasSuffix(".seg"), let number = UInt32(name.dropLast(4)) else { return nil }
            return Self.name(SegmentNumber(number)) == name ? SegmentNumber(number) : nil
        }.sorted()
    }

    /// Makes the directories, durably.
    func makeDirectories() throws {
        for path in [self.directory, self.log, self.snapshots, self.quarantine] {
            try self.disk.makeDirectory(path)
        }
        try self.disk.syncDirectory(self.directory)
        try self.disk.syncDirectory(Self.parent(of: self.directory))
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// A segment's file.
    func file(_ number: SegmentNumber) throws(SpoolError) -> any DiskFile {
        if let file = self.cache.withLock({ $0.files[number] }) { return file }
        do {
            let file = try self.disk.open(self.path(number))
            self.remember(file, number)
            return file
        } catch let error as DiskError where error.isMissing {
            throw SpoolError.missing(number, cause: error)
        } catch {
            throw SpoolError.unavailable(doing: "open segment \(number.rawValue)", cause: error)
        }
    }

    /// Keeps a file at hand for readers.
    func remember(_ file: any DiskFile, _ number: SegmentNumber) {
        self.cache.withLock { cache in
            if cache.files.updateValue(file, forKey: number) == nil { cache.order.append(number) }
            if cache.order.count > Self.openMax {
                cache.files[cache.order.removeFirst()] = nil
            }
        }
    }

    /// Forgets a file that is being removed.
    func forget(_ number: SegmentNumber) {
        self.cache.withLock { cache in
            cache.files[number] = nil
            cache.order.removeAll { $0 == number }
        }
    }
}
