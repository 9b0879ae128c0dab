import MeshModel

extension TopologyCheck {
    /// Every flow that has a collector.
    mutating func flows() -> [Topology.Flow] {
        var declared = self.draft.flows
        var seen = Set(declared.map(\.name))
        for node in self.draft.nodes {
            let used = node.sends.map { ($0.flow, $0.at) } + node.receives.map { ($0.flow, $0.at) }
            for (flow, place) in used where seen.insert(flow).inserted {
                declared.append(TopologyDraft.Flow(name: flow, at: place))
            }
        }
        return declared.compactMap { self.flow($0) }
    }

    private mutating func flow(_ flow: TopologyDraft.Flow) -> Topology.Flow? {
        let origins = self.draft.nodes.filter { $0.sends.contains { $0.flow == flow.name } }
        if origins.isEmpty, !self.draft.hasUnreadNodes {
            let sent = Set(self.draft.nodes.flatMap { $0.sends.map(\.flow.text) }).sorted()
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
            largest: flow.largest?.value,
            again: flow.again,
            profile: flow.profile,
            digest: flow.digest
        )
    }

    /// The node that names the flow under `receives`, or else the one that receives everything.
    private mutating func collector(of flow: TopologyDraft.Flow) -> NodeName? {
        var candidates = self.draft.nodes.compactMap { node in
            node.receives.first { $0.flow == flow.name }.map { (name: node.name, at: $0.at) }
        }
        if candidates.isEmpty {
            candidates = self.draft.nodes.compactMap { node in
                node.receivesAll.map { (name: node.name, at: $0.at) }
            }
        }
        guard let first = candidates.first?.name else {
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
        for (place, others) in Self.byPlace(candidates.dropFirst(), \.at) {
            self.findings.error(
                .severalCollectors,
                at: place,
                "\(first) and \(Self.some(others.map(\.name))) both receive the flow "
                    + "`\(flow.name)`.",
                hint: "A flow has one collector: name its flows under `receives` at each."
            )
        }
        return first
    }

    /// Files may go only when it is said what has to be true first.
    mutating func checkRelease() {
        let released = Set(self.draft.flows.filter(\.hasRelease).map(\.name))
        for node in self.draft.nodes {
            for source in node.sends where !released.contains(source.flow) {
                guard let removes = source.removes else { continue }
                let word = removes.value == "delete" ? "deleted" : "moved"
                self.findings.error(
                    .noRelease,
                    at: removes.at,
                    "Files of `\(source.flow)` are \(word), and it is not said when that is safe.",
                    hint: "Write `release: landed` or `release: secured` for the flow."
                )
            }
        }
    }
}
