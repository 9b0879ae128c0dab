import Foundation

/// A directory of a test's own, gone when the test is.
final class Scratch: Sendable {
    let path: String

    init() throws {
        self.path = NSTemporaryDirectory() + "tributary-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: self.path,
            withIntermediateDirectories: true
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    /// Writes a file, making the directories above it.
    static func write(_ bytes: [UInt8], to path: String) throws {
        try FileManager.default.createDirectory(
            atPath: (path as NSString).deletingLastPathComponent,
            withIntermediateDirectories: true
        )
        // Renamed into place, as sources are told to do it.
        try Data(bytes).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    static func read(_ path: String) -> [UInt8]? {
        FileManager.default.contents(atPath: path).map { [UInt8]($0) }
    }

    static func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }
}

/// Bytes that no compressor shrinks, the same for the same seed.
func noise(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        withUnsafeBytes(of: state) { bytes.append(contentsOf: $0) }
    }
    bytes.removeLast(bytes.count - count)
    return bytes
}
