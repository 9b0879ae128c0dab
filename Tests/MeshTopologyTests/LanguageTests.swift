import MeshModel
import MeshTopology
import Testing

/// Kinds, ranges, included files: what lets a large mesh be said in few lines.
@Suite struct LanguageTests {
    private static func parse(
        _ text: String,
        _ files: [String: String] = [:]
    ) throws -> Topology {
        try Topology.parse(text, file: "mesh/all.yaml") { path throws(UnreadableFile) in
            guard let text = files[path] else {
                throw UnreadableFile(reason: "No such file or directory")
            }
            return text
        }
    }

    private static func report(_ text: String, _ files: [String: String] = [:]) -> [String] {
        do {
            return try Self.parse(text, files).warnings.map { Self.line($0) }
        } catch let error as TopologyFindings {
            return error.findings.map { Self.line($0) }
        } catch {
            return ["\(error)"]
        }
    }

    private static func line(_ finding: Finding) -> String {
        "\(finding.file):\(finding.line):\(finding.column) \(finding.code.name): "
            + finding.message
    }

    // MARK: Ranges

    @Test func aRangeDeclaresManyNodesAndLinks() throws {
        let topology = try Self.parse(
            """
            mesh: m
            nodes:
              buoy-{01..12}: {sends: {sonar: /data}}
              relay-{1..3}: {listens: "{node}.lan:7443"}
              hq: {receives: /srv}
            links:
              - buoy-{01..12} -> relay-1
              - hq -> relay-{1..3}
              - {dial: "relay-{1..2} -> relay-{2..3}", speed: 1 Gbit/s}
            """
        )
        #expect(topology.nodes.count == 16)
        #expect(topology.nodes[8].name.text == "buoy-09")
        #expect(topology.nodes[11].sends.map(\.path) == ["/data"])
        #expect(
            topology.nodes.compactMap(\.listens?.description)
                == ["relay-1.lan:7443", "relay-2.lan:7443", "relay-3.lan:7443"]
        )
        #expect(topology.links.count == 12 + 3 + 2)
        // Two ranges go together one by one.
        #expect(
            topology.links.suffix(2).map { "\($0.dialler) \($0.listener)" }
                == ["relay-1 relay-2", "relay-2 relay-3"]
        )
        #expect(topology.flows.first?.origins.count == 12)
    }

    @Test func severalRangesGiveEveryCombination() throws {
        let topology = try Self.parse("mesh: m\nnodes: {'r{1..2}-{8..10}': {}}")
        #expect(
            topology.nodes.map(\.name.text)
                == ["r1-8", "r1-9", "r1-10", "r2-8", "r2-9", "r2-10"]
        )
    }

    @Test(arguments: [
        "a-{2..1}", "a-{1..}", "a-{1.2}", "a-{x..y}", "a-{1..2", "a-1..2}", "a-{1..99999}",
        "a-{1..100}-{1..101}", "{a,b}",
    ])
    func notARange(name: String) throws {
        let report = Self.report("mesh: m\nnodes: {'\(name)': {}}")
        #expect(report == ["mesh/all.yaml:2:9 invalid_name: `\(name)` cannot name nodes."])
    }

    @Test func rangesThatMeetAreTold() {
        #expect(
            Self.report(
                """
                mesh: m
                nodes:
                  a-{1..3}: {listens: "x:1"}
                  a-{3..4}: {listens: "{node}.x:1"}
                links: ["a-{1..2} -> a-{2..4}", "a-1 -> b-{1..2}"]
                """
            ) == [
                "mesh/all.yaml:3:23 duplicate_endpoint: a-1 and 2 others all listen on x:1.",
                "mesh/all.yaml:4:3 duplicate_node: `a-3` is there twice.",
                "mesh/all.yaml:5:9 invalid_link: `a-{1..2}` are 2 nodes and `a-{2..4}` are 3.",
                "mesh/all.yaml:5:33 unknown_node: No node is called `b-1`.",
                "mesh/all.yaml:5:33 unknown_node: No node is called `b-2`.",
            ]
        )
    }

    @Test func whatManyNodesLackIsSaidOnce() {
        #expect(
            Self.report(
                """
                mesh: m
                nodes:
                  buoy-{1..40}: {sends: {sonar: /data}}
                  hq: {receives: /srv}
                links: ["hq -> buoy-{1..40}"]
                """
            ) == [
                "mesh/all.yaml:5:9 not_listening: hq dials buoy-1, which does not listen. "
                    + "So it is with 39 more."
            ]
        )
        #expect(
            Self.report(
                """
                mesh: m
                nodes: {'b{1..40}': {sends: {f: /f}}, hq: {receives: /r, listens: "hq:1"}}
                links: [b1 -> hq]
                """
            ) == [
                "mesh/all.yaml:2:30 unreachable_collector: No links lead from b2 and 38 others "
                    + "to hq, which receives `f`."
            ]
        )
    }

    @Test func rangesCannotExhaustMemory() {
        let lines = (0..<100).map { "  n\($0)-{0..9999}: {}" }.joined(separator: "\n")
        let report = Self.report("mesh: m\nnodes:\n\(lines)\n")
        #expect(report.contains { $0.contains("too_large: A topology has at most 50000 nodes.") })
    }

    // MARK: Kinds

    @Test func aNodeIsLikeItsKindWhereItSaysNothing() throws {
        let topology = try Self.parse(
            """
            mesh: m
            kinds:
              device: {spool: 1 GiB, cache: 10 %}
              buoy: {like: device, sends: {sonar: /data, tide: /tide}}
            nodes:
              a: {like: buoy}
              b: {like: buoy, sends: {sonar: /other}, spool: 2 GiB}
              hq: {receives: /srv, listens: "hq:1"}
            links: [a -> hq, b -> hq]
            """
        )
        #expect(topology.nodes.map(\.spool) == [.gibibytes(1), .gibibytes(2), .gibibytes(10)])
        #expect(topology.nodes[0].cache.rawValue == (1 << 30) / 10)
        // A key of the node replaces that of the kind as a whole.
        #expect(topology.nodes.map(\.sends.count) == [2, 1, 0])
    }

    @Test func kindsThatDoNotFitAreTold() {
        #expect(
            Self.report(
                """
                mesh: m
                kinds:
                  buoy: {like: device}
                  device: {like: buoy, sends: {f: ../x}}
                  ship: {spool: 1}
                  Ship: {}
                nodes:
                  a: {like: boy}
                  b: {like: buoy}
                """
            ) == [
                "mesh/all.yaml:4:18 kind_cycle: The kind `buoy` is like itself, directly or "
                    + "through others.",
                "mesh/all.yaml:4:35 invalid_path: `../x` cannot be the path of a source: it has "
                    + "the component `..`.",
                "mesh/all.yaml:5:3 unused_kind: No node is like `ship`.",
                "mesh/all.yaml:5:17 invalid_size: `1` is no size.",
                "mesh/all.yaml:6:3 invalid_name: `Ship` cannot be the name of a kind.",
                "mesh/all.yaml:6:3 unused_kind: No node is like `Ship`.",
                "mesh/all.yaml:8:3 unused_node: No link leads to a.",
                "mesh/all.yaml:8:13 unknown_kind: No kind is called `boy`.",
                "mesh/all.yaml:9:3 unused_node: No link leads to b.",
            ]
        )
    }

    // MARK: Files

    static let files = [
        "mesh/north/all.yaml": """
        include: buoys.yaml
        nodes: {north: {listens: "north:1"}}
        links: [north -> hq]
        """,
        "mesh/north/buoys.yaml": """
        mesh: m
        flows: {sonar: {first: newest}}
        nodes: {"buoy-{1..3}": {like: buoy}}
        links: ["buoy-{1..3} -> north"]
        """,
    ]

    @Test func aTopologyMayLieInSeveralFiles() throws {
        let topology = try Self.parse(
            """
            mesh: m
            include: [north/all.yaml]
            kinds: {buoy: {sends: {sonar: /data}}}
            nodes: {hq: {receives: /srv, listens: "hq:1"}}
            """,
            Self.files
        )
        #expect(topology.nodes.map(\.name.text) == ["hq", "north", "buoy-1", "buoy-2", "buoy-3"])
        #expect(topology.links.count == 4)
        #expect(topology.flows.map(\.first) == [.newest])
        #expect(topology.warnings.isEmpty)
    }

    @Test func findingsNameTheFileThatIsWrong() {
        var files = Self.files
        files["mesh/north/buoys.yaml"] = """
            mesh: other
            include: [all.yaml, ../south.yaml, ./buoys.yaml, ../all.yaml]
            flows: {sonar: {}}
            nodes: {hq: {}, "buoy-{1..3}": {colour: red}}
            links: [buoy-1 -> nort, buoy-2 -> north, buoy-3 -> north]
            """
        #expect(
            Self.report(
                """
                mesh: m
                include: [north/all.yaml, north/../north/buoys.yaml]
                flows: {sonar: {first: newest}}
                nodes: {hq: {receives: /srv, listens: "hq:1"}}
                """,
                files
            ) == [
                "mesh/all.yaml:2:27 duplicate_include: north/../north/buoys.yaml is included "
                    + "twice.",
                "mesh/north/buoys.yaml:1:7 invalid_value: This file is of the mesh `other`, and "
                    + "included in one of `m`.",
                "mesh/north/buoys.yaml:2:11 include_cycle: all.yaml includes this file already, "
                    + "directly or through others.",
                "mesh/north/buoys.yaml:2:21 unreadable_include: mesh/north/../south.yaml could "
                    + "not be read: No such file or directory.",
                "mesh/north/buoys.yaml:2:36 include_cycle: mesh/north/buoys.yaml includes itself.",
                "mesh/north/buoys.yaml:2:50 include_cycle: ../all.yaml includes this file "
                    + "already, directly or through others.",
                "mesh/north/buoys.yaml:3:9 duplicate_key: `sonar` is there twice.",
                "mesh/north/buoys.yaml:4:9 duplicate_node: `hq` is there twice.",
                "mesh/north/buoys.yaml:4:33 unknown_key: A node has no key `colour`.",
                "mesh/north/buoys.yaml:5:9 unknown_node: No node is called `nort`.",
            ]
        )
    }

    @Test func aFileThatIsNoYAMLHidesNothingInTheOthers() {
        let report = Self.report(
            "mesh: m\ninclude: bad.yaml\nnodes: {a: {spool: 1}}\n",
            ["mesh/bad.yaml": "nodes:\n\tb: {}\n"]
        )
        #expect(
            report == [
                "mesh/all.yaml:3:20 invalid_size: `1` is no size.",
                "mesh/bad.yaml:2:1 yaml_syntax: A tab cannot indent YAML.",
            ]
        )
    }

    @Test func nothingIsIncludedWhereNothingIsRead() {
        let error = #expect(throws: TopologyFindings.self) {
            try Topology.parse("mesh: m\ninclude: x.yaml\nnodes: {a: {}}", file: "t")
        }
        #expect(error?.findings.map(\.code.name) == ["unreadable_include"])
    }

    @Test func includedFilesAreBoundedTogether() {
        let half = String(repeating: "#", count: 9 << 20)
        let report = Self.report("mesh: m\ninclude: x\nnodes: {a: {}}\n\(half)", ["mesh/x": half])
        #expect(report == ["mesh/x:1:1 too_large: A topology has at most 16.0 MiB."])
    }
}
