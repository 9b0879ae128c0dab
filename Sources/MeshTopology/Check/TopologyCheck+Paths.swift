import MeshModel

extension TopologyCheck {
    /// Directories of one node that get in each other's way.
    mutating func checkPaths(_ flows: [Topology.Flow]) {
        let collected = Dictionary(grouping: flows, by: \.collector)
        for node in self.draft.nodes {
            self.checkSources(node)
            guard let flows = collected[node.name] else { continue }
            self.checkLandings(flows, at: node)
            self.checkRound(node, flows)
        }
    }

    /// Two flows that send the same files.
    private mutating func checkSources(_ node: TopologyDraft.Node) {
        for (index, source) in node.sends.enumerated() {
            guard let path = source.path else { continue }
            for other in node.sends[..<index] {
                guard let otherPath = other.path else { continue }
                let (inner, outer) =
                    DeclaredPath.isPath(path, atOrBeneath: otherPath)
                    ? (source, other) : (other, source)
                guard let innerPath = inner.path, let outerPath = outer.path,
                    DeclaredPath.isPath(innerPath, atOrBeneath: outerPath)
                else { continue }
                self.findings.warning(
                    .sourcesOverlap,
                    at: source.at,
                    "Files in \(innerPath) are sent twice: in `\(other.flow)` and in "
                        + "`\(source.flow)`."
                )
            }
        }
    }

    /// Files of two flows that would land on one path.
    private mutating func checkLandings(_ flows: [Topology.Flow], at node: TopologyDraft.Node) {
        for flow in flows {
            guard let root = node.landing(of: flow.name)?.path else { continue }
            for other in flows where other.name != flow.name {
                guard let inner = node.receives.first(where: { $0.flow == other.name }),
                    let rest = DeclaredPath.components(of: inner.path, beneath: root),
                    let origin = rest.first, flow.origins.contains(where: { $0.text == origin })
                else { continue }
                let collides =
                    rest.count > 1
                    ? rest[1] == flow.name.text
                    : other.origins.contains { $0.text == flow.name.text }
                guard collides else { continue }
                self.findings.error(
                    .landingsOverlap,
                    at: inner.at,
                    "`\(other.name)` lands in \(inner.path), among the files of `\(flow.name)` "
                        + "from \(origin): two files could land on one path.",
                    hint: "Files land as `{origin}/{flow}/{path}`: give both flows the same root, "
                        + "or roots apart."
                )
            }
        }
    }

    /// What lands and is sent on from where it landed.
    private mutating func checkRound(_ node: TopologyDraft.Node, _ flows: [Topology.Flow]) {
        for source in node.sends {
            guard let path = source.path else { continue }
            let landing = flows.first { flow in
                (node.landing(of: flow.name)?.path).map {
                    DeclaredPath.isPath(path, atOrBeneath: $0)
                        || DeclaredPath.isPath($0, atOrBeneath: path)
                } ?? false
            }
            guard let landing else { continue }
            self.findings.warning(
                .sourceIsLanding,
                at: source.at,
                "\(node.name) sends in `\(source.flow)` what lands in `\(landing.name)`.",
                hint: "If that is not meant, keep sources and landings apart."
            )
        }
    }
}
