import Foundation
import MeshTopology
import Testing

/// The parser, `docs/reference/topology.md` and the JSON Schema know the same language.
///
/// With `TRIBUTARY_WRITE_REFERENCE` in the environment the two files are written anew
/// (`make reference`).
@Suite struct ReferenceTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../docs/reference").standardizedFileURL
    private static let page = Self.folder.appending(path: "topology.md")
    private static let schema = Self.folder.appending(path: "topology.schema.json")

    static func compare(_ expected: String, _ file: URL) throws {
        if ProcessInfo.processInfo.environment["TRIBUTARY_WRITE_REFERENCE"] != nil {
            try Data(expected.utf8).write(to: file)
        }
        let written = try String(contentsOf: file, encoding: .utf8)
        #expect(
            written == expected,
            "\(file.lastPathComponent) is not what the keys say: `make reference` writes it anew"
        )
    }

    @Test func everyKeyIsInTheReference() throws {
        var page = try String(contentsOf: Self.page, encoding: .utf8)
        for table in Reference.tables {
            let mark = "<!-- keys of \(table.rawValue) -->\n"
            let begin = try #require(page.firstRange(of: mark), "\(table.rawValue)").upperBound
            let end = try #require(page[begin...].firstRange(of: "\n<!-- end -->")).lowerBound
            page.replaceSubrange(begin..<end, with: Reference.markdown(table))
        }
        try Self.compare(page, Self.page)
    }

    @Test func theSchemaSaysWhatTheKeysSay() throws {
        try Self.compare(try Reference.schema(), Self.schema)
    }

    @Test func everyFindingIsInTheReference() throws {
        let page = try String(contentsOf: Self.page, encoding: .utf8)
        let told = Set(page.matches(of: /(?m)^\| `([a-z_]+)` \| (error|warning)/).map { $0.1 })
        let codes = Set(Finding.Code.Kind.allCases.map { Substring($0.rawValue) })
        #expect(told == codes)
    }

    // MARK: Examples

    /// A small mesh with something put into one of its tables.
    private static func mesh(_ table: LanguageTable, _ text: String) -> String {
        func into(_ tables: LanguageTable...) -> String {
            tables.contains(table) ? text : ""
        }
        let node: String =
            switch table {
            case .node: text
            case .quota: "quota: {\(text)}"
            case .run: "run: {\(text)}"
            case .pause: "run: {pause-when: {\(text)}}"
            case .fetch: "fetches: {g: {from: \"sftp://x/y\", \(text)}}"
            case .source: "sends: {f: {path: /f, \(text)}}"
            default: ""
            }
        let sends = table == .source || text.hasPrefix("sends") ? "" : "sends: {f: /a}, "
        let landing = table == .landing ? "{f: {path: /b, \(text)}}" : "/b"
        let flow = table == .expect ? "expect: {every: 1 h, \(text)}" : into(.flow)
        let dial = text.hasPrefix("dial") || text.hasPrefix("carry") ? "" : "dial: a -> b, "
        let by = text.hasPrefix("by:") ? "carry: a .. b, " : dial
        return """
            \(text.hasPrefix("mesh") ? "" : "mesh: m")
            \(text.hasPrefix("kinds") ? "" : "kinds: {buoy: {}}")
            \(text.hasPrefix("nodes") || text.hasPrefix("flows") ? "" : into(.topology))
            nodes:
              a: {\(sends)\(node)}
              b: {receives: \(landing), listens: "b:1"}
              hq: {receives: {other: /c}}
              dmz: {listens: "dmz:1"}
              buoy-{1..40}: {}
            \(text.hasPrefix("links") ? text : "links: [{\(by)\(into(.link))}, hq -> b]")
            flows: {f: {\(flow)}}
            """
    }

    private static func codes(_ text: String) -> [String] {
        do throws(TopologyFindings) {
            let topology = try Topology.parse(text, file: "t") { _ throws(UnreadableFile) in "" }
            return topology.warnings.map(\.code.name)
        } catch {
            return error.findings.map(\.code.name)
        }
    }

    private static let keys = Reference.tables.flatMap { table in
        table.keys.map { (table: table, key: $0) }
    }

    @Test(arguments: Self.keys.indices)
    func anExampleIsReadAndRefusedOnlyIfItIsNotYetSupported(index: Int) {
        let (table, key) = Self.keys[index]
        var text = Self.mesh(table, "\(key.name): \(key.example)")
        if table == .topology, ["nodes", "flows"].contains(key.name) {
            text = "mesh: m\nkinds: {buoy: {sends: {sonar: /d}}}\n\(key.name): \(key.example)\n"
            if key.name == "flows" { text += "nodes: {a: {}}" }
        }
        // What else is wrong with a mesh so small does not matter here.
        let codes = Self.codes(text).filter {
            $0.hasPrefix("invalid") || $0.hasPrefix("unknown") || $0.hasPrefix("not_yet")
                || ["duplicate_node", "wrong_shape", "yaml_syntax"].contains($0)
        }
        // A part of something that is not yet supported says so of the whole.
        let isLater = key.support == .later || [.expect, .fetch, .run, .pause].contains(table)
        let isRefused = codes.contains("not_yet_supported")
        #expect(isRefused == isLater, "\(text)")
        #expect(Set(codes).isSubset(of: ["not_yet_supported"]), "\(text)")
    }

    @Test(arguments: [LanguageTable.flow, .node, .quota, .link])
    func aKeyThatWorksChangesTheTopology(table: LanguageTable) throws {
        let plain = try Topology.parse(Self.mesh(table, ""), file: "t")
        for key in table.keys where key.support == .works {
            // One has a single word that works yet, the others are there already.
            if ["again", "like", "dial", "receives"].contains(key.name) { continue }
            let text = Self.mesh(table, "\(key.name): \(key.example)")
                .replacing("sonar", with: "f")
            let changed = try Topology.parse(text, file: "t")
            let isSame =
                changed.nodes == plain.nodes && changed.links == plain.links
                && changed.flows == plain.flows
            #expect(!isSame, "\(key.name)")
        }
    }
}
