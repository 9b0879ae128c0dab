import MeshTopology
import Testing

/// Every kind of finding has a text that brings it forth.
@Suite struct FindingCodesTests {
    private static func codes(_ text: String) -> [String] {
        do throws(TopologyFindings) {
            return try Topology.parse(text, file: "mesh.yaml").warnings.map(\.code.name)
        } catch {
            return error.findings.map(\.code.name)
        }
    }

    /// A topology without fault, with something put in at one place.
    private static func mesh(
        top: String = "",
        node: String = "",
        nodes: String = "",
        links: String = "a -> b",
        flow: String = ""
    ) -> String {
        """
        mesh: m
        \(top)
        nodes:
          a: {sends: {f: /a}\(node)}
          b: {listens: "b:1", receives: /b}
          \(nodes)
        links: [\(links)]
        flows: {f: {\(flow)}}
        """
    }

    static let cases: [(text: String, codes: [String])] = [
        (Self.mesh(), []),
        (Self.mesh(nodes: "c: {listens: 'b:1'}", links: "a -> b, a -> c"), ["duplicate_endpoint"]),
        (Self.mesh(node: ", sends: {f: /c}"), ["duplicate_key"]),
        (Self.mesh(links: "a -> b, a -> b"), ["duplicate_link"]),
        (Self.mesh(nodes: "a: {}"), ["duplicate_node"]),
        (Self.mesh(node: ", listens: 'a:0'"), ["invalid_endpoint"]),
        (Self.mesh(links: "a -> b -> a"), ["invalid_link"]),
        (Self.mesh(node: ", receives: {F f: /a}"), ["invalid_name"]),
        (Self.mesh(node: ", receives: {g: '/a\\u0007'}"), ["no_origin"]),
        (Self.mesh(node: ", receives: {g: \"/a\\u0007\"}"), ["invalid_path"]),
        (Self.mesh(node: ", receives: {g: ./}"), ["invalid_path"]),
        (Self.mesh(node: ", spool: 10"), ["invalid_size"]),
        (Self.mesh(node: ", spool: 4000000 TiB"), ["invalid_size"]),
        (Self.mesh(node: ", cache: 120 %"), ["invalid_size"]),
        (Self.mesh(node: ", spool: 1 GiB, cache: 2 GiB"), ["invalid_size"]),
        (Self.mesh(node: ", quota: {origin: 1 MiB}"), ["invalid_size"]),
        (Self.mesh(node: ", quota: {neighbour: 20 GiB}"), ["invalid_size"]),
        (Self.mesh(node: ", quota: {flow: 1 GiB}"), ["unknown_key"]),
        (Self.mesh(flow: "first: latest"), ["invalid_value"]),
        (Self.mesh(flow: "done-when: quiet 30"), ["invalid_value"]),
        (Self.mesh(flow: "done-when: marker"), ["invalid_value"]),
        (Self.mesh(flow: "profile: 4"), ["invalid_value"]),
        (Self.mesh(flow: "class: 1"), ["invalid_value"]),
        (Self.mesh(flow: "versions: newest"), ["invalid_value"]),
        (Self.mesh(flow: "backlog: never"), ["invalid_value"]),
        (Self.mesh(flow: "largest: 8"), ["invalid_size"]),
        (Self.mesh(links: "{dial: a -> b, speed: 33.6 kbps}"), ["invalid_value"]),
        (Self.mesh(links: "{dial: a -> b, keepalive: 1 s}"), ["invalid_value"]),
        (Self.mesh(links: "{dial: a -> b, prefer: 0}"), ["invalid_value"]),
        (Self.mesh(links: "{}"), ["missing_key"]),
        ("nodes: {a: }", ["missing_key", "unused_node"]),
        (
            Self.mesh(nodes: "c: {sends: {f: /x}, receives: {g: /g}}", links: "a -> b, c -> b"),
            ["no_origin"]
        ),
        ("mesh: m\nnodes: {a: {sends: {f: /a}}}", ["no_collector"]),
        ("mesh: m", ["no_nodes"]),
        (Self.mesh(links: "b -> a"), ["not_listening"]),
        (
            Self.mesh(node: ", at-rest: sealed-only, run: {cpu: 25 %}"),
            ["not_yet_supported", "not_yet_supported"]
        ),
        (Self.mesh(flow: "again: refuse, seal: true"), ["not_yet_supported", "not_yet_supported"]),
        (
            Self.mesh(nodes: "c: {sends: {g: /g}, receives: {g: /h}}", links: "a -> b, c -> b"),
            ["origin_is_collector"]
        ),
        (Self.mesh(links: "a -> b, a -> a"), ["self_link"]),
        (Self.mesh(nodes: "c: {receives: /c}", links: "a -> b, c -> b"), ["several_collectors"]),
        (Self.mesh(top: "colour: red"), ["unknown_key"]),
        (Self.mesh(links: "a -> b, z -> b"), ["unknown_node"]),
        (Self.mesh(links: ""), ["unreachable_collector", "unused_node"]),
        (Self.mesh(nodes: "c: {}"), ["unused_node"]),
        (Self.mesh(nodes: "c: [x]"), ["wrong_shape"]),
        (Self.mesh(nodes: "? [x]\n  : y"), ["wrong_shape"]),
        (Self.mesh(top: "kinds: &k {a: *k}"), ["yaml_syntax"]),
        (Self.mesh(top: "kinds: &k {}"), ["wrong_shape"]),
        (Self.mesh(top: "kinds: " + String(repeating: "[", count: 20)), ["yaml_syntax"]),
        ("mesh: \u{1}", ["yaml_syntax"]),
        ("- mesh", ["wrong_shape"]),
        (String(repeating: "#", count: (16 << 20) + 1), ["too_large"]),
    ]

    @Test(arguments: Self.cases.indices)
    func theTextHasTheseFindings(index: Int) {
        #expect(Self.codes(Self.cases[index].text) == Self.cases[index].codes)
    }

    @Test func everyCodeIsProduced() throws {
        let produced = try Set(Self.cases.flatMap(\.codes)).union(FindingsPageTests.codes()).union([
            "site_forbids",  // Of a site file rather than of a topology.
            "duplicate_include", "include_cycle",  // Need several files: `LanguageTests`.
        ])
        #expect(Set(Finding.Code.Kind.allCases.map(\.rawValue)) == produced)
    }

    @Test func nestingBeyondAllReasonIsRefusedAndNotFollowed() {
        let deep = String(repeating: "[", count: 900) + String(repeating: "]", count: 900)
        #expect(
            Self.codes(Self.mesh(top: "kinds: \(deep)")) == ["wrong_shape", "wrong_shape"]
        )
    }

    @Test func aliasesThatMultiplyAreRefusedAtOnce() {
        var text = "mesh: m\nkinds:\n  k0: &k0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1..<30 {
            let again = String(repeating: "*k\(level - 1), ", count: 9)
            text += "  k\(level): &k\(level) [\(again)x]\n"
        }
        #expect(Set(Self.codes(text)) == ["wrong_shape"])
    }

    @Test func whatAFileSaysCannotSteerTheTerminal() {
        let error = #expect(throws: TopologyFindings.self) {
            try Topology.parse("mesh: \"\\e[31m\"\n\"\\b\": x\n", file: "t")
        }
        #expect(error?.description.contains("\u{FFFD}[31m") == true)
        let shown = error?.description.unicodeScalars
        #expect(shown?.contains { $0 != "\n" && $0.value < 0x20 } == false)
    }

    @Test func thousandsOfWarningsNeverHideAnError() {
        let nodes = (0..<2_000).map { "  n\($0): {}" }.joined(separator: "\n")
        let codes = Self.codes("mesh: m\nnodes:\n\(nodes)\n  z: {colour: red}\n")
        #expect(codes.contains("unknown_key"))
        #expect(codes.count <= 1_000)
    }
}
