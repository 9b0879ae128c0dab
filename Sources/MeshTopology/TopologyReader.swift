import MeshModel

extension Topology {
    /// Reads a topology in its short form and checks that its parts fit together.
    ///
    /// - Parameters:
    ///   - text: YAML; at most ``MeshModel/Limits/topologyBytesMax`` bytes.
    ///   - file: The name that findings carry.
    /// - Returns: A topology that has passed every check, with the warnings that remain.
    /// - Throws: Every finding in the text, if one of them is an error.
    public static func parse(_ text: String, file: String) throws(TopologyFindings) -> Self {
        guard text.utf8.count <= Limits.topologyBytesMax else {
            var findings = FindingList(file: file, text: "")
            findings.error(
                .tooLarge,
                at: .start,
                "A topology has at most \(ByteCount(Limits.topologyBytesMax))."
            )
            throw TopologyFindings(findings: findings.sorted)
        }
        var findings = FindingList(file: file, text: text)
        let root = YAMLDocument.read(into: &findings)
        if findings.hasErrors { throw TopologyFindings(findings: findings.sorted) }
        var reader = TopologyReader(values: ElementReader(findings: findings))
        let draft = reader.read(root ?? Element(content: .table([]), at: .start))
        var check = TopologyCheck(draft: draft, findings: reader.values.findings)
        guard let topology = check.topology(), !check.findings.hasErrors else {
            throw TopologyFindings(findings: check.findings.sorted)
        }
        return topology
    }
}

/// Turns elements into a draft; what it cannot read becomes a finding and is left out.
struct TopologyReader {
    static let topKeys = KnownKeys(
        subject: "a topology",
        honoured: ["mesh", "nodes", "links", "flows"],
        later: ["kinds"]
    )
    static let nodeKeys = KnownKeys(
        subject: "a node",
        honoured: ["sends", "listens", "receives", "spool", "cache", "quota"],
        later: ["like", "fetches", "at-rest", "owner", "mode", "on-landed", "run"]
    )
    static let quotaKeys = KnownKeys(subject: "a quota", honoured: ["origin", "neighbour"])
    static let sourceKeys = KnownKeys(
        subject: "a source",
        honoured: ["path"],
        later: ["include", "then"]
    )
    static let linkKeys = KnownKeys(
        subject: "a link",
        honoured: ["dial", "speed", "keepalive", "prefer"],
        later: [
            "carry", "by", "limit", "tariff", "open", "stay", "at-most", "up", "down", "through",
        ]
    )
    static let flowKeys = KnownKeys(
        subject: "a flow",
        honoured: [
            "first", "backlog", "done-when", "versions", "class", "largest", "again", "profile",
        ],
        later: ["release", "seal", "expect"]
    )

    var values: ElementReader
    var draft = TopologyDraft()

    init(values: ElementReader) { self.values = values }

    mutating func read(_ root: Element) -> TopologyDraft {
        guard let top = self.values.table(root, Self.topKeys) else { return self.draft }
        if let mesh = top["mesh"] {
            if let text = self.values.text(mesh.value, of: "the name of the mesh") {
                self.draft.mesh = self.values.name(text, at: mesh.value.at, of: "a mesh")
            }
        } else {
            self.values.findings.error(
                .missingKey,
                at: root.at,
                "The topology does not name its mesh.",
                hint: "Begin with a line such as `mesh: coastwatch`."
            )
        }
        self.readNodes(top["nodes"], at: root.at)
        if let links = top["links"] { self.readLinks(links.value) }
        if let flows = top["flows"] { self.readFlows(flows.value) }
        return self.draft
    }

    // MARK: Nodes

    private mutating func readNodes(_ nodes: Field?, at root: Place) {
        var fields: [Field] = []
        if let nodes {
            guard
                let read = self.values.fields(
                    nodes.value,
                    of: "`nodes`",
                    duplicates: .duplicateNode
                )
            else {
                self.draft.hasUnreadNodes = true
                return
            }
            fields = read
        }
        if fields.isEmpty {
            self.values.findings.error(
                .noNodes,
                at: nodes?.at ?? root,
                "The topology declares no nodes.",
                hint: "Name each one under `nodes`."
            )
        }
        for field in fields {
            guard let name: NodeName = self.values.name(field.key, at: field.at, of: "a node"),
                let keys = self.values.table(field.value, Self.nodeKeys)
            else {
                self.draft.hasUnreadNodes = true
                continue
            }
            var node = TopologyDraft.Node(name: name, at: field.at)
            if let sends = keys["sends"] { self.readSends(sends.value, into: &node) }
            if let receives = keys["receives"] { self.readReceives(receives.value, into: &node) }
            if let listens = keys["listens"] { self.readListens(listens.value, into: &node) }
            if let spool = keys["spool"],
                let size = self.values.size(
                    spool.value,
                    of: "a spool",
                    min: ByteCount(Limits.spoolBytesMin)
                )
            {
                node.spool = size
            }
            self.readShares(keys, into: &node)
            self.draft.nodes.append(node)
        }
    }

    private mutating func readSends(_ element: Element, into node: inout TopologyDraft.Node) {
        if case .text(let path) = element.content, !path.isEmpty {
            self.values.wrongShape(
                element,
                "`sends` names the flow of each directory.",
                hint: "Write `sends: {FLOW: \(path)}`."
            )
            return
        }
        for field in self.values.fields(element, of: "`sends`") ?? [] {
            let flow: FlowName? = self.values.name(field.key, at: field.at, of: "a flow")
            var place = field.value
            if case .table = place.content {
                guard let keys = self.values.table(place, Self.sourceKeys) else { continue }
                guard let path = keys["path"] else {
                    self.values.findings.error(
                        .missingKey,
                        at: field.at,
                        "This source has no `path`."
                    )
                    continue
                }
                place = path.value
            }
            guard let path = self.values.path(place, of: "a source"), let flow else { continue }
            node.sends.append((flow, path, field.at))
        }
    }

    private mutating func readReceives(_ element: Element, into node: inout TopologyDraft.Node) {
        guard case .table = element.content else {
            if let path = self.values.path(element, of: "a landing") {
                node.receivesAll = (path, element.at)
            } else {
                self.draft.hasUnreadNodes = true
            }
            return
        }
        for field in self.values.fields(element, of: "`receives`") ?? [] {
            let flow: FlowName? = self.values.name(field.key, at: field.at, of: "a flow")
            let path = self.values.path(field.value, of: "a landing")
            guard let flow, let path else {
                self.draft.hasUnreadNodes = true
                continue
            }
            node.receives.append((flow, path, field.at))
        }
    }

    private mutating func readListens(_ element: Element, into node: inout TopologyDraft.Node) {
        guard let text = self.values.text(element, of: "`listens`") else { return }
        if let endpoint = Endpoint(text) {
            node.listens = (endpoint, element.at)
            return
        }
        self.values.findings.error(
            .invalidEndpoint,
            at: element.at,
            "`\(text)` is no address to listen on.",
            hint: "Write host and port, such as `\(node.name).example.org:7443`."
        )
        self.draft.hasUnreadNodes = true
    }

    private mutating func readShares(_ keys: [String: Field], into node: inout TopologyDraft.Node) {
        if let cache = keys["cache"], let share = self.values.share(cache.value, of: "a cache") {
            node.cache = (share, cache.value.at)
        }
        guard let quota = keys["quota"],
            let quotas = self.values.table(quota.value, Self.quotaKeys)
        else { return }
        func read(_ key: String) -> (share: DeclaredShare, at: Place)? {
            quotas[key].flatMap { field in
                self.values.share(field.value, of: "a quota").map { ($0, field.value.at) }
            }
        }
        node.quotaPerOrigin = read("origin")
        node.quotaPerNeighbour = read("neighbour")
    }
}
