package import MeshModel

/// All that one node knows of its mesh besides the public index: its own declarations and its
/// neighbours' addresses.
package struct View: Hashable, Sendable {
    /// The mesh.
    package let mesh: MeshName
    /// The node whose view this is.
    package let node: NodeName
    /// Counts the topologies that the authority has signed; higher is newer.
    package let serial: UInt64
    /// Where the node waits for calls; `nil` when it only dials.
    package let listens: Endpoint?
    /// The directories whose files it sends.
    package let sends: [Source]
    /// Where it lands the flows that it collects.
    package let receives: [FlowName: LandingDeclaration]
    /// The most that its spool may take from the disk.
    package let spool: ByteCount
    /// The nodes that it talks to, ordered by name.
    package let neighbours: [Neighbour]

    /// A directory whose files the node sends, with what the flow says of them.
    package struct Source: Hashable, Sendable {
        /// The flow.
        package let flow: FlowName
        /// The directory; a relative path counts from the home of the node.
        package let path: String
        /// The node that lands the flow.
        package let collector: NodeName
        /// Which file goes first when several wait.
        package let first: FileOrder
        /// When a file counts as complete.
        package let doneWhen: DoneWhen
        /// The number of the cut profile.
        package let profile: UInt32
    }

    /// Where and how a flow lands.
    package struct LandingDeclaration: Hashable, Sendable {
        /// The root that holds `{origin}/{flow}/{path}`; relative paths count from the home.
        package let path: String
        /// What a newer version of a landed file does.
        package let again: LandingAgain
    }

    /// A node at the other end of a link.
    package struct Neighbour: Hashable, Sendable {
        /// Its name.
        package let name: NodeName
        /// Where this node dials it; `nil` when it only calls us.
        package let dial: Endpoint?
    }
}

extension View {
    /// The view of one node of a topology.
    ///
    /// - Throws: ``TopologyError`` with code ``TopologyError/Code/unknownNode``.
    package init(of node: NodeName, in topology: Topology, serial: UInt64) throws(TopologyError) {
        guard let declared = topology.node(node) else {
            throw .unknownNode(node.text, why: "is not declared in the mesh \(topology.mesh)")
        }
        var dials: [NodeName: Endpoint?] = [:]
        for link in topology.links {
            if link.dialler == node {
                dials[link.listener] = .some(topology.node(link.listener)?.listens)
            } else if link.listener == node, dials[link.dialler] == nil {
                dials[link.dialler] = .some(nil)
            }
        }
        self.init(
            mesh: topology.mesh,
            node: node,
            serial: serial,
            listens: declared.listens,
            sends: declared.sends.compactMap { source in
                topology.flow(source.flow).map { flow in
                    Source(
                        flow: flow.name,
                        path: source.path,
                        collector: flow.collector,
                        first: flow.first,
                        doneWhen: flow.doneWhen,
                        profile: flow.profile
                    )
                }
            },
            receives: Dictionary(
                uniqueKeysWithValues: declared.receives.compactMap { name, path in
                    topology.flow(name).map {
                        (name, LandingDeclaration(path: path, again: $0.again))
                    }
                }
            ),
            spool: declared.spool,
            neighbours: dials.map { Neighbour(name: $0, dial: $1) }
                .sorted { $0.name < $1.name }
        )
    }

    /// The same view with every relative path replaced by the one beneath `home`.
    package func resolvingPaths(beneath home: String) -> Self {
        Self(
            mesh: self.mesh,
            node: self.node,
            serial: self.serial,
            listens: self.listens,
            sends: self.sends.map { source in
                Source(
                    flow: source.flow,
                    path: DeclaredPath.resolve(source.path, beneath: home),
                    collector: source.collector,
                    first: source.first,
                    doneWhen: source.doneWhen,
                    profile: source.profile
                )
            },
            receives: self.receives.mapValues { landing in
                LandingDeclaration(
                    path: DeclaredPath.resolve(landing.path, beneath: home),
                    again: landing.again
                )
            },
            spool: self.spool,
            neighbours: self.neighbours
        )
    }
}
