import MeshModel

extension TopologyReader {
    mutating func readLinks(_ links: Field?) {
        guard let element = links?.value, !element.isEmpty else { return }
        guard case .list(let elements) = element.content else {
            self.values.wrongShape(
                element,
                "`links` is a list.",
                hint: "Write a line such as `- buoy-7 -> dmz` each."
            )
            self.draft.hasUnreadLinks = true
            return
        }
        for element in elements {
            guard let links = self.links(element) else {
                self.draft.hasUnreadLinks = true
                continue
            }
            guard self.draft.links.count + links.count <= Self.linksMax else {
                self.draft.hasUnreadLinks = true
                self.values.findings.error(
                    .tooLarge,
                    at: element.at,
                    "A topology has at most \(Self.linksMax) links."
                )
                return
            }
            self.draft.links += links
        }
    }

    /// Links in their short form, `a -> b`, or as a table.
    private mutating func links(_ element: Element) -> [TopologyDraft.Link]? {
        guard case .table = element.content else {
            return self.values.text(element, of: "a link", .dial).flatMap { text in
                LinkEnds(text, mark: "->")?.pairs.map {
                    TopologyDraft.Link(dialler: $0, listener: $1, at: element.at)
                }
            }
        }
        guard let keys = self.values.table(element, .link) else { return nil }
        if keys.has("by"), !keys.has("carry"), let place = keys["by"]?.at {
            self.values.findings.error(
                .missingKey,
                at: place,
                "`by` is for couriers, and this link has no `carry`.",
                hint: "Write `carry: NODE .. NODE`, or leave `by` out."
            )
        }
        if keys.has("carry"), keys.has("dial") {
            self.values.findings.error(
                .invalidLink,
                at: element.at,
                "This link has both `dial` and `carry`.",
                hint: "Make two links of it."
            )
        }
        guard keys.has("dial") || keys.has("carry") else {
            self.values.findings.error(
                .missingKey,
                at: element.at,
                "This link does not say who dials whom.",
                hint: "Write `dial: NODE -> NODE`."
            )
            return nil
        }
        let isCarried = !keys.has("dial")
        guard let ends = keys[isCarried ? "carry" : "dial"]?.value,
            case .text(let text) = ends.content
        else { return nil }
        return LinkEnds(text, mark: isCarried ? " .. " : "->")?.pairs.map { one, other in
            TopologyDraft.Link(
                dialler: one,
                listener: other,
                at: ends.at,
                speed: keys.placed("speed", LineSpeed.init(declared:)),
                keepalive: keys.placed("keepalive", Keepalive.init(declared:))?.value,
                prefer: keys.text("prefer").flatMap { UInt32($0) }
                    ?? Topology.Link.preferByDefault,
                isCarried: isCarried
            )
        }
    }
}
