package import MeshModel

/// The ways that flows take over the links of a topology while everybody can be reached.
package struct Ways: Sendable {
    /// A link in the direction of the parcels.
    struct Hop: Hashable {
        let from: NodeName
        let to: NodeName
    }

    private let routes: Routes
    private let names: [NodeName]
    /// For each collector the next node from each node.
    private let next: [NodeName: [NodeName: NodeName]]
    private let crossing: [Hop: [FlowName]]
    private let passing: [NodeName: [FlowName: [NodeName]]]

    /// Finds the ways of every flow from each of its origins; O(origins × links of a way).
    package init(of topology: Topology) {
        self.names = topology.nodes.map(\.name)
        self.routes = Routes(
            nodes: self.names,
            links: topology.links.map { ($0.dialler, $0.listener, $0.prefer) }
        )
        var next: [NodeName: [NodeName: NodeName]] = [:]
        var crossing: [Hop: [FlowName]] = [:]
        var passing: [NodeName: [FlowName: [NodeName]]] = [:]
        for flow in topology.flows {
            if next[flow.collector] == nil {
                next[flow.collector] = self.routes.ways(to: flow.collector)
            }
            for origin in flow.origins {
                var node = origin
                while let hop = next[flow.collector]?[node] {
                    let step = Hop(from: node, to: hop)
                    if crossing[step]?.last != flow.name {
                        crossing[step, default: []].append(flow.name)
                    }
                    if hop != flow.collector {
                        passing[hop, default: [:]][flow.name, default: []].append(origin)
                    }
                    node = hop
                }
            }
        }
        self.next = next
        self.crossing = crossing
        self.passing = passing
    }

    /// The nodes from an origin to a collector, both included; `nil` if no links lead there.
    package func way(from origin: NodeName, to collector: NodeName) -> [NodeName]? {
        var way = [origin]
        while let last = way.last, last != collector {
            guard let hop = self.next[collector]?[last] else { return nil }
            way.append(hop)
        }
        return way
    }

    /// The flows whose parcels go from one node straight to another.
    package func flows(from: NodeName, to: NodeName) -> [FlowName] {
        self.crossing[Hop(from: from, to: to)] ?? []
    }

    /// The flows that pass a node on their way, with the origins from which they come.
    package func passing(_ node: NodeName) -> [FlowName: [NodeName]] { self.passing[node] ?? [:] }

    /// The most nodes for which ``mayPass(_:_:)`` looks at every detour.
    package static let detoursNodesMax = 2_000

    /// The origins of a flow that may come through a node when others cannot be reached.
    ///
    /// A parcel never meets a node twice, so a way needs two parts that share no node but this
    /// one: by Menger's theorem they are there if no other single node cuts it off from both
    /// ends. Empty in meshes of more than ``detoursNodesMax`` nodes. O(nodes × links).
    package func mayPass(_ node: NodeName, _ flows: [Topology.Flow]) -> [FlowName: [NodeName]] {
        guard self.names.count <= Self.detoursNodesMax else { return [:] }
        let without = self.names.filter { $0 != node }.map { avoided in
            self.routes.reached(from: node, without: avoided)
        }
        let reached = self.routes.reached(from: node)
        var found: [FlowName: [NodeName]] = [:]
        for flow in flows where flow.collector != node && reached.contains(flow.collector) {
            let origins = flow.origins.filter { origin in
                origin != node && reached.contains(origin)
                    && without.allSatisfy { $0.contains(origin) || $0.contains(flow.collector) }
            }
            if !origins.isEmpty { found[flow.name] = origins }
        }
        return found
    }
}
