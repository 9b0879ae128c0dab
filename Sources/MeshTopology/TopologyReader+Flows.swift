import MeshModel

extension TopologyReader {
    mutating func readFlows(_ element: Element) {
        for field in self.values.fields(element, of: "`flows`") ?? [] {
            let name: FlowName? = self.values.name(field.key, at: field.at, of: "a flow")
            guard let keys = self.values.table(field.value, Self.flowKeys) else { continue }
            guard let name else { continue }
            var flow = TopologyDraft.Flow(name: name, at: field.at)
            self.choose(keys["first"], &flow.first)
            self.choose(keys["backlog"], &flow.backlog)
            self.choose(keys["versions"], &flow.versions)
            self.choose(keys["class"], &flow.flowClass)
            self.choose(keys["again"], &flow.again, later: ["version", "refuse"])
            if let read = keys["done-when"].flatMap({ self.values.doneWhen($0.value) }) {
                flow.doneWhen = read
            }
            if let read = keys["largest"].flatMap({
                self.values.size($0.value, of: "a largest file", min: .kibibytes(1))
            }) {
                flow.largest = read
            }
            if let read = keys["profile"].flatMap({ self.values.profile($0.value) }) {
                flow.profile = read
            }
            self.draft.flows.append(flow)
        }
    }

    private mutating func choose<Choice: RawRepresentable<String> & CaseIterable>(
        _ field: Field?,
        _ choice: inout Choice,
        later: [String] = []
    ) {
        if let field, let read = self.values.choice(field, later: later, as: Choice.self) {
            choice = read
        }
    }
}
