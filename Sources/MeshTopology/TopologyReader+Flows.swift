import MeshModel

extension TopologyReader {
    mutating func readFlows(_ flows: Field?) {
        guard let flows else { return }
        for field in self.values.fields(flows.value, of: "`flows`") ?? [] {
            let name = self.values.word(field.key, at: field.at, .word("a flow"))
            guard let keys = self.values.table(field.value, .flow),
                let name = name.flatMap({ FlowName($0) })
            else { continue }
            if let earlier = self.draft.flows.first(where: { $0.name == name }) {
                self.values.twice(field, earlier.at, .duplicateKey)
                continue
            }
            var flow = TopologyDraft.Flow(name: name, at: field.at)
            keys.choose("first", &flow.first)
            keys.choose("backlog", &flow.backlog)
            keys.choose("versions", &flow.versions)
            keys.choose("class", &flow.flowClass)
            keys.choose("again", &flow.again)
            flow.doneWhen = keys.text("done-when").flatMap { DoneWhen($0) } ?? flow.doneWhen
            keys.choose("digest", &flow.digest)
            flow.profile = keys.text("profile").flatMap { UInt32($0) } ?? flow.profile
            flow.largest = keys.placed("largest", ByteCount.init(declared:))
            flow.hasRelease = keys.has("release")
            self.draft.flows.append(flow)
        }
    }
}

extension Fields {
    /// Reads one of the words of an enumeration, if the key is there.
    fileprivate func choose<Choice: RawRepresentable<String>>(
        _ key: String,
        _ choice: inout Choice
    ) {
        if let read = self.text(key).flatMap({ Choice(rawValue: $0) }) { choice = read }
    }
}
