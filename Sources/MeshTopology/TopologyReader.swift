import MeshModel

extension Topology {
    /// Reads a topology and checks that its parts fit together.
    ///
    /// - Parameters:
    ///   - text: YAML; with what it includes at most ``MeshModel/Limits/topologyBytesMax`` bytes.
    ///   - file: The path of the file, as findings show it; included files lie beside it.
    ///   - read: Reads a file that is included, whose path begins as `file` does.
    /// - Returns: A topology that has passed every check, with the warnings that remain.
    /// - Throws: Every finding in the text, if one of them is an error.
    public static func parse(
        _ text: String,
        file: String,
        including read: @escaping (String) throws(UnreadableFile) -> String = Self.includesNothing
    ) throws(TopologyFindings) -> Self {
        var files = TopologyFiles(including: read)
        files.read(text, path: file)
        guard files.documents.first?.file == 0 else {
            throw TopologyFindings(findings: files.values.findings.sorted)
        }
        var reader = TopologyReader(values: files.values)
        let draft = reader.read(files.documents, hasUnread: files.hasUnread)
        var check = TopologyCheck(draft: draft, findings: reader.values.findings)
        guard let topology = check.topology(), !check.findings.hasErrors else {
            throw TopologyFindings(findings: check.findings.sorted)
        }
        return topology
    }

    /// Reads no file: for topologies that are one text.
    public static let includesNothing: @Sendable (String) throws(UnreadableFile) -> String = {
        (_: String) throws(UnreadableFile) -> String in
        throw UnreadableFile(reason: "nothing can be included here")
    }
}

/// Turns elements into a draft; what it cannot read becomes a finding and is left out.
struct TopologyReader {
    /// The most nodes of one topology.
    static let nodesMax = 50_000
    /// The most links of one topology.
    static let linksMax = 200_000

    var values: ElementReader
    var draft = TopologyDraft()
    /// The fields of each kind, as written.
    var kinds: [String: (fields: [Field], at: Place)] = [:]
    var usedKinds: Set<String> = []
    /// Where each node was declared first.
    private var declared: [NodeName: Place] = [:]

    init(values: ElementReader) { self.values = values }

    mutating func read(
        _ documents: [TopologyFiles.Document],
        hasUnread: Bool
    ) -> TopologyDraft {
        self.draft.hasUnreadNodes = hasUnread
        self.draft.hasUnreadLinks = hasUnread
        self.readMesh(documents)
        for document in documents { self.readKinds(document.keys["kinds"]) }
        for document in documents { self.readNodes(document.keys["nodes"]) }
        self.readUnusedKinds()
        if self.declared.isEmpty, !self.draft.hasUnreadNodes {
            let first = documents[0]
            self.values.findings.error(
                .noNodes,
                at: first.keys["nodes"]?.at ?? first.at,
                "The topology declares no nodes.",
                hint: "Name each one under `nodes`."
            )
        }
        for document in documents { self.readLinks(document.keys["links"]) }
        for document in documents { self.readFlows(document.keys["flows"]) }
        return self.draft
    }

    private mutating func readMesh(_ documents: [TopologyFiles.Document]) {
        self.draft.mesh = documents[0].keys.text("mesh").flatMap { MeshName($0) }
        if !documents[0].keys.has("mesh") {
            self.values.findings.error(
                .missingKey,
                at: documents[0].at,
                "The topology does not name its mesh.",
                hint: "Begin with a line such as `mesh: coastwatch`."
            )
        }
        for document in documents.dropFirst() {
            guard let field = document.keys["mesh"], let text = document.keys.text("mesh"),
                let mesh = self.draft.mesh, text != mesh.text
            else { continue }
            self.values.findings.error(
                .invalidValue,
                at: field.value.at,
                "This file is of the mesh `\(text)`, and included in one of `\(mesh)`.",
                hint: "Leave `mesh` out in files that are included."
            )
        }
    }

    // MARK: Nodes

    private mutating func readNodes(_ nodes: Field?) {
        guard let nodes else { return }
        guard
            let fields = self.values.fields(nodes.value, of: "`nodes`", duplicates: .duplicateNode)
        else {
            self.draft.hasUnreadNodes = true
            return
        }
        for field in fields {
            guard let names = self.values.word(field.key, at: field.at, .nodeRange),
                let range = NameRange(names),
                let own = self.values.fields(field.value, of: "a node")
            else {
                self.draft.hasUnreadNodes = true
                continue
            }
            let keys = self.values.table(self.merged(own, chain: []), .node, at: field.value.at)
            self.declare(range.nodes, field, self.node(keys))
        }
    }

    private mutating func declare(_ names: [NodeName], _ field: Field, _ template: NodeTemplate) {
        for name in names {
            if let earlier = self.declared[name] {
                self.values.findings.error(
                    .duplicateNode,
                    at: field.at,
                    "`\(name)` is there twice.",
                    hint: "It is \(self.values.findings.whereabouts(of: earlier, from: field.at)) "
                        + "already."
                )
                continue
            }
            self.declared[name] = field.at
            guard self.draft.nodes.count < Self.nodesMax else {
                self.draft.hasUnreadNodes = true
                self.values.findings.error(
                    .tooLarge,
                    at: field.at,
                    "A topology has at most \(Self.nodesMax) nodes."
                )
                return
            }
            var node = template.node(name, field.at)
            if let listens = template.listens {
                node.listens = self.endpoint(listens, of: name)
            }
            self.draft.nodes.append(node)
        }
    }

    private mutating func endpoint(
        _ listens: TopologyDraft.Placed<String>,
        of name: NodeName
    ) -> TopologyDraft.Placed<Endpoint>? {
        let text = listens.value.replacing("{node}", with: name.text)
        if let endpoint = Endpoint(text) { return .init(value: endpoint, at: listens.at) }
        self.draft.hasUnreadNodes = true
        self.values.findings.error(
            .invalidEndpoint,
            at: listens.at,
            "`\(text)` is no address to listen on.",
            hint: "`{node}` stands for the name of the node."
        )
        return nil
    }

    // MARK: Kinds

    private mutating func readKinds(_ kinds: Field?) {
        guard let kinds, let fields = self.values.fields(kinds.value, of: "`kinds`") else {
            if kinds != nil { self.draft.hasUnreadNodes = true }
            return
        }
        for field in fields {
            _ = self.values.word(field.key, at: field.at, .word("a kind"))
            if let earlier = self.kinds[field.key] {
                self.values.twice(field, earlier.at, .duplicateKey)
                continue
            }
            let own = self.values.fields(field.value, of: "a kind")
            if own == nil { self.draft.hasUnreadNodes = true }
            self.kinds[field.key] = (own ?? [], field.at)
        }
    }

    /// The fields of a node or kind, and those of its kind that it does not have itself.
    private mutating func merged(_ own: [Field], chain: [String]) -> [Field] {
        guard let like = own.first(where: { $0.key == "like" }),
            case .text(let name) = like.value.content, !name.isEmpty
        else { return own }
        guard let kind = self.kinds[name] else {
            let near = Suggestion.nearest(to: name, among: self.kinds.keys.sorted())
            self.draft.hasUnreadNodes = true
            self.values.findings.error(
                .unknownKind,
                at: like.value.at,
                "No kind is called `\(name)`.",
                hint: near.map { "Did you mean `\($0)`?" } ?? "Declare it under `kinds`."
            )
            return own
        }
        self.usedKinds.insert(name)
        guard !chain.contains(name) else {
            self.draft.hasUnreadNodes = true
            self.values.findings.error(
                .kindCycle,
                at: like.value.at,
                "The kind `\(name)` is like itself, directly or through others."
            )
            return own
        }
        let keys = Set(own.map(\.key))
        return own
            + self.merged(kind.fields, chain: chain + [name]).filter { !keys.contains($0.key) }
    }

    /// What no node uses is read all the same: it may be wrong.
    private mutating func readUnusedKinds() {
        for (name, kind) in self.kinds.sorted(by: { $0.key < $1.key })
        where !self.usedKinds.contains(name) {
            self.values.findings.warning(
                .unusedKind,
                at: kind.at,
                "No node is like `\(name)`."
            )
            let hadUnread = self.draft.hasUnreadNodes
            let keys = self.values.table(
                self.merged(kind.fields, chain: [name]),
                .node,
                at: kind.at
            )
            _ = self.node(keys)
            self.draft.hasUnreadNodes = hadUnread
        }
    }
}
