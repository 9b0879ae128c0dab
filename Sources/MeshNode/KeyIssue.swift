package import MeshIdentity
package import MeshModel
package import MeshTopology

/// Issues what the nodes of a mesh join with: certificates for those who ask, and for all a view
/// and the index.
package struct KeyIssue {
    /// Where the authority keeps what it issued.
    package var store: AuthorityStore
    /// The authority.
    package var authority: Authority
    /// What the mesh is to be.
    package var topology: Topology
    /// How long new certificates are valid, from now.
    package var days = Self.daysUsual
    /// Nodes whose keys may change although the old ones do not agree.
    package var replacing: Set<NodeName> = []

    /// Two years: nodes warn for a month before.
    package static let daysUsual = 730
    /// How many TLS keys of a node are accepted: the newest, and the one before it, while not
    /// every neighbour has the new index.
    private static let tlsKeysKept = 2

    /// Gathers what it takes.
    package init(store: AuthorityStore, authority: Authority, topology: Topology) {
        self.store = store
        self.authority = authority
        self.topology = topology
    }

    /// What has become of a node.
    package enum Change: String, Sendable {
        /// It has keys for the first time.
        case new
        /// Same keys, new certificate.
        case renewed
        /// New keys, with the old ones' word for it.
        case rekeyed
        /// New keys without that, because the operator said so.
        case replaced
        /// It did not ask: same keys, same certificate.
        case kept
    }

    /// A node that can join.
    package struct Member: Sendable {
        /// Its name.
        package let node: NodeName
        /// What has become of it.
        package let change: Change
        /// What a person compares with what the node shows.
        package let fingerprint: Digest
        /// The last second in which its certificate is valid.
        package let expires: UnixMilliseconds
        /// Where its join file lies.
        package let file: String
    }

    /// What was issued.
    package struct Issued: Sendable {
        /// The serial of the index and the views.
        package let serial: UInt64
        /// The authority's fingerprint, which a node that joins for the first time asks about.
        package let authority: Digest
        /// The nodes that can join, in the order of the topology.
        package let members: [Member]
        /// Nodes of the topology that have shown no keys yet.
        package let waiting: [NodeName]
        /// Nodes of the last index that the topology has no more.
        package let removed: [NodeName]
    }

    /// Checks everything, signs, keeps what was issued, and writes a join file for every node that
    /// has keys.
    ///
    /// - Parameters:
    ///   - requests: Those of nodes that are new or want a new certificate; may be none.
    ///   - directory: Where to write `NODE.join`; made if need be.
    ///   - now: The time.
    /// - Returns: What was issued.
    /// - Throws: ``NodeError`` with code ``NodeError/Code/requestRefused`` or
    ///   ``NodeError/Code/keyChangeUnproven``; nothing is written then.
    package func issue(
        _ requests: [KeyRequest],
        to directory: String,
        at now: UnixMilliseconds
    ) throws -> Issued {
        let lock = try self.store.lock()
        defer { withExtendedLifetime(lock) {} }
        let last = try self.store.lastIndex(self.authority)
        let byNode = try self.check(requests, last)
        let serial = (last?.serial ?? 0) + 1

        var entries: [PublicIndex.NodeEntry] = []
        var certificates: [NodeName: TLSCertificate] = [:]
        var changes: [NodeName: Change] = [:]
        for node in self.topology.nodes.map(\.name) {
            let old = last?.node(node)
            if let request = byNode[node] {
                let change = try self.change(request, old)
                changes[node] = change
                entries.append(Self.entry(request, old, change, serial))
                certificates[node] = try self.certificate(request, at: now)
            } else if let old, let certificate = try self.store.lastCertificate(of: node) {
                changes[node] = .kept
                entries.append(old)
                certificates[node] = certificate
            } else {
                entries.append(
                    old ?? .init(name: node, statementKeys: [], tlsFingerprints: [])
                )
            }
        }
        let index = try PublicIndex(
            from: self.topology,
            nodes: entries,
            serial: serial,
            at: max(now, last?.signedAt ?? now)
        )
        let indexBytes = try index.signed(by: self.authority)
        let members = try self.members(index, certificates, changes, HomePaths(directory).root)
        let files = try members.map { member in
            let view = try View(of: member.node, in: self.topology, serial: serial)
            let join = JoinFile(
                authorityCertificatePEM: self.authority.certificatePEM,
                certificatePEM: certificates[member.node]?.pem ?? "",
                view: try view.signed(by: self.authority),
                index: indexBytes
            )
            return (member.file, Array(try join.armoured().utf8))
        }
        try HomeFiles.makeDirectories(HomePaths(directory).root)
        try self.store.record(index: indexBytes, certificates: certificates)
        for (path, bytes) in files { try HomeFiles.replace(path, bytes) }
        return Issued(
            serial: serial,
            authority: try AuthorityFingerprint.of(
                certificatePEM: self.authority.certificatePEM
            ),
            members: members,
            waiting: self.topology.nodes.map(\.name).filter { certificates[$0] == nil },
            removed: (last?.nodes ?? []).map(\.name).filter { self.topology.node($0) == nil }
        )
    }

    /// Requests by node, each fit for this mesh.
    private func check(
        _ requests: [KeyRequest],
        _ last: PublicIndex?
    ) throws -> [NodeName: KeyRequest] {
        let mesh = self.topology.mesh
        if let own = last?.mesh ?? self.authority.mesh, own != mesh {
            throw NodeError(
                .requestRefused,
                "The topology is of mesh \(mesh), the authority of \(own).",
                hint: "Name the topology and the authority of one mesh."
            )
        }
        var byNode: [NodeName: KeyRequest] = [:]
        for request in requests {
            if let other = request.mesh, other != mesh {
                throw NodeError(
                    .requestRefused,
                    "The request of \(request.node) is for mesh \(other), not for \(mesh).",
                    hint: "Issue it with the authority of \(other)."
                )
            }
            guard self.topology.node(request.node) != nil else {
                let names = self.topology.nodes.map(\.name.text).prefix(10).joined(separator: ", ")
                throw NodeError(
                    .requestRefused,
                    "The request is of \(request.node), which the topology does not declare.",
                    hint:
                        "It declares: \(names). Declare the node, or have it asked for by its name."
                )
            }
            guard byNode.updateValue(request, forKey: request.node) == nil else {
                throw NodeError(
                    .requestRefused,
                    "There are two requests of \(request.node).",
                    hint: "Give only the one whose fingerprint the node shows."
                )
            }
            // One key for two nodes would let each pass for the other.
            let others = byNode.values.filter { $0.node != request.node }
            let isTaken =
                others.contains {
                    $0.tlsFingerprint == request.tlsFingerprint
                        || $0.statementKey == request.statementKey
                }
                || (last?.nodes ?? []).contains { entry in
                    entry.name != request.node
                        && (entry.tlsFingerprints.contains(request.tlsFingerprint)
                            || entry.statementKeys.contains { $0.key == request.statementKey })
                }
            guard !isTaken else {
                throw NodeError(
                    .requestRefused,
                    "The keys of \(request.node) are those of another node.",
                    hint: "Make keys at each node; never copy a home to make a node of it."
                )
            }
        }
        return byNode
    }

    private func change(_ request: KeyRequest, _ old: PublicIndex.NodeEntry?) throws -> Change {
        guard let old, let key = old.statementKey else { return .new }
        let isSame =
            key == request.statementKey && old.tlsFingerprints.first == request.tlsFingerprint
        if isSame { return .renewed }
        if key == request.statementKey || request.isAgreed(by: key) { return .rekeyed }
        if self.replacing.contains(request.node) { return .replaced }
        throw NodeError(
            .keyChangeUnproven,
            "\(request.node) has other keys than before, and the old ones do not agree to that.",
            hint: "If the node was set up anew, and shows the fingerprint "
                + "\(request.fingerprint), say --replace \(request.node)."
        )
    }

    private static func entry(
        _ request: KeyRequest,
        _ old: PublicIndex.NodeEntry?,
        _ change: Change,
        _ serial: UInt64
    ) -> PublicIndex.NodeEntry {
        let keys = old?.statementKeys ?? []
        let isSame = old?.statementKey == request.statementKey
        let next = PublicIndex.KeyPeriod(
            key: request.statementKey,
            fromSerial: serial,
            toSerial: nil
        )
        // Who replaces keys may have lost them to somebody.
        let kept = change == .replaced ? [] : old?.tlsFingerprints ?? []
        let fingerprints =
            [request.tlsFingerprint] + kept.filter { $0 != request.tlsFingerprint }
        return .init(
            name: request.node,
            statementKeys: isSame ? keys : keys.map { $0.ending(before: serial) } + [next],
            tlsFingerprints: Array(fingerprints.prefix(Self.tlsKeysKept))
        )
    }

    private func certificate(
        _ request: KeyRequest,
        at now: UnixMilliseconds
    ) throws -> TLSCertificate {
        try TLSCertificate(
            pem: try self.authority.issueTLS(
                node: request.node,
                mesh: self.topology.mesh,
                publicKeyDER: request.tlsKeyDER,
                days: self.days,
                at: now
            )
        )
    }

    private func members(
        _ index: PublicIndex,
        _ certificates: [NodeName: TLSCertificate],
        _ changes: [NodeName: Change],
        _ directory: String
    ) throws -> [Member] {
        index.nodes.compactMap { entry in
            guard let certificate = certificates[entry.name], let change = changes[entry.name],
                let key = entry.statementKey
            else { return nil }
            return Member(
                node: entry.name,
                change: change,
                fingerprint: NodeFingerprint.of(statement: key, tls: certificate.fingerprint),
                expires: certificate.expires,
                file: "\(directory)/\(entry.name).join"
            )
        }
    }
}
