import MeshTopology
import Testing

@testable import MeshCommands

/// What the README and the guides show is what the program says; `make reference` writes it anew.
@Suite struct GuideReferenceTests {
    /// The first topology of a page.
    private static func topology(of page: String) throws -> String {
        let block = /```(yaml|sh at hq\ncat .*)\n(?<yaml>mesh: (?s).*?)\n(```|EOF_MESH)/
        return String(try #require(try Page(page).text().firstMatch(of: block)).yaml)
    }

    @Test func theReadmeShowsThePictureAndTheFinding() throws {
        let text = try Self.topology(of: "../README.md")
        let topology = try Topology.parse(text, file: "coastwatch.yaml")
        let graph = TopologyGraph(of: topology, all: false).mermaid
        try Page("../README.md").expect("```mermaid\n\(graph)\n```", after: "graph")

        let wrong = text.replacing("hq -> dmz ", with: "hq -> dmzz ")
        let error = #expect(throws: TopologyFindings.self) {
            try Topology.parse(wrong, file: "coastwatch.yaml")
        }
        let finding = error?.description ?? ""
        try Page("../README.md").expect("```\n\(finding)\n```", after: "finding")
    }

    @Test func theFirewallTeamReadsTheRulesOfTheFirstMesh() throws {
        let text = try Self.topology(of: "guide/first-mesh.md")
        let topology = try Topology.parse(text, file: "coast.yaml")
        let rows = FirewallRules(of: topology, at: nil).rows(of: topology)
        let table = TopologyFirewallCommand.table(rows)
        try Page("guide/for-the-firewall-team.md")
            .expect("```\n\(table)\n```", after: "firewall")
    }
}
