package import MeshIdentity
package import MeshModel

/// What every node may know of the mesh: names, keys, flows and links, but no addresses or paths.
///
/// The authority signs the RFC 9162 root over its entries, so that a later version can hand out
/// single entries with their path. A value that exists refers to declared nodes only.
package struct PublicIndex: Sendable {
    /// The mesh.
    package let mesh: MeshName
    /// Counts the topologies that the authority has signed; higher is newer.
    package let serial: UInt64
    /// When the authority signed it; no clock of the mesh may be earlier.
    package let signedAt: UnixMilliseconds
    /// The nodes, in the order of the index.
    package let nodes: [NodeEntry]
    /// The flows, in the order of the index.
    package let flows: [FlowEntry]
    /// The links, in the order of the index.
    package let links: [LinkEntry]

    private let nodesByName: [NodeName: NodeEntry]
    private let flowsByName: [FlowName: FlowEntry]
    private let routes: Routes

    /// Gathers an index and checks that its entries fit together.
    init(
        mesh: MeshName,
        serial: UInt64,
        signedAt: UnixMilliseconds,
        nodes: [NodeEntry],
        flows: [FlowEntry],
        links: [LinkEntry]
    ) throws(TopologyError) {
        self.mesh = mesh
        self.serial = serial
        self.signedAt = signedAt
        self.nodes = nodes
        self.flows = flows
        self.links = links
        self.nodesByName = Dictionary(nodes.map { ($0.name, $0) }) { first, _ in first }
        self.flowsByName = Dictionary(flows.map { ($0.name, $0) }) { first, _ in first }
        self.routes = Routes(
            nodes: nodes.map(\.name),
            links: links.map { ($0.dialler, $0.listener, $0.prefer) }
        )
        guard self.nodesByName.count == nodes.count, self.flowsByName.count == flows.count else {
            throw .malformed("index", "a name is there twice")
        }
        let named =
            flows.flatMap { $0.origins + [$0.collector] }
            + links.flatMap { [$0.dialler, $0.listener] }
        if let stranger = named.first(where: { self.nodesByName[$0] == nil }) {
            throw .malformed("index", "\(stranger) is no node of it")
        }
    }

    /// The index of a topology whose nodes have these keys and no others before.
    ///
    /// - Throws: ``TopologyError`` with code ``TopologyError/Code/unknownNode`` if a node has none.
    package init(
        from topology: Topology,
        keys: [NodeName: NodeKeys],
        serial: UInt64,
        at time: UnixMilliseconds
    ) throws(TopologyError) {
        var nodes: [NodeEntry] = []
        for node in topology.nodes {
            guard let keys = keys[node.name] else {
                throw .unknownNode(node.name.text, why: "has no keys")
            }
            nodes.append(NodeEntry(name: node.name, keys: keys, serial: serial))
        }
        try self.init(from: topology, nodes: nodes, serial: serial, at: time)
    }

    /// The index of a topology whose nodes have these entries.
    ///
    /// - Throws: ``TopologyError`` with code ``TopologyError/Code/malformed`` if the entries are
    ///   not those of the topology's nodes.
    package init(
        from topology: Topology,
        nodes: [NodeEntry],
        serial: UInt64,
        at time: UnixMilliseconds
    ) throws(TopologyError) {
        try self.init(
            mesh: topology.mesh,
            serial: serial,
            signedAt: time,
            nodes: nodes,
            flows: topology.flows.map {
                FlowEntry(
                    name: $0.name,
                    origins: $0.origins,
                    collector: $0.collector,
                    first: $0.first,
                    latestOnly: $0.versions == .latest,
                    parcelClass: $0.flowClass.number
                )
            },
            links: topology.links.map {
                LinkEntry(dialler: $0.dialler, listener: $0.listener, prefer: $0.prefer)
            }
        )
    }
}

extension PublicIndex {
    /// The keys that a node shows to others.
    package struct NodeKeys: Hashable, Sendable {
        /// What its statements verify with.
        package let statement: StatementPublicKey
        /// The fingerprint of its TLS key: SHA-256 of SubjectPublicKeyInfo.
        package let tls: Digest

        /// Gathers the keys of a node.
        package init(statement: StatementPublicKey, tls: Digest) {
            self.statement = statement
            self.tls = tls
        }
    }

    /// A node and the keys that are its own.
    package struct NodeEntry: Hashable, Sendable {
        /// Its name.
        package let name: NodeName
        /// Its statement keys; old ones stay listed, since what they signed stays true.
        package let statementKeys: [KeyPeriod]
        /// The TLS keys that it may show: that of its newest certificate first.
        package let tlsFingerprints: [Digest]

        /// Gathers an entry.
        package init(name: NodeName, statementKeys: [KeyPeriod], tlsFingerprints: [Digest]) {
            self.name = name
            self.statementKeys = statementKeys
            self.tlsFingerprints = tlsFingerprints
        }

        /// A node with its first keys.
        package init(name: NodeName, keys: NodeKeys, serial: UInt64) {
            self.init(
                name: name,
                statementKeys: [KeyPeriod(key: keys.statement, fromSerial: serial, toSerial: nil)],
                tlsFingerprints: [keys.tls]
            )
        }

        /// The statement key that is in use; `nil` for a node that has shown none yet.
        package var statementKey: StatementPublicKey? {
            self.statementKeys.last { $0.toSerial == nil }?.key
        }
    }

    /// A statement key and the serials of the topologies under which it signs.
    package struct KeyPeriod: Hashable, Sendable {
        /// The key.
        package let key: StatementPublicKey
        /// The first serial.
        package let fromSerial: UInt64
        /// The last serial; `nil` while the key is in use.
        package let toSerial: UInt64?

        /// Gathers a period.
        package init(key: StatementPublicKey, fromSerial: UInt64, toSerial: UInt64?) {
            self.key = key
            self.fromSerial = fromSerial
            self.toSerial = toSerial
        }

        /// The same period, over before a serial.
        package func ending(before serial: UInt64) -> Self {
            Self(
                key: self.key,
                fromSerial: self.fromSerial,
                toSerial: self.toSerial ?? serial - 1
            )
        }
    }

    /// A flow and the nodes at its ends.
    package struct FlowEntry: Hashable, Sendable {
        /// Its name.
        package let name: FlowName
        /// The nodes that may send it.
        package let origins: [NodeName]
        /// The node that lands it.
        package let collector: NodeName
        /// Which of its parcels goes first at every hop.
        package let first: FileOrder
        /// Whether a newer version of a path supersedes older ones that are still on their way.
        package let latestOnly: Bool
        /// The class of its parcels, from 1, the most urgent, to 3.
        package let parcelClass: UInt8
    }

    /// Two nodes that may talk.
    package struct LinkEntry: Hashable, Sendable {
        /// The node that opens calls.
        package let dialler: NodeName
        /// The node that is called.
        package let listener: NodeName
        /// What a way over the link costs; the usual is 100.
        package let prefer: UInt32
    }
}

extension PublicIndex {
    /// The statement key of a node with that key id, whether still in use or not.
    package func statementKey(_ node: NodeName, _ keyID: [UInt8]) -> StatementPublicKey? {
        self.nodesByName[node]?.statementKeys.first { $0.key.keyID == keyID }?.key
    }

    /// The TLS keys that a node may show; empty for a stranger.
    package func tlsFingerprints(of node: NodeName) -> Set<Digest> {
        Set(self.nodesByName[node]?.tlsFingerprints ?? [])
    }

    /// The flow of that name.
    package func flow(_ name: FlowName) -> FlowEntry? { self.flowsByName[name] }

    /// What the index says of a node; `nil` for a stranger.
    package func node(_ name: NodeName) -> NodeEntry? { self.nodesByName[name] }

    /// Whether the index declares a node of that name.
    package func declares(_ node: NodeName) -> Bool { self.nodesByName[node] != nil }

    /// The nodes that a node is linked to, whoever dials.
    package func neighbours(of node: NodeName) -> Set<NodeName> {
        self.routes.neighbours(of: node)
    }

    /// Where a node may hand on what is meant for another, best first.
    ///
    /// By the least sum of `prefer` over the links of a way that does not come back here, the link
    /// to the neighbour included; equal ones by the number of links, then by name.
    /// O((nodes + links) × log nodes): keep the answer for as long as the index stays.
    package func nextHops(from node: NodeName, to target: NodeName) -> [NodeName] {
        self.routes.nextHops(from: node, to: target)
    }

    /// Whether the links allow that something of `origin` comes to `me` from `neighbour`.
    ///
    /// That is, whether a way without repetition leads from `origin` over … and `neighbour`
    /// straight to `me`. O(nodes + links); ``origins(through:to:)`` answers for all origins.
    package func hasWay(
        from origin: NodeName,
        through neighbour: NodeName,
        to me: NodeName
    ) -> Bool {
        self.origins(through: neighbour, to: me).contains(origin)
    }

    /// Every node whose parcels may come to `me` from `neighbour`; empty if these are not linked.
    ///
    /// O(nodes + links): compute it once for each neighbour, and again when the index changes.
    package func origins(through neighbour: NodeName, to me: NodeName) -> Set<NodeName> {
        guard self.routes.neighbours(of: me).contains(neighbour) else { return [] }
        return self.routes.reached(from: neighbour, without: me)
    }
}
