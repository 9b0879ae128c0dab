import ArgumentParser
import MeshTopology

/// `tributary topology graph`: a topology as a picture.
struct TopologyGraphCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "graph",
        abstract: "Draw a topology, for Mermaid or Graphviz.",
        discussion: """
            Arrows lead from who dials to who is dialled; labels say which flows go over the link, \
            and in which direction. Nodes that differ only in name are drawn as one.

            Examples:
              tributary topology graph coastwatch.yaml
              tributary topology graph coastwatch.yaml --format dot | dot -Tsvg -o coastwatch.svg
            """
    )

    /// In which language the picture is.
    enum Format: String, CaseIterable, ExpressibleByArgument {
        case mermaid
        case dot
    }

    @Option(help: "The language of the picture: mermaid or dot.")
    var format = Format.mermaid

    @Flag(help: "Draw every node, even those that differ only in name.")
    var all = false

    @Argument(help: "The topology file.")
    var file: String

    func run() throws {
        let graph = TopologyGraph(of: try TopologyFile(self.file).parse(), all: self.all)
        switch self.format {
        case .mermaid: print(graph.mermaid)
        case .dot: print(graph.dot)
        }
    }
}
