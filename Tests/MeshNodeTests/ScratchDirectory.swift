import Foundation

/// A directory of a test's own, gone with the value.
final class ScratchDirectory: Sendable {
    let path: String

    init() throws {
        let name = "tributary-test-\(UUID().uuidString)"
        self.path = FileManager.default.temporaryDirectory.appending(path: name).path
        try FileManager.default.createDirectory(
            atPath: self.path,
            withIntermediateDirectories: false
        )
    }

    deinit { try? FileManager.default.removeItem(atPath: self.path) }
}
