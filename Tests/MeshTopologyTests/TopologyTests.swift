import Foundation
import MeshModel
import MeshTopology
import Testing

@Suite struct TopologyTests {
    static let smallest = """
        mesh: coastwatch
        nodes:
          buoy-7: {sends: {sonar: /data/sonar}}
          dmz:    {listens: "dmz.example.org:7443"}
          hq:     {receives: /srv/incoming}            # layout {origin}/{flow}/{path}
        links:
          - buoy-7 -> dmz                              # the arrow says who dials
          - hq -> dmz                                  # data direction follows from who receives
        """

    @Test func theSmallestRealCaseIsRead() throws {
        let topology = try Topology.parse(Self.smallest, file: "t")
        #expect(topology.mesh == MeshName("coastwatch"))
        #expect(topology.nodes.map(\.name.text) == ["buoy-7", "dmz", "hq"])
        #expect(topology.nodes.map(\.spool) == [.gibibytes(10), .gibibytes(10), .gibibytes(10)])
        #expect(topology.nodes[1].listens == Endpoint(host: "dmz.example.org", port: 7_443))
        let sonar = try #require(FlowName("sonar"))
        #expect(topology.nodes[2].receives == [sonar: .init(path: "/srv/incoming", isCopied: true)])
        #expect(topology.links.map(\.dialler.text) == ["buoy-7", "hq"])
        let flow = try #require(topology.flow(sonar))
        #expect(flow.origins.map(\.text) == ["buoy-7"])
        #expect(flow.collector.text == "hq")
        #expect(flow.first == .oldest)
        #expect(flow.doneWhen == .renamed)
        #expect(flow.again == .replace)
        #expect(flow.profile == 1)
        #expect(topology.warnings.isEmpty)
    }

    @Test func aNamedFlowGoesToTheNodeThatNamesIt() throws {
        let topology = try Topology.parse(
            """
            mesh: m
            nodes:
              a: {sends: {logs: {path: logs}, tide: tide}, spool: 1.5 GB}
              hq: {receives: all, listens: "[::1]:7443"}
              lab: {receives: {tide: t}}
            links: [a->hq, {dial: lab -> hq}]
            flows:
              tide: {first: smallest, done-when: sent, again: replace}
            """,
            file: "t"
        )
        #expect(topology.flows.map(\.name.text) == ["tide", "logs"])
        #expect(topology.flows.map(\.collector.text) == ["lab", "hq"])
        #expect(topology.flows.map(\.first) == [.smallest, .oldest])
        #expect(topology.flows.map(\.doneWhen) == [.sent, .renamed])
        #expect(topology.nodes.map(\.receives.count) == [0, 1, 1])
        #expect(topology.nodes[0].spool == ByteCount(1_500_000_000 as Int64))
        #expect(topology.nodes[0].sends.map(\.path) == ["logs", "tide"])
        #expect(topology.nodes[1].listens?.description == "[::1]:7443")
    }

    @Test func everyPolicyIsRead() throws {
        let topology = try Topology.parse(
            """
            mesh: m
            nodes:
              a: {sends: {f: /f}, spool: 1 GB, cache: 50 %, quota: {origin: 10 %, neighbour: 8 MB}}
              b: {receives: /r, listens: "b:1", cache: 0 %}
              c: {}
            links:
              - {dial: a -> b, speed: 33.6 kbit/s, prefer: 7}
              - {dial: c -> b, speed: 1.1 Mbit/s, keepalive: 2 min}
            flows:
              f:
                first: newest
                backlog: last
                done-when: quiet 1.5 min
                versions: latest
                class: bulk
                largest: 8 GiB
                profile: 2
            """,
            file: "t"
        )
        let flow = try #require(topology.flows.first)
        #expect(flow.first == .newest)
        #expect(flow.backlog == .last)
        #expect(flow.doneWhen == .quiet(seconds: 90))
        #expect(flow.versions == .latest)
        #expect(flow.flowClass == .bulk)
        #expect(flow.largest == .gibibytes(8))
        #expect(flow.profile == 2)
        let megabytes = { ByteCount(1_000_000 * ($0 as Int64)) }
        #expect(topology.nodes.map(\.cache) == [megabytes(500), .zero, .mebibytes(2_560)])
        #expect(topology.nodes.map(\.quotaPerOrigin) == [megabytes(100), nil, nil])
        #expect(topology.nodes.map(\.quotaPerNeighbour) == [megabytes(8), nil, nil])
        #expect(topology.links.map(\.speed?.bitsPerSecond) == [33_600, 1_100_000])
        // A thin line is not kept awake unless somebody says so.
        #expect(topology.links.map(\.keepalive) == [.off, .every(seconds: 120)])
        #expect(topology.links.map(\.prefer) == [7, 100])
    }

    @Test(arguments: ["renamed", "sent", "marker .done", "quiet 30 s", "quiet 7 d", "quiet 90 s"])
    func aDoneWhenIsWrittenAsItIsRead(text: String) {
        #expect(DoneWhen(text)?.description == text)
    }

    @Test(arguments: [
        "", "marker", "marker ", "marker a/b", "marker a b", "quiet", "quiet 30", "quiet 0 s",
        "quiet 8 d", "renamed 1 s", "Renamed", "marker \(String(repeating: "x", count: 65))",
    ])
    func notADoneWhen(text: String) {
        #expect(DoneWhen(text) == nil)
    }

    @Test func scalarsAreTextWhateverYAMLThinksOfThem() throws {
        let topology = try Topology.parse(
            """
            mesh: 0x10
            nodes:
              no: {sends: {on: 1e3}}
              1_000: {receives: {on: yes}, listens: "h:65535"}
            links: [no -> 1_000]
            """,
            file: "t"
        )
        #expect(topology.mesh.text == "0x10")
        #expect(topology.nodes.map(\.name.text) == ["no", "1_000"])
        #expect(topology.nodes[0].sends[0].path == "1e3")
        #expect(topology.nodes[1].receives.values.first?.path == "yes")
    }

    @Test func windowsLineEndingsAndAByteOrderMarkKeepPlacesRight() {
        let text = "\u{FEFF}mesh: m\r\nnodes:\r\n  é: {}\r\n"
        let error = #expect(throws: TopologyFindings.self) {
            try Topology.parse(text, file: "t")
        }
        let place = error?.findings.first { $0.code.name == "invalid_name" }
        #expect(place?.line == 3)
        #expect(place?.column == 3)
    }

    @Test(arguments: [
        "h:0", "h:65536", "h", ":1", "h:+1", "h h:1", "-h:1", "::1:7443", "[h]:1", "h.:1",
        "https://h:1", "[::1]", "",
    ])
    func notAnEndpoint(text: String) {
        #expect(Endpoint(text) == nil)
    }

    @Test(arguments: [
        ("64 MiB", 64 << 20), ("64MiB", 64 << 20), ("1.5 GiB", 3 << 29),
        ("0.25 TB", 250_000_000_000),
        ("2 KB", 2_000),
    ])
    func aSizeIsANumberAndAUnit(text: String, bytes: Int) throws {
        let size = try #require(ByteCount(declared: text))
        #expect(size == ByteCount(bytes))
        #expect(ByteCount(declared: size.declared) == size)
    }

    @Test(arguments: [
        "1", "GiB", "-1 GiB", "1,5 GiB", "1.5.2 GiB", "1 gib", "1 G", "999999999999999999 TiB",
        ". GiB", "1  GiB", "99999999 TiB",
    ])
    func notASize(text: String) {
        #expect(ByteCount(declared: text) == nil)
    }

    @Test(arguments: ["line", "dmz"])
    func theTopologiesOfTheRepositoryAreWithoutFault(name: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appending(path: "topologies/\(name).yaml")
        let topology = try Topology.parse(
            String(contentsOf: file, encoding: .utf8),
            file: "\(name).yaml"
        )
        #expect(topology.mesh.text == name)
        #expect(topology.warnings.isEmpty)
        #expect(topology.nodes.count == 3)
    }
}
