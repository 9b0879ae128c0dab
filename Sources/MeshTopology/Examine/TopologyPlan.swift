package import MeshModel

/// What changes from one topology to another: at each node, in the flows, and on the ways.
package struct TopologyPlan: Sendable {
    /// A node and what changes there.
    package struct NodeChange: Hashable, Sendable {
        /// What becomes of the node.
        package enum Kind: String, Hashable, Sendable {
            /// It joins the mesh.
            case added
            /// It leaves the mesh.
            case removed
            /// It stays, with a new view.
            case changed
        }

        /// The node.
        package let node: NodeName
        /// What becomes of it.
        package let kind: Kind
        /// What is different, a line each: `spool: 10 GiB -> 20 GiB`.
        package let lines: [String]
    }

    /// A way from an origin to the collector of a flow.
    package struct WayChange: Hashable, Sendable {
        /// The flow.
        package let flow: FlowName
        /// The origin.
        package let origin: NodeName
        /// The nodes of the way so far; `nil` if the origin did not send the flow.
        package let old: [NodeName]?
        /// The nodes of the new way; `nil` if the origin no longer sends the flow.
        package let new: [NodeName]?
    }

    /// What changes at which node, in the order of the new topology, removed nodes last.
    package let nodes: [NodeChange]
    /// What every node learns: flows and links of the index, a line each.
    package let index: [String]
    /// Ways that are gained, lost or changed.
    package let ways: [WayChange]

    /// Whether nothing changes.
    package var isEmpty: Bool { self.nodes.isEmpty && self.index.isEmpty && self.ways.isEmpty }

    /// Compares two topologies.
    package init(from old: Topology, to new: Topology) {
        self.nodes = Self.nodes(from: old, to: new)
        self.index =
            Self.changes(Self.lines(old.flows), Self.lines(new.flows))
            + Self.changes(Self.lines(old.links), Self.lines(new.links))
        self.ways = Self.ways(from: old, to: new)
    }

    // MARK: Nodes

    private static func nodes(from old: Topology, to new: Topology) -> [NodeChange] {
        let before = Self.described(old)
        let after = Self.described(new)
        let now = new.nodes.compactMap { node -> NodeChange? in
            let lines = after[node.name] ?? []
            guard let earlier = before[node.name] else {
                return NodeChange(
                    node: node.name,
                    kind: .added,
                    lines: lines.filter { !$0.isUsual }.map { "\($0.key): \($0.value)" }
                )
            }
            let changes = Self.changes(earlier, lines)
            return changes.isEmpty
                ? nil : NodeChange(node: node.name, kind: .changed, lines: changes)
        }
        let gone = old.nodes.filter { after[$0.name] == nil }.map {
            NodeChange(node: $0.name, kind: .removed, lines: [])
        }
        return now + gone
    }

    /// Something that is declared: two with one key are the same thing, changed.
    private struct Line: Hashable {
        let key: String
        let value: String
        /// What holds where a topology says nothing.
        var isUsual = false
        /// It comes and goes with something else that has a line.
        var isDetail = false
    }

    /// What concerns each node.
    private static func described(_ topology: Topology) -> [NodeName: [Line]] {
        var lines: [NodeName: [Line]] = [:]
        for node in topology.nodes { lines[node.name] = Self.lines(node) }
        let listens = Dictionary(
            topology.nodes.map { ($0.name, $0.listens?.description ?? "") }
        ) { first, _ in first }
        for link in topology.links {
            let address = listens[link.listener] ?? ""
            let line = link.speed.map { ", \($0)" } ?? ""
            let keepalive =
                switch link.keepalive {
                case .usual: ""
                case .off: ", keepalive off"
                case .every(let seconds): ", keepalive \(DeclaredSeconds.text(seconds))"
                }
            lines[link.dialler, default: []].append(
                Line(key: "dials \(link.listener)", value: "\(address)\(line)\(keepalive)")
            )
            lines[link.listener, default: []].append(
                Line(key: "is dialled by \(link.dialler)", value: "yes\(line)")
            )
        }
        return lines
    }

    private static func lines(_ node: Topology.Node) -> [Line] {
        var lines: [Line] = []
        if let listens = node.listens {
            lines.append(Line(key: "listens", value: listens.description))
        }
        lines += node.sends.map { source in
            let copy = source.isCopied ? "" : ", not copied"
            return Line(key: "sends \(source.flow)", value: source.path + copy)
        }
        lines += node.receives.sorted { $0.key < $1.key }.map {
            Line(
                key: "receives \($0.key)",
                value: $0.value.path + ($0.value.isCopied ? "" : ", not copied")
            )
        }
        let spool = Topology.Node.spoolByDefault
        lines.append(
            Line(key: "spool", value: node.spool.declared, isUsual: node.spool == spool)
        )
        let quarter = DeclaredShare.percent(25).of(node.spool)
        lines.append(
            Line(key: "cache", value: node.cache.declared, isUsual: node.cache == quarter)
        )
        for (key, quota) in [
            ("origin", node.quotaPerOrigin), ("neighbour", node.quotaPerNeighbour),
        ] {
            if let quota { lines.append(Line(key: "quota per \(key)", value: quota.declared)) }
        }
        return lines
    }

    private static func changes(_ old: [Line], _ new: [Line]) -> [String] {
        let before = Dictionary(old.map { ($0.key, $0.value) }) { first, _ in first }
        let after = Dictionary(new.map { ($0.key, $0.value) }) { first, _ in first }
        let now = new.compactMap { line -> String? in
            guard let earlier = before[line.key] else {
                return line.isDetail && line.isUsual ? nil : "+ \(line.key): \(line.value)"
            }
            return earlier == line.value ? nil : "  \(line.key): \(earlier) -> \(line.value)"
        }
        let gone = old.filter { after[$0.key] == nil && !$0.isDetail }
            .map { "- \($0.key): \($0.value)" }
        return now + gone
    }

    // MARK: Index

    private static func lines(_ flows: [Topology.Flow]) -> [Line] {
        flows.flatMap { flow in
            let usual = TopologyDraft.Flow(name: flow.name, at: .start)
            let name = "flow \(flow.name)"
            func detail(_ key: String, _ value: String, _ usual: String) -> Line {
                Line(
                    key: "\(name), \(key)",
                    value: value,
                    isUsual: value == usual,
                    isDetail: true
                )
            }
            return [
                Line(key: name, value: "to \(flow.collector)"),
                detail("first", flow.first.rawValue, usual.first.rawValue),
                detail("backlog", flow.backlog.rawValue, usual.backlog.rawValue),
                detail("done-when", flow.doneWhen.description, usual.doneWhen.description),
                detail("versions", flow.versions.rawValue, usual.versions.rawValue),
                detail("class", flow.flowClass.rawValue, usual.flowClass.rawValue),
                detail("largest", flow.largest?.declared ?? "any", "any"),
                detail("again", flow.again.rawValue, usual.again.rawValue),
                detail("profile", "\(flow.profile)", "\(usual.profile)"),
                detail("digest", flow.digest.rawValue, usual.digest.rawValue),
            ]
        }
    }

    private static func lines(_ links: [Topology.Link]) -> [Line] {
        links.map { link in
            Line(key: "link \(link.dialler) -> \(link.listener)", value: "prefer \(link.prefer)")
        }
    }

    // MARK: Ways

    private static func ways(from old: Topology, to new: Topology) -> [WayChange] {
        let before = Self.ways(of: old)
        let after = Self.ways(of: new)
        return Set(before.keys).union(after.keys)
            .sorted { ($0.flow, $0.origin) < ($1.flow, $1.origin) }
            .filter { before[$0] != after[$0] }
            .map {
                WayChange(flow: $0.flow, origin: $0.origin, old: before[$0], new: after[$0])
            }
    }

    private struct Source: Hashable {
        let flow: FlowName
        let origin: NodeName
    }

    private static func ways(of topology: Topology) -> [Source: [NodeName]] {
        let ways = Ways(of: topology)
        var found: [Source: [NodeName]] = [:]
        for flow in topology.flows {
            for origin in flow.origins {
                found[Source(flow: flow.name, origin: origin)] =
                    ways.way(from: origin, to: flow.collector)
            }
        }
        return found
    }
}
