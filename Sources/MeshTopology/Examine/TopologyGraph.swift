package import MeshModel

/// A picture of a topology: nodes with what they do, an arrow for who dials whom, and the flows
/// that go over each link.
package struct TopologyGraph: Sendable {
    /// A node, or several that are alike.
    package struct Node: Hashable, Sendable {
        /// What arrows call it: `n0`.
        package let id: String
        /// Its name, then what it does, a line each.
        package let lines: [String]
    }

    /// A link.
    package struct Arrow: Hashable, Sendable {
        /// Who dials.
        package let from: String
        /// Who is dialled.
        package let to: String
        /// The flows with their direction, the speed, and how it is preferred.
        package let label: String
    }

    /// The name of the mesh.
    package let mesh: MeshName
    /// The nodes, in the order of the topology.
    package let nodes: [Node]
    /// The links, in the order of the topology.
    package let arrows: [Arrow]

    /// Draws a topology.
    ///
    /// - Parameters:
    ///   - topology: What to draw.
    ///   - all: Whether nodes that are alike are drawn one by one.
    package init(of topology: Topology, all: Bool) {
        let groups = LikeNodes.groups(of: topology, all: all)
        var ids: [NodeName: String] = [:]
        for (number, group) in groups.enumerated() {
            for node in group.nodes { ids[node.name] = "n\(number)" }
        }
        let ways = Ways(of: topology)
        var seen: Set<Arrow> = []
        self.mesh = topology.mesh
        self.nodes = groups.enumerated().map { number, group in
            Node(id: "n\(number)", lines: [group.title] + Self.duties(of: group))
        }
        self.arrows = topology.links.compactMap { link in
            guard let from = ids[link.dialler], let to = ids[link.listener] else { return nil }
            let arrow = Arrow(from: from, to: to, label: Self.label(of: link, ways))
            return seen.insert(arrow).inserted ? arrow : nil
        }
    }

    private static func duties(of group: LikeNodes) -> [String] {
        guard let node = group.nodes.first else { return [] }
        let sends = node.sends.map(\.flow.text).joined(separator: ", ")
        let receives = node.receives.keys.sorted().map(\.text).joined(separator: ", ")
        let listens =
            group.nodes.count == 1
            ? node.listens.map { "listens \($0)" } : node.listens.map { _ in "listen" }
        return [
            sends.isEmpty ? nil : "sends \(sends)", receives.isEmpty ? nil : "receives \(receives)",
            listens,
        ].compactMap { $0 }
    }

    private static func label(of link: Topology.Link, _ ways: Ways) -> String {
        let along = ways.flows(from: link.dialler, to: link.listener).map(\.text)
        let against = ways.flows(from: link.listener, to: link.dialler).map(\.text)
        let parts = [
            along.isEmpty ? nil : "\(along.joined(separator: ", ")) →",
            against.isEmpty ? nil : "← \(against.joined(separator: ", "))",
            link.speed?.description,
            link.prefer == Topology.Link.preferByDefault ? nil : "prefer \(link.prefer)",
        ]
        return parts.compactMap { $0 }.joined(separator: ", ")
    }
}

extension TopologyGraph {
    /// As a flowchart of Mermaid, which many wikis and code hosts draw.
    package var mermaid: String {
        let nodes = self.nodes.map { node in
            "  \(node.id)[\"\(node.lines.joined(separator: "<br/>"))\"]"
        }
        let arrows = self.arrows.map { arrow in
            arrow.label.isEmpty
                ? "  \(arrow.from) --> \(arrow.to)"
                : "  \(arrow.from) -- \"\(arrow.label)\" --> \(arrow.to)"
        }
        return
            (["%% \(self.mesh): an arrow leads from who dials to who is dialled.", "flowchart LR"]
            + nodes + arrows).joined(separator: "\n")
    }

    /// As a graph of Graphviz.
    package var dot: String {
        let nodes = self.nodes.map { node in
            "  \(node.id) [label=\"\(node.lines.joined(separator: "\\n"))\"];"
        }
        let arrows = self.arrows.map { arrow in
            arrow.label.isEmpty
                ? "  \(arrow.from) -> \(arrow.to);"
                : "  \(arrow.from) -> \(arrow.to) [label=\"\(arrow.label)\"];"
        }
        let head = [
            "// An arrow leads from who dials to who is dialled.", "digraph \"\(self.mesh)\" {",
            "  rankdir=LR;", "  node [shape=box];",
        ]
        return (head + nodes + arrows + ["}"]).joined(separator: "\n")
    }
}
