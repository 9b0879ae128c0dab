import Foundation
import MeshCustody
import Testing

/// The page that explains codes has every code.
@Suite struct TracingPageTests {
    @Test(arguments: WhyCode.allCases)
    func everyCodeIsExplained(code: WhyCode) throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(
            contentsOf: root.appending(path: "docs/guide/tracing.md"),
            encoding: .utf8
        )
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        let cells = rows.compactMap { $0.split(separator: "|").first }
        #expect(cells.contains { $0.contains("`\(code.rawValue)`") })
    }
}
