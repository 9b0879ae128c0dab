import Foundation
import MeshTopology
import Testing

/// `docs/reference/findings.md` shows files with something wrong, and what is said of them.
@Suite struct FindingsPageTests {
    static let page = ReferenceTests.folder.appending(path: "findings.md")

    /// What the program prints for a file.
    private static func report(_ text: String) -> String {
        do throws(TopologyFindings) {
            let topology = try Topology.parse(text, file: "mesh.yaml") {
                _ throws(UnreadableFile) in
                throw UnreadableFile(reason: "No such file or directory")
            }
            return topology.warnings.map(\.description).joined(separator: "\n")
        } catch {
            return error.description
        }
    }

    @Test func everyReportOnThePageIsWhatTheProgramSays() throws {
        let page = try String(contentsOf: Self.page, encoding: .utf8)
        var count = 0
        let example = /```yaml\n(?<yaml>(?s).*?)```\n\n```text\n(?<report>(?s).*?)```\n/
        let expected = page.replacing(example) { match in
            count += 1
            return "```yaml\n\(match.yaml)```\n\n```text\n\(Self.report(String(match.yaml)))\n```\n"
        }
        #expect(count >= 40)
        try ReferenceTests.compare(expected, Self.page)
    }

    /// The codes of all findings on the page.
    static func codes() throws -> Set<String> {
        let page = try String(contentsOf: Self.page, encoding: .utf8)
        return Set(page.matches(of: /(?m)^mesh\.yaml:.* \[([a-z_]+)\]$/).map { String($0.1) })
    }
}
