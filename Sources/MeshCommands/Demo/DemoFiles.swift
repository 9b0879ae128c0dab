import Foundation
import Glibc
import MeshContent
import MeshModel

/// The files that the demo sends: some of this machine's, and a large one.
struct DemoFiles {
    /// A file to be copied, and its length.
    struct Pick {
        let path: String
        let size: Int64
    }

    let picks: [Pick]
    let largeBytes: Int64

    /// Bytes of all files.
    var bytes: Int64 { self.picks.reduce(self.largeBytes) { $0 + $1.size } }
    /// How many files there will be.
    var count: Int { self.picks.count + 1 }
    /// What the disk must have: sent, landed, and on their way in three spools; and some air.
    var bytesNeeded: Int64 { self.bytes * 5 + 512 << 20 }

    /// The large file's path in the source.
    static let large = "large/random.bin"

    /// Picks regular files that this user may read.
    init(from directory: String, atMost count: Int, bytes: Int64, largeBytes: Int64) {
        var picks: [Pick] = []
        var left = bytes
        let root = URL(filePath: directory).resolvingSymlinksInPath().path
        let names = FileManager.default.enumerator(atPath: root)
        while picks.count < count, let name = names?.nextObject() as? String {
            var status = stat()
            let path = "\(root)/\(name)"
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
                status.st_size <= left, access(path, R_OK) == 0
            else { continue }
            picks.append(Pick(path: path, size: Int64(status.st_size)))
            left -= Int64(status.st_size)
        }
        self.picks = picks
        self.largeBytes = largeBytes
    }

    /// Puts copies beneath `source`, and the large file, of random bytes, beside them.
    func fill(_ source: String, progress: (Int) -> Void) throws {
        let files = FileManager.default
        for (number, pick) in self.picks.enumerated() {
            let copy = URL(filePath: source + pick.path)
            try files.createDirectory(
                at: copy.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try files.copyItem(at: URL(filePath: pick.path), to: copy)
            if number.isMultiple(of: 100) { progress(number) }
        }
        let large = URL(filePath: "\(source)/\(Self.large)")
        try files.createDirectory(
            at: large.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        _ = files.createFile(atPath: large.path, contents: nil)
        let random = try FileHandle(forReadingFrom: URL(filePath: "/dev/urandom"))
        let file = try FileHandle(forWritingTo: large)
        var left = Int(self.largeBytes)
        while left > 0, let bytes = try random.read(upToCount: min(left, 4 << 20)) {
            try file.write(contentsOf: bytes)
            left -= bytes.count
        }
        try file.close()
        try random.close()
    }

    /// The SHA-256 of every regular file beneath a directory, by path.
    static func digests(beneath directory: String, progress: (Int) -> Void) throws
        -> [String: Digest]
    {
        var digests: [String: Digest] = [:]
        let names = FileManager.default.enumerator(atPath: directory)
        while let name = names?.nextObject() as? String {
            var status = stat()
            let path = "\(directory)/\(name)"
            guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            digests[name] = try Self.digest(of: path)
            if digests.count.isMultiple(of: 100) { progress(digests.count) }
        }
        return digests
    }

    private static func digest(of path: String) throws -> Digest {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        var digest = FileDigest()
        while let bytes = try file.read(upToCount: 4 << 20), !bytes.isEmpty {
            bytes.withUnsafeBytes { digest.update($0) }
        }
        return digest.finalize()
    }

    /// What an unprivileged process may still write where `path` lies.
    static func freeBytes(at path: String) -> Int64 {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return 0 }
        return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
    }
}
