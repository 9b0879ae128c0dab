import Foundation
import Glibc

/// A directory of a test's own, removed with the last reference to it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        let place = FileManager.default.temporaryDirectory
            .appending(path: "tributary-files-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        self.path = place.path
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }

    func callAsFunction(_ name: String) -> String { "\(self.path)/\(name)" }

    func make(_ name: String) throws {
        try FileManager.default.createDirectory(
            atPath: self(name),
            withIntermediateDirectories: true
        )
    }

    /// Writes a file, with the directories on the way to it.
    func write(_ bytes: [UInt8], to name: String) throws {
        if let slash = name.lastIndex(of: "/") { try self.make(String(name[..<slash])) }
        try Data(bytes).write(to: URL(filePath: self(name)))
    }

    func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(
            atPath: self(name),
            withDestinationPath: target
        )
    }

    func read(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: self(name))))
    }

    func names(in name: String = ".") throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self(name)).sorted()
    }

    /// Whether this user may do anything anyway, so that refusals cannot be tested.
    static var isRoot: Bool { geteuid() == 0 }
}

/// Bytes that do not compress, the same in every run.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
    var state = seed &* 2 &+ 1
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        withUnsafeBytes(of: state &* 0x2545_F491_4F6C_DD1D) { bytes.append(contentsOf: $0) }
    }
    return Array(bytes.prefix(count))
}
