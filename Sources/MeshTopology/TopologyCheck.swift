import MeshModel

/// Checks that the parts of a draft fit together, and joins them to a topology.
struct TopologyCheck {
    private let draft: TopologyDraft
    private(set) var findings: FindingList

    init(draft: TopologyDraft, findings: FindingList) {
        self.draft = draft
        self.findings = findings
    }

    /// Joins the parts to a topology, which is usable only if no error was found.
    ///
    /// `nil` if something essential is missing.
    mutating func topology() -> Topology? {
        self.checkEndpoints()
        let links = self.links()
        let flows = self.flows()
        self.checkWays(of: flows, over: links)
        self.checkUse(links)
        let nodes = self.draft.nodes.map { self.node($0, flows: flows) }
        guard let mesh = self.draft.mesh else { return nil }
        return Topology(
            mesh: mesh,
            nodes: nodes,
            links: links.map(Self.link),
            flows: flows,
            warnings: self.findings.sorted.filter { $0.severity == .warning }
        )
    }

    private mutating func node(_ node: TopologyDraft.Node, flows: [Topology.Flow]) -> Topology.Node
    {
        var receives: [FlowName: String] = [:]
        for flow in flows where flow.collector == node.name {
            let own = node.receives.first { $0.flow == flow.name }?.path
            receives[flow.name] = own ?? node.receivesAll?.path
        }
        return Topology.Node(
            name: node.name,
            sends: node.sends.map { Topology.Source(flow: $0.flow, path: $0.path) },
            listens: node.listens?.endpoint,
            receives: receives,
            spool: node.spool,
            cache: self.size(node.cache, of: node, "cache") ?? .zero,
            quotaPerOrigin: self.size(node.quotaPerOrigin, of: node, "quota"),
            quotaPerNeighbour: self.size(node.quotaPerNeighbour, of: node, "quota")
        )
    }

    /// A part of the node's spool in bytes.
    private mutating func size(
        _ part: (share: DeclaredShare, at: Place)?,
        of node: TopologyDraft.Node,
        _ subject: String
    ) -> ByteCount? {
        guard let part else { return nil }
        let size = part.share.of(node.spool)
        if size > node.spool {
            self.findings.error(
                .invalidSize,
                at: part.at,
                "A \(subject) of \(size.declared) is more than the spool has.",
                hint: "The spool of \(node.name) has \(node.spool.declared)."
            )
        } else if subject == "quota", size < Self.quotaMin {
            self.findings.error(
                .invalidSize,
                at: part.at,
                "\(size.declared) is too little for a quota.",
                hint: "It needs at least \(Self.quotaMin.declared)."
            )
        }
        return size
    }

    /// Less would hold no parcel at all.
    private static let quotaMin = ByteCount.mebibytes(4)

    private static func link(_ link: TopologyDraft.Link) -> Topology.Link {
        let isThin = link.speed.map { $0 <= .thinMax } ?? false
        return Topology.Link(
            dialler: link.dialler,
            listener: link.listener,
            speed: link.speed,
            keepalive: link.keepalive ?? (isThin ? .off : .usual),
            prefer: link.prefer
        )
    }

    // MARK: Links

    private mutating func checkEndpoints() {
        var first: [Endpoint: NodeName] = [:]
        for node in self.draft.nodes {
            guard let listens = node.listens else { continue }
            if let other = first[listens.endpoint] {
                self.findings.warning(
                    .duplicateEndpoint,
                    at: listens.at,
                    "\(node.name) and \(other) both listen on \(listens.endpoint)."
                )
            } else {
                first[listens.endpoint] = node.name
            }
        }
    }

    /// The links whose both ends exist, without repetitions.
    private mutating func links() -> [TopologyDraft.Link] {
        let nodes = Dictionary(
            self.draft.nodes.map { ($0.name, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        var seen: Set<[NodeName]> = []
        return self.draft.links.filter { link in
            var isWhole = true
            for name in [link.dialler, link.listener] where nodes[name] == nil {
                isWhole = false
                let near = Suggestion.nearest(
                    to: name.text,
                    among: self.draft.nodes.map(\.name.text)
                )
                self.findings.error(
                    .unknownNode,
                    at: link.at,
                    "No node is called `\(name)`.",
                    hint: near.map { "Did you mean `\($0)`?" } ?? "Declare it under `nodes`."
                )
            }
            guard isWhole else { return false }
            guard link.dialler != link.listener else {
                self.findings.error(
                    .selfLink,
                    at: link.at,
                    "`\(link.dialler)` cannot be linked to itself."
                )
                return false
            }
            guard seen.insert([link.dialler, link.listener]).inserted
            else {
                self.findings.error(
                    .duplicateLink,
                    at: link.at,
                    "The link \(link.dialler) -> \(link.listener) is there twice."
                )
                return false
            }
            if nodes[link.listener]?.listens == nil, !self.draft.hasUnreadNodes {
                let turned =
                    nodes[link.dialler]?.listens == nil
                    ? "" : " If \(link.listener) dials, turn the arrow round."
                self.findings.error(
                    .notListening,
                    at: link.at,
                    "\(link.dialler) dials \(link.listener), which does not listen.",
                    hint: "Give \(link.listener) an address, `listens: \"HOST:PORT\"`.\(turned)"
                )
            }
            return true
        }
    }

    // MARK: Flows

    /// Every flow that has a collector.
    private mutating func flows() -> [Topology.Flow] {
        var declared = self.draft.flows
        let named = Set(declared.map(\.name))
        let used = self.draft.nodes.flatMap { node in
            node.sends.map { ($0.flow, $0.at) } + node.receives.map { ($0.flow, $0.at) }
        }
        var seen = named
        for (flow, place) in used where seen.insert(flow).inserted {
            declared.append(TopologyDraft.Flow(name: flow, at: place))
        }
        return declared.compactMap { self.flow($0) }
    }

    private mutating func flow(_ flow: TopologyDraft.Flow) -> Topology.Flow? {
        let origins = self.draft.nodes.filter { $0.sends.contains { $0.flow == flow.name } }
        if origins.isEmpty, !self.draft.hasUnreadNodes {
            let sent = self.draft.nodes.flatMap { $0.sends.map(\.flow.text) }
            let near = Suggestion.nearest(to: flow.name.text, among: sent)
            self.findings.warning(
                .noOrigin,
                at: flow.at,
                "No node sends the flow `\(flow.name)`.",
                hint: near.map { "Did you mean `\($0)`?" }
            )
        }
        guard let collector = self.collector(of: flow) else { return nil }
        for origin in origins where origin.name == collector {
            let place = origin.sends.first { $0.flow == flow.name }?.at ?? origin.at
            self.findings.error(
                .originIsCollector,
                at: place,
                "\(collector) both sends and receives the flow `\(flow.name)`.",
                hint: "A flow ends at another node than those where it begins."
            )
        }
        return Topology.Flow(
            name: flow.name,
            origins: origins.map(\.name),
            collector: collector,
            first: flow.first,
            backlog: flow.backlog,
            doneWhen: flow.doneWhen,
            versions: flow.versions,
            flowClass: flow.flowClass,
            largest: flow.largest,
            again: flow.again,
            profile: flow.profile
        )
    }

    /// The node that names the flow under `receives`, or else the one that receives everything.
    private mutating func collector(of flow: TopologyDraft.Flow) -> NodeName? {
        var candidates = self.draft.nodes.compactMap { node in
            node.receives.first { $0.flow == flow.name }.map { (node.name, $0.at) }
        }
        if candidates.isEmpty {
            candidates = self.draft.nodes.compactMap { node in
                node.receivesAll.map { (node.name, $0.at) }
            }
        }
        guard let (first, _) = candidates.first else {
            if !self.draft.hasUnreadNodes {
                self.findings.error(
                    .noCollector,
                    at: flow.at,
                    "No node receives the flow `\(flow.name)`.",
                    hint: "Give one node `receives: PATH` or `receives: {\(flow.name): PATH}`."
                )
            }
            return nil
        }
        for (other, place) in candidates.dropFirst() {
            self.findings.error(
                .severalCollectors,
                at: place,
                "\(first) and \(other) both receive the flow `\(flow.name)`.",
                hint: "A flow has one collector: name its flows under `receives` at each."
            )
        }
        return first
    }

    // MARK: Ways

    private mutating func checkWays(
        of flows: [Topology.Flow],
        over links: [TopologyDraft.Link]
    ) {
        // A link that could not be used has its own finding; more of the same helps nobody.
        guard !self.draft.hasUnreadLinks, !self.draft.hasUnreadNodes,
            links.count == self.draft.links.count
        else { return }
        let routes = Routes(
            nodes: self.draft.nodes.map(\.name),
            links: links.map { ($0.dialler, $0.listener, $0.prefer) }
        )
        for flow in flows {
            let reached = routes.reached(from: flow.collector)
            for origin in self.draft.nodes where !reached.contains(origin.name) {
                guard let source = origin.sends.first(where: { $0.flow == flow.name }) else {
                    continue
                }
                self.findings.error(
                    .unreachableCollector,
                    at: source.at,
                    "No links lead from \(origin.name) to \(flow.collector), which receives "
                        + "`\(flow.name)`.",
                    hint: "Add a link from \(origin.name) to a node on the way."
                )
            }
        }
    }

    private mutating func checkUse(_ links: [TopologyDraft.Link]) {
        guard !self.draft.hasUnreadLinks, links.count == self.draft.links.count else { return }
        let linked = Set(links.flatMap { [$0.dialler, $0.listener] })
        for node in self.draft.nodes where !linked.contains(node.name) && node.sends.isEmpty {
            self.findings.warning(
                .unusedNode,
                at: node.at,
                "No link leads to \(node.name)."
            )
        }
    }
}
