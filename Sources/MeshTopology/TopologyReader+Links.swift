import MeshModel

extension TopologyReader {
    mutating func readLinks(_ element: Element) {
        if element.isEmpty { return }
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
            guard let link = self.link(element) else {
                self.draft.hasUnreadLinks = true
                continue
            }
            self.draft.links.append(link)
        }
    }

    /// A link in its short form, `a -> b`, or as a table.
    private mutating func link(_ element: Element) -> TopologyDraft.Link? {
        guard case .table(let fields) = element.content else {
            return self.values.text(element, of: "a link").flatMap { self.link($0, at: element.at) }
        }
        guard let keys = self.values.table(element, Self.linkKeys) else { return nil }
        let speed = keys["speed"].flatMap { self.values.speed($0.value) }
        let keepalive = keys["keepalive"].flatMap { self.values.keepalive($0.value) }
        let prefer = keys["prefer"].flatMap { self.values.prefer($0.value) }
        if keys["dial"] == nil, !fields.contains(where: { $0.key == "carry" }) {
            self.values.findings.error(
                .missingKey,
                at: element.at,
                "This link does not say who dials whom.",
                hint: "Write `dial: NODE -> NODE`."
            )
        }
        guard let arrow = keys["dial"]?.value, let text = self.values.text(arrow, of: "a link"),
            var link = self.link(text, at: arrow.at)
        else { return nil }
        link.speed = speed
        link.keepalive = keepalive
        if let prefer { link.prefer = prefer }
        return link
    }

    private mutating func link(_ text: String, at place: Place) -> TopologyDraft.Link? {
        let ends = text.split(separator: "->", omittingEmptySubsequences: false).map { part in
            String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
        }
        guard ends.count == 2, ends.allSatisfy({ !$0.isEmpty }) else {
            self.values.findings.error(
                .invalidLink,
                at: place,
                "`\(text)` is no link.",
                hint: "Write `NODE -> NODE`; the arrow says who dials."
            )
            return nil
        }
        let dialler: NodeName? = self.values.name(ends[0], at: place, of: "a node")
        let listener: NodeName? = self.values.name(ends[1], at: place, of: "a node")
        guard let dialler, let listener else { return nil }
        return TopologyDraft.Link(dialler: dialler, listener: listener, at: place)
    }
}
