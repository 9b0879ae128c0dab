package import MeshModel

/// What a topology makes of one node: what it will hold, who can read it, whom it talks to.
package struct NodeExplanation: Sendable {
    /// A flow at the node, and where its files come from or go to.
    package struct Share: Hashable, Sendable {
        /// The flow.
        package let flow: FlowName
        /// The nodes whose files they are.
        package let origins: [NodeName]
        /// The node that lands them.
        package let collector: NodeName
        /// The directory here, for what begins or ends here.
        package let path: String?
    }

    /// A node at the other end of a link.
    package struct Neighbour: Hashable, Sendable {
        /// Its name.
        package let name: NodeName
        /// Where this node dials it; `nil` when it only calls us.
        package let dial: Endpoint?
        /// Whether it dials us.
        package let dialsUs: Bool
        /// The flows that are handed to it.
        package let gives: [FlowName]
        /// The flows that come from it.
        package let takes: [FlowName]
    }

    /// The node.
    package let node: Topology.Node
    /// What begins here.
    package let sends: [Share]
    /// What ends here.
    package let receives: [Share]
    /// What passes while everybody can be reached.
    package let passes: [Share]
    /// What passes only when the best way is cut.
    package let mayPass: [Share]
    /// Whether the mesh is too large to look for detours.
    package let isTooLargeForDetours: Bool
    /// Those it talks to, ordered by name.
    package let neighbours: [Neighbour]

    /// Explains a node; `nil` if the topology has none of that name.
    package init?(_ name: NodeName, in topology: Topology) {
        guard let node = topology.node(name) else { return nil }
        let ways = Ways(of: topology)
        let flows = Dictionary(topology.flows.map { ($0.name, $0) }) { first, _ in first }
        func shares(_ origins: [FlowName: [NodeName]]) -> [Share] {
            origins.sorted { $0.key < $1.key }.compactMap { flow, origins in
                flows[flow].map {
                    Share(flow: flow, origins: origins, collector: $0.collector, path: nil)
                }
            }
        }
        self.node = node
        self.sends = node.sends.compactMap { source in
            flows[source.flow].map {
                Share(
                    flow: $0.name,
                    origins: [name],
                    collector: $0.collector,
                    path: source.path
                )
            }
        }
        self.receives = node.receives.sorted { $0.key < $1.key }.compactMap { flow, landing in
            flows[flow].map {
                Share(flow: flow, origins: $0.origins, collector: name, path: landing.path)
            }
        }
        let passing = ways.passing(name)
        self.passes = shares(passing)
        let detours = ways.mayPass(name, topology.flows).compactMapValues { $0 }
        self.mayPass = shares(
            Dictionary(
                detours.map { flow, origins in
                    let known = Set(passing[flow] ?? [])
                    return (flow, origins.filter { !known.contains($0) })
                }
            ) { first, _ in first }.filter { !$0.value.isEmpty }
        )
        self.isTooLargeForDetours = topology.nodes.count > Ways.detoursNodesMax
        self.neighbours = Self.neighbours(of: name, in: topology, ways)
    }

    private static func neighbours(
        of node: NodeName,
        in topology: Topology,
        _ ways: Ways
    ) -> [Neighbour] {
        let dials = Set(topology.links.filter { $0.dialler == node }.map(\.listener))
        let dialled = Set(topology.links.filter { $0.listener == node }.map(\.dialler))
        return dials.union(dialled).sorted().map { name in
            Neighbour(
                name: name,
                dial: dials.contains(name) ? topology.node(name)?.listens : nil,
                dialsUs: dialled.contains(name),
                gives: ways.flows(from: node, to: name),
                takes: ways.flows(from: name, to: node)
            )
        }
    }
}
