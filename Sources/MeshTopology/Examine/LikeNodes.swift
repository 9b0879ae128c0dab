import MeshModel

/// Nodes that differ in nothing but their names and paths: they are drawn and listed as one.
struct LikeNodes {
    /// The nodes, in the order of the topology; the first stands for all.
    let nodes: [Topology.Node]

    /// How many make a group; fewer stand for themselves.
    private static let countMin = 3

    /// What is the same for all in a group.
    private struct Likeness: Hashable {
        let sends: [FlowName]
        let receives: [FlowName]
        let listens: Bool
        let links: Set<Topology.Link>
    }

    /// The nodes of a topology in groups, or each for itself.
    static func groups(of topology: Topology, all: Bool) -> [LikeNodes] {
        var links: [NodeName: Set<Topology.Link>] = [:]
        for link in topology.links {
            links[link.dialler, default: []].insert(link)
            links[link.listener, default: []].insert(link)
        }
        var order: [Likeness] = []
        var groups: [Likeness: [Topology.Node]] = [:]
        for node in topology.nodes {
            let likeness = Likeness(
                sends: node.sends.map(\.flow),
                receives: node.receives.keys.sorted(),
                listens: node.listens != nil,
                links: Set((links[node.name] ?? []).compactMap { $0.naming(node.name) })
            )
            if groups[likeness] == nil { order.append(likeness) }
            groups[likeness, default: []].append(node)
        }
        return order.flatMap { likeness -> [LikeNodes] in
            let nodes = groups[likeness] ?? []
            // A node without links has nothing that it could be alike in.
            if all || nodes.count < Self.countMin || likeness.links.isEmpty {
                return nodes.map { LikeNodes(nodes: [$0]) }
            }
            return [LikeNodes(nodes: nodes)]
        }
    }

    /// How they are called together.
    var title: String { Self.title(self.nodes.map(\.name)) }

    /// One name, or the first, the last and how many there are.
    static func title(_ names: [NodeName]) -> String {
        guard let first = names.first, let last = names.last, names.count > 1 else {
            return names.first?.text ?? ""
        }
        if names.count == 2 { return "\(first) and \(last)" }
        return "\(first) … \(last) (\(names.count))"
    }
}

extension Topology.Link {
    /// The link with a word that no node has in place of one of its ends.
    fileprivate func naming(_ node: NodeName) -> Self? {
        guard let own = NodeName("0.own.0") else { return nil }
        return Self(
            dialler: self.dialler == node ? own : self.dialler,
            listener: self.listener == node ? own : self.listener,
            speed: self.speed,
            keepalive: self.keepalive,
            prefer: self.prefer
        )
    }
}
