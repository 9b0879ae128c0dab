import ArgumentParser
import Foundation
import MeshCustody
import MeshModel
import MeshNode
import MeshTopology
import Testing

@testable import MeshCommands

/// `docs/reference/json.md` shows every key that `--json` writes, and no other.
@Suite struct JSONPageTests {
    /// The blocks of the page by the heading that they stand under.
    private static func blocks() throws -> [String: (text: String, value: JSONValue)] {
        let page = try Page("reference/json.md").text()
        var blocks: [String: (text: String, value: JSONValue)] = [:]
        let section = /## tributary (?<name>[a-z ]+)\n(?<body>(?s).*?)```jsonc\n(?<json>(?s).*?)```/
        for match in page.matches(of: section) {
            let json = match.json.replacing(/(?m) +\/\/ .*$/, with: "")
            let value = try JSONValue(json: Array(json.utf8))
            blocks[String(match.name)] = (String(match.json), value)
        }
        return blocks
    }

    /// Reads a block as a report and writes it again; every optional member has to be there.
    private static func check<Report: Codable>(_ type: Report.Type, _ name: String) throws {
        let block = try #require(try Self.blocks()[name], "\(name)")
        let report = try block.value.decode(type)
        #expect(try JSONValue(encoding: report) == block.value, "\(name)")
        #expect(Self.absent(in: report) == [], "\(name)")
    }

    private static func absent(in value: Any, at path: String = "") -> [String] {
        let mirror = Mirror(reflecting: value)
        if mirror.displayStyle == .optional, mirror.children.isEmpty { return [path] }
        return mirror.children.flatMap {
            Self.absent(in: $0.value, at: "\(path).\($0.label ?? "")")
        }
    }

    @Test func reportsAreWhatThePageShows() throws {
        try Self.check(StatusReport.self, "status")
        try Self.check(TraceReport.self, "trace")
        try Self.check(WhyReport.self, "why")
        try Self.check(SendReport.self, "send")
        try Self.check(DrainReport.self, "drain")
        try Self.check(SourcesReport.self, "sources")
        try Self.check(SitesReport.self, "sites")
        try Self.check(QueueReport.self, "queue list")
        try Self.check(QueueAgeReport.self, "queue age")
        try Self.check(HoldReport.self, "queue hold")
        try Self.check(RetryAnswer.self, "queue retry")
        try Self.check(CallReport.self, "call")
        try Self.check(AdoptReport.self, "adopt")
        try Self.check(KeysReport.self, "keys show")
        try Self.check(DoctorReport.self, "doctor")
    }

    // MARK: What commands write of a topology

    /// The paths of all keys, with those of an array's elements taken together.
    private static func keys(_ value: JSONValue, at path: String = "") -> Set<String> {
        switch value {
        case .object(let members):
            members.reduce(into: []) { keys, member in
                keys.insert("\(path).\(member.key)")
                keys.formUnion(Self.keys(member.value, at: "\(path).\(member.key)"))
            }
        case .array(let values):
            values.reduce(into: []) { $0.formUnion(Self.keys($1, at: "\(path)[]")) }
        default: []
        }
    }

    private static func expect(_ written: JSONValue, _ name: String) throws {
        let shown = Self.keys(try #require(try Self.blocks()[name]).value)
        // Lists that are alike are shown once.
        let alike = /^\.(receives|passes|may_pass)\[\].*/
        let keys = Self.keys(written).filter { $0.wholeMatch(of: alike) == nil }
        #expect(keys == shown, "\(name)")
    }

    private static let mesh = """
        mesh: coastwatch
        nodes:
          buoy-7: {sends: {sonar: /data/sonar}}
          dmz: {listens: "dmz.example.org:7443"}
          hq: {receives: /srv/incoming}
        links: [buoy-7 -> dmz, hq -> dmz]
        """

    @Test func topologyCommandsWriteWhatThePageShows() throws {
        let mesh = try Topology.parse(Self.mesh, file: "mesh.yaml")
        // The same mesh with another relay.
        let moved = Self.mesh.replacing("dmz", with: "spare")
        let plan = TopologyPlan(from: mesh, to: try Topology.parse(moved, file: "moved.yaml"))
        try Self.expect(plan.json, "topology plan")
        let buoy = try #require(NodeExplanation(try mesh.required("buoy-7"), in: mesh))
        try Self.expect(buoy.json, "topology explain")
        let rules = FirewallRules(of: mesh, at: nil)
        try Self.expect(TopologyFirewallCommand.json(rules), "topology firewall")
        let wrong = #expect(throws: TopologyFindings.self) {
            try Topology.parse(Self.mesh.replacing("-> dmz", with: "-> dmzz"), file: "mesh.yaml")
        }
        try Self.expect(TopologyCheckCommand.json(wrong?.findings ?? []), "topology check")
    }

    @Test func initAndExplainWriteWhatThePageShows() throws {
        let scratch = FileManager.default.temporaryDirectory
            .appending(path: "tributary-test-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: scratch) }
        let mesh = try Topology.parse(Self.mesh, file: "mesh.yaml")
        let written = try HomeWriter.initialise(
            topology: mesh,
            out: scratch.path,
            at: UnixMilliseconds(1_800_000_000_000)
        )
        try Self.expect(InitCommand.json(mesh.mesh, written), "init")
        try Self.expect(.array(CodeText.all.map(\.json)), "explain")
    }

    @Test func keysAndJoinWriteWhatThePageShows() async throws {
        let scratch = FileManager.default.temporaryDirectory
            .appending(path: "tributary-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let now = UnixMilliseconds(1_800_000_000_000)
        let mesh = try Topology.parse(Self.mesh, file: "mesh.yaml")
        let written = try HomeWriter.initialise(
            topology: mesh,
            out: scratch,
            authorityOnly: true,
            at: now
        )
        let home = scratch + "/home"
        let made = try HomeKeys(HomePaths(home))
            .request(node: NodeName("buoy-7"), mesh: nil, newKeys: false, at: now)
        let output = RequestOutput(out: nil, output: try OutputOptions.parse([]))
        try Self.expect(output.json(made), "keys request")
        let store = AuthorityStore(written.authority)
        let issue = KeyIssue(
            store: store,
            authority: try store.open { [] },
            topology: mesh
        )
        let issued = try issue.issue([made.request], to: scratch, at: now)
        try Self.expect(issued.json, "keys issue")
        let file = try #require(issued.members.first).file
        let join = try await HomeJoin(file: file, home: home, at: now)
        try Self.expect(JoinCommand.json(join, .none), "join")
    }

    // MARK: The page

    @Test func everyKeyOnThePageIsExplained() throws {
        for (name, block) in try Self.blocks() {
            for line in block.text.split(separator: "\n") where line.contains("\": ") {
                let opens = line.hasSuffix("{") || line.hasSuffix("[")
                #expect(opens || line.contains("  // "), "\(name): \(line)")
            }
        }
    }

    @Test func everyCommandWithJSONIsOnThePage() throws {
        let blocks = try Set(Self.blocks().keys)
        // Written by another command in the same way.
        let alike = ["queue release": "queue hold", "keys renew": "keys request"]
        for (name, command) in Self.commands(TributaryCommand.self, [])
        where command.configuration.subcommands.isEmpty {
            guard command.helpMessage().contains("--json") else { continue }
            #expect(blocks.contains(alike[name] ?? name), "\(name)")
        }
    }

    /// All commands by name.
    static func commands(
        _ command: any ParsableCommand.Type,
        _ path: [String]
    ) -> [(name: String, command: any ParsableCommand.Type)] {
        [(path.joined(separator: " "), command)]
            + command.configuration.subcommands.flatMap {
                Self.commands($0, path + [$0.configuration.commandName ?? ""])
            }
    }
}
