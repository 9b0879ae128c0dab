import ArgumentParser

/// `tributary topology`: what can be said of a topology without a mesh.
struct TopologyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topology",
        abstract: "Examine a topology file.",
        subcommands: [
            TopologyCheckCommand.self, TopologyExplainCommand.self, TopologyFirewallCommand.self,
            TopologyGraphCommand.self, TopologyPlanCommand.self,
        ]
    )
}
