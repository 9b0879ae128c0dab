import Glibc
import MeshIdentity
package import MeshModel
package import MeshTopology

/// Makes the homes of a new mesh.
package enum HomeWriter {
    /// What ``initialise(topology:out:at:)`` has made.
    package struct Written: Sendable {
        /// The directory with the authority's key and certificate.
        package let authority: String
        /// The homes, in the order of the topology.
        package let homes: [(node: NodeName, path: String)]
    }

    /// Makes keys for the authority and every node, signs index and views, and writes a directory
    /// for each beneath `out`.
    ///
    /// Certificates are valid for so many days. With a passphrase the authority's key is sealed. With `authorityOnly` the nodes make their
    /// keys themselves, and join later.
    ///
    /// Everything is written and synced under a temporary name and then renamed, the authority last:
    /// where that is, all is. Nothing that is there is overwritten.
    ///
    /// - Throws: ``NodeError`` with code ``NodeError/Code/homeExists`` if a directory is there.
    package static func initialise(
        topology: Topology,
        out: String,
        authorityOnly: Bool = false,
        passphrase: [UInt8]? = nil,
        days: Int = KeyIssue.daysUsual,
        at now: UnixMilliseconds
    ) throws -> Written {
        let out = HomePaths(out).root
        let written = Written(
            authority: "\(out)/authority",
            homes: authorityOnly ? [] : topology.nodes.map { ($0.name, "\(out)/\($0.name)") }
        )
        guard !topology.nodes.contains(where: { $0.name.text == "authority" }) else {
            throw NodeError(
                .homeExists,
                "A node named `authority` would lie where the authority does.",
                hint: "Give the node another name."
            )
        }
        for path in written.homes.map(\.path) + [written.authority]
        where HomeFiles.exists(path) {
            throw NodeError(
                .homeExists,
                "\(path) is there already, and keys are never overwritten.",
                hint: "Choose another directory with --out, or move it away."
            )
        }

        try HomeFiles.makeDirectories(out)
        let staging = "\(out)/.tributary-init-\(getpid())"
        try HomeFiles.makeDirectory(staging, mode: 0o700)
        let authority = try Authority.create(mesh: topology.mesh, at: now)
        let store = AuthorityStore("\(staging)/authority")
        try store.create(authority, passphrase: passphrase)
        let members = try (authorityOnly ? [] : topology.nodes).map { node in
            Member(
                name: node.name,
                statementKey: StatementKey(),
                tls: try TLSIdentity.issue(
                    node: node.name,
                    mesh: topology.mesh,
                    by: authority,
                    days: days,
                    at: now
                )
            )
        }
        if !members.isEmpty {
            try Self.write(members, of: topology, authority, store, staging, now)
        }

        for home in written.homes {
            try HomeFiles.move("\(staging)/\(home.node)", to: home.path)
        }
        try HomeFiles.syncDirectory(out)
        try HomeFiles.move("\(staging)/authority", to: written.authority)
        rmdir(staging)
        try HomeFiles.syncDirectory(out)
        return written
    }

    /// A node with the keys that were made for it.
    private struct Member {
        let name: NodeName
        let statementKey: StatementKey
        let tls: TLSIdentity
    }

    /// Signs what there is of the members, keeps it with the authority, and writes their homes.
    private static func write(
        _ members: [Member],
        of topology: Topology,
        _ authority: Authority,
        _ store: AuthorityStore,
        _ staging: String,
        _ now: UnixMilliseconds
    ) throws {
        let keys = members.map {
            (
                $0.name,
                PublicIndex.NodeKeys(
                    statement: $0.statementKey.publicKey,
                    tls: $0.tls.fingerprint
                )
            )
        }
        let index = try PublicIndex(
            from: topology,
            keys: Dictionary(keys) { first, _ in first },
            serial: 1,
            at: now
        ).signed(by: authority)
        let certificates = try members.map {
            ($0.name, try TLSCertificate(pem: $0.tls.certificatePEM))
        }
        try store.record(
            index: index,
            certificates: Dictionary(certificates) { first, _ in first }
        )
        for member in members {
            let view = try View(of: member.name, in: topology, serial: 1)
            try Self.write(
                member,
                view: view,
                index: index,
                authority: authority,
                to: HomePaths("\(staging)/\(member.name)")
            )
        }
    }

    private static func write(
        _ member: Member,
        view: View,
        index: [UInt8],
        authority: Authority,
        to paths: HomePaths
    ) throws {
        // The socket's group must get through the home, and nobody else into it.
        try HomeFiles.makeDirectory(paths.root, mode: 0o750)
        try HomeFiles.makeDirectory(paths.keys, mode: 0o700)
        try HomeFiles.makeDirectory(paths.spool, mode: 0o700)
        try PrivateFile.write(paths.tlsKey, Array(member.tls.keyPEM.utf8))
        try PrivateFile.write(paths.statementKey, Array(member.statementKey.pem.utf8))
        try HomeFiles.write(paths.tlsCertificate, Array(member.tls.certificatePEM.utf8))
        try HomeFiles.write(paths.authorityCertificate, Array(authority.certificatePEM.utf8))
        try HomeFiles.write(paths.view, try view.signed(by: authority))
        try HomeFiles.write(paths.index, index)
        try HomeFiles.write(paths.site, Array(SitePermissions.yaml(allowing: view).utf8))
        try HomeFiles.syncDirectory(paths.keys)
        try HomeFiles.syncDirectory(paths.root)
    }
}
