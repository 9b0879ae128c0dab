import MeshModel

extension TopologyCheck {
    /// What can be said of the ways that flows take.
    mutating func checkWays(of flows: [Topology.Flow], over links: [TopologyDraft.Link]) {
        let routes = Routes(
            nodes: self.draft.nodes.map(\.name),
            links: links.map { ($0.dialler, $0.listener, $0.prefer) }
        )
        var trees: [NodeName: [NodeName: NodeName]] = [:]
        for flow in flows {
            if trees[flow.collector] == nil {
                trees[flow.collector] = routes.ways(to: flow.collector)
            }
            let next = trees[flow.collector] ?? [:]
            let stranded = flow.origins.filter { next[$0] == nil && $0 != flow.collector }
            self.tell(stranded, of: flow)
            let used = Self.links(used: flow, next)
            self.checkSpools(of: flow, on: used)
            self.checkProfile(of: flow, on: used, links)
        }
    }

    /// A link of a way, in the direction of the parcels.
    private struct Hop: Hashable {
        let from: NodeName
        let to: NodeName
    }

    /// The links that the best ways of a flow take.
    private static func links(
        used flow: Topology.Flow,
        _ next: [NodeName: NodeName]
    ) -> Set<Hop> {
        var used: Set<Hop> = []
        for origin in flow.origins {
            var node = origin
            while let hop = next[node], used.insert(Hop(from: node, to: hop)).inserted {
                node = hop
            }
        }
        return used
    }

    /// Origins from which no way leads to the collector.
    private mutating func tell(_ stranded: [NodeName], of flow: Topology.Flow) {
        let sources = stranded.compactMap { name in
            self.nodes[name]?.sends.first { $0.flow == flow.name }.map { (name: name, at: $0.at) }
        }
        for (place, origins) in Self.byPlace(sources, \.at) {
            let names = Self.some(origins.map(\.name))
            self.findings.error(
                .unreachableCollector,
                at: place,
                "No links lead from \(names) to \(flow.collector), which receives "
                    + "`\(flow.name)`.",
                hint: "Add a link from \(names) to a node on the way."
            )
        }
    }

    // MARK: Room

    /// Nodes on the way that cannot hold the largest file of a flow.
    private mutating func checkSpools(of flow: Topology.Flow, on used: Set<Hop>) {
        guard let largest = flow.largest else { return }
        let need = largest + ByteCount(largest.rawValue / 64) + .mebibytes(1)
        let names = Set(used.flatMap { [$0.from, $0.to] })
        let tight = self.draft.nodes.filter { node in
            names.contains(node.name) && Self.room(node, flow, need) != nil
        }
        for (place, nodes) in Self.byPlace(tight, { Self.room($0, flow, need)?.at ?? $0.at }) {
            guard let node = nodes.first, let room = Self.room(node, flow, need) else { continue }
            let what = "\(Self.some(nodes.map(\.name))) \(nodes.count == 1 ? "has" : "have") room "
            let why =
                "for \(room.value.declared)\(room.why), and `\(flow.name)` has files of up "
                + "to \(largest.declared)"
            if node.name == flow.collector {
                self.findings.error(
                    .smallSpool,
                    at: place,
                    "\(what)\(why): they could never land.",
                    hint: "It needs \(Self.roundedUp(need).declared)."
                )
            } else if flow.origins.contains(node.name) {
                self.findings.warning(
                    .smallSpool,
                    at: place,
                    "\(what)\(why): they wait until the spool is larger.",
                    hint: "It needs \(Self.roundedUp(need).declared)."
                )
            } else {
                self.findings.warning(
                    .smallSpool,
                    at: place,
                    "\(what)\(why): those go *through*, only while the next node has room and "
                        + "can be reached.",
                    hint: "With \(Self.roundedUp(need).declared) it could hold them."
                )
            }
        }
    }

    /// The least of what a node can hold of one parcel, if it is too little.
    private static func room(
        _ node: TopologyDraft.Node,
        _ flow: Topology.Flow,
        _ need: ByteCount
    ) -> (value: ByteCount, why: String, at: Place)? {
        let spool = node.spool.value
        var rooms = [(value: spool, why: "", at: node.spool.at == .start ? node.at : node.spool.at)]
        if !flow.origins.contains(node.name) {
            let quotas = [
                (node.quotaPerOrigin, " of one origin"),
                (node.quotaPerNeighbour, " of one neighbour"),
            ]
            for (quota, why) in quotas {
                if let quota { rooms.append((quota.value.of(spool), why, quota.at)) }
            }
        }
        return rooms.filter { $0.value < need }.min { $0.value < $1.value }
    }

    /// A size that can be written in MiB.
    private static func roundedUp(_ size: ByteCount) -> ByteCount {
        ByteCount.mebibytes((size.rawValue + (1 << 20) - 1) >> 20)
    }

    // MARK: Lines

    /// Flows that cut for fast lines and have to cross a slow one.
    private mutating func checkProfile(
        of flow: Topology.Flow,
        on used: Set<Hop>,
        _ links: [TopologyDraft.Link]
    ) {
        guard flow.profile != Topology.Flow.profileForThinLines else { return }
        let slow = links.first { link in
            guard let speed = link.speed, speed.value < .thinMax else { return false }
            return used.contains(Hop(from: link.dialler, to: link.listener))
                || used.contains(Hop(from: link.listener, to: link.dialler))
        }
        guard let slow, let speed = slow.speed else { return }
        self.findings.warning(
            .coarseProfile,
            at: speed.at,
            "`\(flow.name)` crosses a line of \(speed.value) in pieces of profile "
                + "\(flow.profile), for fast lines.",
            hint: "Write `profile: 2` for the flow: small pieces get across before a line drops."
        )
    }
}
