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
    package fileprivate(set) var sends: [Source]
    /// Where it lands the flows that it collects.
    package fileprivate(set) var receives: [FlowName: LandingDeclaration]
    /// The most that its spool may take from the disk.
    package fileprivate(set) var spool: ByteCount
    /// How much of the spool released blobs may keep.
    package fileprivate(set) var cache: ByteCount
    /// The most that the spool holds for one origin; `nil` sets no bound.
    package let quotaPerOrigin: ByteCount?
    /// The most that the spool holds of what one neighbour gave; `nil` sets no bound.
    package let quotaPerNeighbour: ByteCount?
    /// The nodes that it talks to, ordered by name.
    package let neighbours: [Neighbour]

    /// A directory whose files the node sends, with what the flow says of them.
    package struct Source: Hashable, Sendable {
        /// The flow.
        package let flow: FlowName
        /// The directory; a relative path counts from the home of the node.
        package fileprivate(set) var path: String
        /// The node that lands the flow.
        package let collector: NodeName
        /// Which file goes first when several wait.
        package let first: FileOrder
        /// When a file counts as complete.
        package let doneWhen: DoneWhen
        /// Whether files that were there when the source was first seen go after those that came
        /// since.
        package let backlogLast: Bool
        /// Whether a newer version of a path supersedes older ones that are still on their way.
        package let latestOnly: Bool
        /// The class of its parcels, from 1, the most urgent, to 3.
        package let parcelClass: UInt8
        /// The longest file that the flow takes; `nil` sets no bound.
        package let largest: ByteCount?
        /// The number of the cut profile.
        package let profile: UInt32
        /// How digests of its files are made.
        package let digest: DigestAlgorithm
        /// Whether long files are copied into the spool; see ``Topology/Source/isCopied``.
        package let isCopied: Bool
    }

    /// Where and how a flow lands.
    package struct LandingDeclaration: Hashable, Sendable {
        /// The root that holds `{origin}/{flow}/{path}`; relative paths count from the home.
        package let path: String
        /// What a newer version of a landed file does.
        package let again: LandingAgain
        /// Whether long files are kept in the spool too; see ``Topology/Landing/isCopied``.
        package let isCopied: Bool
    }

    /// A node at the other end of a link.
    package struct Neighbour: Hashable, Sendable {
        /// Its name.
        package let name: NodeName
        /// Where this node dials it; `nil` when it only calls us.
        package let dial: Endpoint?
        /// How fast the line is; `nil` when the topology does not say.
        package let speed: LineSpeed?
        /// How silent calls are kept alive; only the node that dialled asks.
        package let keepalive: Keepalive
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
        self.init(
            mesh: topology.mesh,
            node: node,
            serial: serial,
            listens: declared.listens,
            sends: declared.sends.compactMap { source in
                topology.flow(source.flow).map { Source(source, of: $0) }
            },
            receives: Dictionary(
                uniqueKeysWithValues: declared.receives.compactMap { name, landing in
                    topology.flow(name).map {
                        (name, LandingDeclaration(landing, of: $0))
                    }
                }
            ),
            spool: declared.spool,
            cache: declared.cache,
            quotaPerOrigin: declared.quotaPerOrigin,
            quotaPerNeighbour: declared.quotaPerNeighbour,
            neighbours: Self.neighbours(of: node, in: topology)
        )
    }

    private static func neighbours(of node: NodeName, in topology: Topology) -> [Neighbour] {
        var neighbours: [NodeName: Neighbour] = [:]
        for link in topology.links where link.listener == node {
            neighbours[link.dialler] = Neighbour(
                name: link.dialler,
                dial: nil,
                speed: link.speed,
                keepalive: link.keepalive
            )
        }
        // Where both dial, what is said of our own calls counts for us.
        for link in topology.links where link.dialler == node {
            neighbours[link.listener] = Neighbour(
                name: link.listener,
                dial: topology.node(link.listener)?.listens,
                speed: link.speed ?? neighbours[link.listener]?.speed,
                keepalive: link.keepalive
            )
        }
        return neighbours.values.sorted { $0.name < $1.name }
    }

    /// The same view with every relative path replaced by the one beneath `home`.
    package func resolvingPaths(beneath home: String) -> Self {
        var view = self
        for index in view.sends.indices {
            view.sends[index].path = DeclaredPath.resolve(view.sends[index].path, beneath: home)
        }
        view.receives = self.receives.mapValues { landing in
            LandingDeclaration(
                path: DeclaredPath.resolve(landing.path, beneath: home),
                again: landing.again,
                isCopied: landing.isCopied
            )
        }
        return view
    }
}

extension View {
    /// The same view with a spool that takes no more than a site allows.
    package func limitingSpool(to ceiling: ByteCount?) -> Self {
        guard let ceiling, ceiling < self.spool else { return self }
        var view = self
        view.spool = ceiling
        view.cache = min(view.cache, ceiling)
        return view
    }
}

extension View.LandingDeclaration {
    fileprivate init(_ landing: Topology.Landing, of flow: Topology.Flow) {
        self.init(path: landing.path, again: flow.again, isCopied: landing.isCopied)
    }
}

extension View.Source {
    fileprivate init(_ source: Topology.Source, of flow: Topology.Flow) {
        self.init(
            flow: flow.name,
            path: source.path,
            collector: flow.collector,
            first: flow.first,
            doneWhen: flow.doneWhen,
            backlogLast: flow.backlog == .last,
            latestOnly: flow.versions == .latest,
            parcelClass: flow.flowClass.number,
            largest: flow.largest,
            profile: flow.profile,
            digest: flow.digest,
            isCopied: source.isCopied
        )
    }
}
