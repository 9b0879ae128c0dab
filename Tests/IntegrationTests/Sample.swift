// `stat` is declared by whichever of these the compiler meets first.
import CDispatch
import CoreFoundation
import Glibc

/// Real files of this machine: small ones, and a large one made of the largest.
enum Sample {
    static let smallCount = 2_000
    static let largeBytes: Int64 = 500_000_000

    /// Copies some of `/usr` into a directory; returns how many files that made.
    static func make(in directory: String) throws -> UInt64 {
        try Tree.makeDirectory(directory)
        var smalls: [String] = []
        var larges: [(String, Int64)] = []
        var left = ["/usr"]
        var looked = 0
        // Breadth first and bounded: the same files on the same machine, of every kind.
        while !left.isEmpty, looked < 150_000 {
            let path = left.removeFirst()
            for (name, kind, size) in Self.list(path) {
                looked += 1
                let inner = "\(path)/\(name)"
                if kind == S_IFDIR { left.append(inner) }
                guard kind == S_IFREG else { continue }
                if size <= 600 << 10, smalls.count < Self.smallCount * 4 { smalls.append(inner) }
                if size >= 4 << 20 { larges.append((inner, size)) }
            }
        }
        let step = max(1, smalls.count / Self.smallCount)
        var count: UInt64 = 0
        for (number, path) in smalls.enumerated() where number % step == 0 {
            guard count < Self.smallCount else { break }
            let target = directory + path
            try Tree.makeDirectory(
                String(target[..<(target.lastIndex(of: "/") ?? target.endIndex)])
            )
            try Self.copy(path, to: target)
            count += 1
        }
        let large = "\(directory)/large"
        var bytes: Int64 = 0
        while bytes < Self.largeBytes {
            guard !larges.isEmpty else { throw Failure("no large files in /usr") }
            for (path, _) in larges.sorted(by: { $0.1 > $1.1 }) where bytes < Self.largeBytes {
                bytes += try Tree.append(path, to: large)
            }
        }
        return count + 1
    }

    private static func list(_ path: String) -> [(String, mode_t, Int64)] {
        guard let stream = opendir(path) else { return [] }
        defer { closedir(stream) }
        var found: [(String, mode_t, Int64)] = []
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(validating: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let name, name != ".", name != ".." else { continue }
            var status = stat()
            guard lstat("\(path)/\(name)", &status) == 0 else { continue }
            found.append((name, status.st_mode & S_IFMT, Int64(status.st_size)))
        }
        return found.sorted { $0.0 < $1.0 }
    }

    private static func copy(_ path: String, to target: String) throws {
        _ = try Tree.append(path, to: target)
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        chmod(target, status.st_mode & 0o777)
        let times = [status.st_atim, status.st_mtim]
        utimensat(AT_FDCWD, target, times, 0)
    }
}

/// Random numbers from a seed: SplitMix64.
struct Seeded: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    /// From the environment, or fresh.
    init() {
        let text = getenv("TRIBUTARY_TEST_SEED").map { String(cString: $0) }
        self.seed = text.flatMap { UInt64($0) } ?? UInt64.random(in: 0..<1_000_000)
        self.state = self.seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}

extension Sample {
    /// Bytes that no codec shrinks.
    static func bytes(_ count: Int, _ random: inout Seeded) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count + 8)
        while bytes.count < count {
            withUnsafeBytes(of: random.next()) { bytes.append(contentsOf: $0) }
        }
        return Array(bytes.prefix(count))
    }
}
