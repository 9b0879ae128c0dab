import Foundation
import Testing

/// A page of `docs`, and how tests hold it against the code.
struct Page {
    static let top = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../..").standardizedFileURL
    let file: URL

    init(_ path: String) { self.file = Self.top.appending(path: "docs/\(path)") }

    func text() throws -> String { try String(contentsOf: self.file, encoding: .utf8) }

    /// Whether `text` stands between a mark and the end; with `TRIBUTARY_WRITE_REFERENCE` in the
    /// environment it is put there (`make reference`).
    func expect(_ text: String, after mark: String) throws {
        var page = try self.text()
        let begin = try #require(page.firstRange(of: "<!-- \(mark) -->\n")).upperBound
        let end = try #require(page[begin...].firstRange(of: "<!-- end -->")).lowerBound
        page.replaceSubrange(begin..<end, with: text + "\n")
        if ProcessInfo.processInfo.environment["TRIBUTARY_WRITE_REFERENCE"] != nil {
            try Data(page.utf8).write(to: self.file)
        }
        let isCurrent = try self.text() == page
        #expect(isCurrent, "\(self.file.lastPathComponent) is old: `make reference` writes it anew")
    }

    /// Every source file that people wrote, with its path from the top.
    static func sources() throws -> [(path: String, text: String)] {
        let folder = Self.top.appending(path: "Sources")
        let paths = try FileManager.default.subpathsOfDirectory(atPath: folder.path)
        return try paths.filter { $0.hasSuffix(".swift") && !$0.hasSuffix(".pb.swift") }.map {
            ($0, try String(contentsOf: folder.appending(path: $0), encoding: .utf8))
        }
    }
}
