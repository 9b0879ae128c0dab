import MeshModel

// What does not verify is kept for people to look at, never used again.
extension SegmentFiles {
    /// Copies a stretch of a file to `quarantine/`, durably; unreadable blocks become zeros.
    func copyAside(_ file: any DiskFile, from offset: UInt64, to end: UInt64, name: String) throws {
        let path = self.quarantine + "/" + name
        let part = path + ".part"
        do { try self.disk.unlink(part) } catch let error as DiskError where error.isMissing {}
        let copy = try self.disk.create(part)
        var next = offset
        while next < end {
            let count = Int(min(64 << 10, end - next))
            var bytes = [UInt8](repeating: 0, count: count)
            bytes.withUnsafeMutableBytes { target in
                do {
                    _ = try file.read(into: target, at: next)
                } catch {
                    target.initializeMemory(as: UInt8.self, repeating: 0)
                }
            }
            try bytes.withUnsafeBytes { try copy.write($0, at: next - offset) }
            next += UInt64(count)
        }
        try copy.syncAll()
        try self.disk.rename(part, to: path)
        try self.disk.syncDirectory(self.quarantine)
    }

    /// Removes the oldest files with a suffix, so that a node that often loses power stays small.
    func pruneQuarantine(suffix: String, keeping count: Int) throws {
        let names = try self.disk.list(self.quarantine).filter { $0.hasSuffix(suffix) }.sorted()
        for name in names.dropLast(count) {
            try self.disk.unlink(self.quarantine + "/" + name)
        }
    }

    /// Moves an index that is not to be used out of the way, keeping the latest two.
    ///
    /// The write-ahead log goes first, durably: a new database would take it for its own.
    func moveIndexAside() throws {
        let number = try self.disk.list(self.quarantine).compactMap(Self.asideNumber).max() ?? 0
        let digits = String(number + 1)
        let name = "index-" + String(repeating: "0", count: max(0, 8 - digits.count)) + digits
        for suffix in ["-wal", "-shm", "-journal", ""] {
            do {
                try self.disk.rename(
                    self.index + suffix,
                    to: "\(self.quarantine)/\(name).sqlite\(suffix)"
                )
            } catch let error as DiskError where error.isMissing { continue }
            try self.disk.syncDirectory(self.directory)
            try self.disk.syncDirectory(self.quarantine)
        }
        for suffix in ["-wal", "-shm", "-journal", ""] {
            try self.pruneQuarantine(suffix: ".sqlite\(suffix)", keeping: 2)
        }
    }

    private static func asideNumber(_ name: String) -> Int? {
        guard name.hasPrefix("index-") else { return nil }
        return Int(name.dropFirst(6).prefix { $0 != "." })
    }
}
