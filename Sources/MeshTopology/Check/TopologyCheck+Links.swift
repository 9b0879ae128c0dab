import MeshModel

extension TopologyCheck {
    static func link(_ link: TopologyDraft.Link) -> Topology.Link {
        let isThin = link.speed.map { $0.value <= .thinMax } ?? false
        return Topology.Link(
            dialler: link.dialler,
            listener: link.listener,
            speed: link.speed?.value,
            keepalive: link.keepalive ?? (isThin ? .off : .usual),
            prefer: link.prefer
        )
    }

    /// The links whose both ends exist, without repetitions.
    mutating func links() -> [TopologyDraft.Link] {
        var seen: Set<Ends> = []
        var deaf: [TopologyDraft.Link] = []
        let links = self.draft.links.filter { link in
            let isWhole = self.hasNodes(link)
            guard isWhole else { return false }
            guard link.dialler != link.listener else {
                self.findings.error(
                    .selfLink,
                    at: link.at,
                    "`\(link.dialler)` cannot be linked to itself."
                )
                return false
            }
            let ends = Ends(from: link.dialler, to: link.listener, isCarried: link.isCarried)
            guard seen.insert(ends).inserted else {
                self.findings.error(
                    .duplicateLink,
                    at: link.at,
                    "The link \(link.dialler) \(link.isCarried ? ".." : "->") \(link.listener) is "
                        + "there twice."
                )
                return false
            }
            if !link.isCarried, self.nodes[link.listener]?.listens == nil { deaf.append(link) }
            return true
        }
        if !self.draft.hasUnreadNodes { self.tellDeaf(deaf) }
        return links
    }

    private struct Ends: Hashable {
        let from: NodeName
        let to: NodeName
        let isCarried: Bool
    }

    private mutating func hasNodes(_ link: TopologyDraft.Link) -> Bool {
        var isWhole = true
        for name in [link.dialler, link.listener] where self.nodes[name] == nil {
            isWhole = false
            let near = Suggestion.nearest(to: name.text, among: self.nodes.keys.map(\.text))
            self.findings.error(
                .unknownNode,
                at: link.at,
                "No node is called `\(name)`.",
                hint: near.map { "Did you mean `\($0)`?" } ?? "Declare it under `nodes`."
            )
        }
        return isWhole
    }

    /// Links whose listener does not listen.
    private mutating func tellDeaf(_ links: [TopologyDraft.Link]) {
        for (place, links) in Self.byPlace(links, \.at) {
            guard let link = links.first else { continue }
            let turned =
                self.nodes[link.dialler]?.listens == nil
                ? "" : " If \(link.listener) dials, turn the arrow round."
            let more = links.count == 1 ? "" : " So it is with \(links.count - 1) more."
            self.findings.error(
                .notListening,
                at: place,
                "\(link.dialler) dials \(link.listener), which does not listen.\(more)",
                hint: "Give \(link.listener) an address, `listens: \"HOST:PORT\"`.\(turned)"
            )
        }
    }

    /// Nodes without links, and addresses without callers.
    mutating func checkUse(_ links: [TopologyDraft.Link]) {
        let linked = Set(links.flatMap { [$0.dialler, $0.listener] })
        let dialled = Set(links.filter { !$0.isCarried }.map(\.listener))
        let lonely = self.draft.nodes.filter { !linked.contains($0.name) && $0.sends.isEmpty }
        for (place, nodes) in Self.byPlace(lonely, \.at) {
            self.findings.warning(
                .unusedNode,
                at: place,
                "No link leads to \(Self.some(nodes.map(\.name)))."
            )
        }
        // Where an arrow points the wrong way, that is told already.
        let isTurned = links.contains { !$0.isCarried && self.nodes[$0.listener]?.listens == nil }
        let waiting = self.draft.nodes.filter { node in
            !isTurned && linked.contains(node.name) && node.listens != nil
                && !dialled.contains(node.name)
        }
        for (place, nodes) in Self.byPlace(waiting, { $0.listens?.at ?? $0.at }) {
            let isOne = nodes.count == 1
            self.findings.warning(
                .neverDialled,
                at: place,
                "\(Self.some(nodes.map(\.name))) \(isOne ? "listens" : "listen"), and no link "
                    + "dials \(isOne ? "it" : "them").",
                hint: "Leave `listens` out, or turn the arrow of a link round: a port that is "
                    + "not open needs no rule in a firewall."
            )
        }
    }
}
