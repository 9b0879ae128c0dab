import MeshModel

/// What a declaration says of each node that it names.
struct NodeTemplate {
    var sends: [TopologyDraft.Source] = []
    /// With `{node}` in place of the name.
    var listens: TopologyDraft.Placed<String>?
    var receivesAll: TopologyDraft.Placed<String>?
    var receives: [TopologyDraft.Landing] = []
    var spool = TopologyDraft.Placed(value: Topology.Node.spoolByDefault, at: .start)
    var cache = TopologyDraft.Placed(value: DeclaredShare.percent(25), at: .start)
    var quotaPerOrigin: TopologyDraft.Placed<DeclaredShare>?
    var quotaPerNeighbour: TopologyDraft.Placed<DeclaredShare>?

    /// The node of that name, without its address.
    func node(_ name: NodeName, _ place: Place) -> TopologyDraft.Node {
        TopologyDraft.Node(
            name: name,
            at: place,
            sends: self.sends,
            listens: nil,
            receivesAll: self.receivesAll,
            receives: self.receives,
            spool: self.spool,
            cache: self.cache,
            quotaPerOrigin: self.quotaPerOrigin,
            quotaPerNeighbour: self.quotaPerNeighbour
        )
    }
}

extension TopologyReader {
    /// What the fields of a node say.
    mutating func node(_ keys: Fields) -> NodeTemplate {
        var node = NodeTemplate()
        if let sends = keys["sends"] { self.readSends(sends.value, into: &node) }
        if let fetches = keys["fetches"] { self.readFetches(fetches.value, into: &node) }
        if let receives = keys["receives"] { self.readReceives(receives.value, into: &node) }
        if keys.has("listens") {
            node.listens = keys.placed("listens")
            if node.listens == nil { self.draft.hasUnreadNodes = true }
        }
        if let spool = keys.placed("spool", ByteCount.init(declared:)) { node.spool = spool }
        if let cache = keys.placed("cache", DeclaredShare.init(declared:)) { node.cache = cache }
        if let quota = keys["quota"], let quotas = self.values.table(quota.value, .quota) {
            node.quotaPerOrigin = quotas.placed("origin", DeclaredShare.init(declared:))
            node.quotaPerNeighbour = quotas.placed("neighbour", DeclaredShare.init(declared:))
        }
        return node
    }

    private mutating func flow(_ field: Field) -> FlowName? {
        self.values.word(field.key, at: field.at, .word("a flow")).flatMap { FlowName($0) }
    }

    private mutating func readSends(_ element: Element, into node: inout NodeTemplate) {
        if case .text(let path) = element.content, !path.isEmpty {
            self.values.wrongShape(
                element,
                "`sends` names the flow of each directory.",
                hint: "Write `sends: {FLOW: \(path)}`."
            )
            return
        }
        for field in self.values.fields(element, of: "`sends`") ?? [] {
            let flow = self.flow(field)
            var source: TopologyDraft.Source?
            if case .table = field.value.content {
                guard let keys = self.values.table(field.value, .source) else { continue }
                if let flow, let path = keys.text("path") {
                    source = .init(flow: flow, at: field.at, path: path)
                    source?.isCopied = keys.text("copy") != "false"
                    source?.removes = self.removes(field.value)
                }
            } else if let path = self.values.text(field.value, of: "a source", .path("a source")),
                let flow
            {
                source = .init(flow: flow, at: field.at, path: path)
            }
            if let source { node.sends.append(source) }
        }
    }

    /// Where a source says that its files are deleted or moved.
    private func removes(_ element: Element) -> TopologyDraft.Placed<String>? {
        guard case .table(let fields) = element.content,
            let then = fields.first(where: { $0.key == "then" }),
            case .text(let text) = then.value.content,
            let word = text.split(separator: " ").first, ["delete", "move"].contains(word)
        else { return nil }
        return .init(value: String(word), at: then.value.at)
    }

    private mutating func readFetches(_ element: Element, into node: inout NodeTemplate) {
        // Forms were checked with the key; flows that arise here do not lack an origin.
        guard case .table(let fields) = element.content else { return }
        for field in fields {
            guard let flow = FlowName(field.key) else { continue }
            var source = TopologyDraft.Source(flow: flow, at: field.at)
            source.removes = self.removes(field.value)
            node.sends.append(source)
        }
    }

    private mutating func readReceives(_ element: Element, into node: inout NodeTemplate) {
        guard case .table = element.content else {
            if let path = self.values.text(element, of: "a landing", .path("a landing")) {
                node.receivesAll = .init(value: path, at: element.at)
            } else {
                self.draft.hasUnreadNodes = true
            }
            return
        }
        for field in self.values.fields(element, of: "`receives`") ?? [] {
            let flow = self.flow(field)
            var path: String?
            var isCopied = true
            if case .table = field.value.content {
                let keys = self.values.table(field.value, .landing)
                path = keys?.text("path")
                isCopied = keys?.text("copy") != "false"
            } else {
                path = self.values.text(field.value, of: "a landing", .path("a landing"))
            }
            guard let flow, let path else {
                self.draft.hasUnreadNodes = true
                continue
            }
            node.receives.append(
                .init(flow: flow, path: path, isCopied: isCopied, at: field.at)
            )
        }
    }
}
