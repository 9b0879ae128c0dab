import MeshModel

/// Checks that the parts of a draft fit together, and joins them to a topology.
struct TopologyCheck {
    let draft: TopologyDraft
    var findings: FindingList
    let nodes: [NodeName: TopologyDraft.Node]

    init(draft: TopologyDraft, findings: FindingList) {
        self.draft = draft
        self.findings = findings
        self.nodes = Dictionary(draft.nodes.map { ($0.name, $0) }) { first, _ in first }
    }

    /// Joins the parts to a topology, which is usable only if no error was found.
    ///
    /// `nil` if something essential is missing.
    mutating func topology() -> Topology? {
        self.checkEndpoints()
        let links = self.links()
        let flows = self.flows()
        // A link that could not be used has its own finding; more of the same helps nobody.
        if !self.draft.hasUnreadLinks, links.count == self.draft.links.count {
            self.checkUse(links)
            if !self.draft.hasUnreadNodes { self.checkWays(of: flows, over: links) }
        }
        self.checkPaths(flows)
        self.checkRelease()
        let collected = Dictionary(grouping: flows, by: \.collector)
        let nodes = self.draft.nodes.map { self.node($0, collects: collected[$0.name] ?? []) }
        guard let mesh = self.draft.mesh else { return nil }
        return Topology(
            mesh: mesh,
            nodes: nodes,
            links: links.filter { !$0.isCarried }.map(Self.link),
            flows: flows,
            warnings: self.findings.sorted.filter { $0.severity == .warning }
        )
    }

    // MARK: Nodes

    private mutating func node(
        _ node: TopologyDraft.Node,
        collects flows: [Topology.Flow]
    ) -> Topology.Node {
        Topology.Node(
            name: node.name,
            sends: node.sends.compactMap { source in
                source.path.map {
                    Topology.Source(flow: source.flow, path: $0, isCopied: source.isCopied)
                }
            },
            listens: node.listens?.value,
            receives: Dictionary(
                flows.compactMap { flow in node.landing(of: flow.name).map { (flow.name, $0) } }
            ) { first, _ in first },
            spool: node.spool.value,
            cache: self.size(node.cache, of: node, "cache") ?? .zero,
            quotaPerOrigin: self.size(node.quotaPerOrigin, of: node, "quota"),
            quotaPerNeighbour: self.size(node.quotaPerNeighbour, of: node, "quota")
        )
    }

    /// A part of the node's spool in bytes.
    private mutating func size(
        _ part: TopologyDraft.Placed<DeclaredShare>?,
        of node: TopologyDraft.Node,
        _ subject: String
    ) -> ByteCount? {
        guard let part else { return nil }
        let spool = node.spool.value
        let size = part.value.of(spool)
        if size > spool {
            self.findings.error(
                .invalidSize,
                at: part.at,
                "A \(subject) of \(size.declared) is more than the spool has.",
                hint: "The spool has \(spool.declared)."
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

    private mutating func checkEndpoints() {
        let listening = self.draft.nodes.filter { $0.listens != nil }
        for (endpoint, nodes) in Dictionary(grouping: listening, by: { $0.listens?.value }) {
            guard let endpoint, let first = nodes.first else { continue }
            for (place, others) in Self.byPlace(nodes.dropFirst(), { $0.listens?.at ?? $0.at }) {
                let isOneText = place == first.listens?.at
                self.findings.warning(
                    .duplicateEndpoint,
                    at: place,
                    isOneText
                        ? "\(Self.some([first.name] + others.map(\.name))) all listen on "
                            + "\(endpoint)."
                        : "\(Self.some(others.map(\.name))) and \(first.name) both listen on "
                            + "\(endpoint).",
                    hint: isOneText
                        ? "`{node}` in an address stands for the name of the node." : nil
                )
            }
        }
    }

    // MARK: Messages

    /// Groups what stands at one place: a range or a kind declares many nodes there.
    static func byPlace<Value>(
        _ values: some Sequence<Value>,
        _ place: (Value) -> Place
    ) -> [(Place, [Value])] {
        Dictionary(grouping: values, by: place).sorted { $0.key < $1.key }
            .map { ($0.key, $0.value) }
    }

    /// Names for a sentence: `a`, `a and b`, `a and 39 others`.
    static func some(_ names: [NodeName]) -> String {
        guard let first = names.first else { return "nobody" }
        switch names.count {
        case 1: return first.text
        case 2: return "\(first) and \(names[1])"
        default: return "\(first) and \(names.count - 1) others"
        }
    }
}

extension TopologyDraft.Node {
    /// Where a flow lands that this node collects.
    func landing(of flow: FlowName) -> Topology.Landing? {
        self.receives.first { $0.flow == flow }
            .map { Topology.Landing(path: $0.path, isCopied: $0.isCopied) }
            ?? self.receivesAll.map { Topology.Landing(path: $0.value, isCopied: true) }
    }
}
