import Foundation

/// The files of this repository, as the checks see them.
struct Repository: Sendable {
    /// A file by its path from the top, with its text.
    struct File: Sendable {
        let path: String
        let text: String

        var name: String { self.path.split(separator: "/").last.map(String.init) ?? self.path }
        var lines: [Substring] {
            self.text.split(separator: "\n", omittingEmptySubsequences: false)
        }
    }

    private let root: URL

    /// The repository that this file lies in.
    static let here = Self(
        root: URL(filePath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    )

    /// Names at the top, without what tools leave there.
    func topLevelNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: self.root.path)
            .filter { !Self.isLeftByTools($0) }
            .sorted()
    }

    /// Every Swift file that people wrote.
    func swiftFiles() throws -> [File] {
        try self.files { $0.hasSuffix(".swift") && !$0.hasSuffix(".pb.swift") }
    }

    /// Every page.
    func pages() throws -> [File] { try self.files { $0.hasSuffix(".md") } }

    /// One file.
    func file(_ path: String) throws -> File {
        File(
            path: path,
            text: try String(contentsOf: self.root.appending(path: path), encoding: .utf8)
        )
    }

    /// Whether there is a file or directory at a path from the top.
    func has(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: self.root.appending(path: path).path)
    }

    private func files(where isWanted: (String) -> Bool) throws -> [File] {
        var found: [File] = []
        for name in try self.topLevelNames() {
            let path = self.root.appending(path: name).path
            let below = FileManager.default.enumerator(atPath: path)?.compactMap { $0 as? String }
            for file in [name] + (below ?? []).map({ "\(name)/\($0)" }) where isWanted(file) {
                found.append(try self.file(file))
            }
        }
        return found
    }

    /// What `.gitignore` keeps out, and git itself.
    private static func isLeftByTools(_ name: String) -> Bool {
        name == ".git" || name == ".swiftpm" || name == "Package.resolved"
            || name.hasPrefix(".build")
    }
}
