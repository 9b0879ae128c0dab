import Glibc
package import MeshIdentity
package import MeshModel
package import MeshTopology

/// A node's home directory, read and verified: who the node is and what it is to do.
package struct Home: Sendable {
    /// Where things lie.
    package let paths: HomePaths
    /// What the node shows in TLS handshakes.
    package let tls: TLSIdentity
    /// What it signs openings and statements with.
    package let statementKey: StatementKey
    /// The certificate of the mesh's authority.
    package let authorityCertificatePEM: String
    /// What the authority's signatures verify with.
    package let authorityKey: StatementPublicKey
    /// What the authority declares for this node; its paths are absolute.
    package let view: View
    /// What the authority lets everybody know.
    package let index: PublicIndex
    /// The index as it is passed on, with its signature.
    package let indexBytes: [UInt8]
    /// What the site's administrator allows; its paths are absolute.
    package let site: SitePermissions

    /// This node's name.
    package var node: NodeName { self.view.node }
    /// The mesh that it is of.
    package var mesh: MeshName { self.view.mesh }

    /// What the node may do: the view, with no more spool than the site allows.
    package var effectiveView: View { self.view.limitingSpool(to: self.site.spool) }
    /// What the view asks for and the site forbids; none of it is done.
    package var forbidden: [Finding] { self.site.findings(for: self.view) }

    /// Reads a home and checks every signature in it, and that keys, view and index belong together.
    ///
    /// A join that a crash has left half done is finished first.
    ///
    /// - Throws: ``NodeError`` with code ``NodeError/Code/homeMissing`` or
    ///   ``NodeError/Code/homeInvalid``; `IdentityError` with code `private_file_exposed`;
    ///   `TopologyError` with code `signature_invalid`; `TopologyFindings` for `site.yaml`.
    package static func open(_ path: String) throws -> Self {
        let paths = HomePaths(path)
        try HomeJoin.finish(paths)
        let authorityPEM = try Self.text(paths.authorityCertificate)
        let authorityKey = try StatementPublicKey(certificatePEM: authorityPEM)
        let indexBytes = try HomeFiles.read(paths.index)
        let home = Self(
            paths: paths,
            tls: try TLSIdentity(
                keyPEM: try Self.privateText(paths.tlsKey),
                certificatePEM: try Self.text(paths.tlsCertificate)
            ),
            statementKey: try StatementKey(pem: try Self.privateText(paths.statementKey)),
            authorityCertificatePEM: authorityPEM,
            authorityKey: authorityKey,
            view: try View(verifying: try HomeFiles.read(paths.view), authority: authorityKey)
                .resolvingPaths(beneath: paths.root),
            index: try PublicIndex(verifying: indexBytes, authority: authorityKey),
            indexBytes: indexBytes,
            site: try Self.site(paths)
        )
        try home.checkThatPartsFit()
        return home
    }

    /// Reads what the site's administrator allows.
    static func site(_ paths: HomePaths) throws -> SitePermissions {
        try SitePermissions.parse(try Self.text(paths.site), file: paths.site)
            .resolvingPaths(beneath: paths.root)
    }

    /// Checks the TLS certificate as a neighbour will.
    ///
    /// Apart from ``open(_:)`` because its outcome depends on the clock: a node whose clock is wrong,
    /// or whose certificate has expired, should say so and run on.
    ///
    /// - Throws: `IdentityError` with code `certificate_expired` or `certificate_refused`.
    package func checkCertificate(at time: UnixMilliseconds) async throws {
        let check = try PeerCheck(
            authorityCertificatePEM: self.authorityCertificatePEM,
            mesh: self.mesh
        )
        let peer = try await check.check(chainDER: [self.tls.certificateDER], at: time)
        guard peer.name == self.node else {
            throw NodeError(
                .homeInvalid,
                "The TLS certificate is that of \(peer.name), not of \(self.node)."
            )
        }
    }

    private func checkThatPartsFit() throws {
        let hint =
            "Join again with the file that the authority issued last, or copy the node's whole "
            + "directory from where `tributary init` made it."
        guard self.view.mesh == self.index.mesh else {
            throw NodeError(
                .homeInvalid,
                "The view is of mesh \(self.view.mesh), the index of \(self.index.mesh).",
                hint: hint
            )
        }
        guard self.index.declares(self.node), self.view.serial <= self.index.serial else {
            throw NodeError(
                .homeInvalid,
                "The index (serial \(self.index.serial)) is too old for the view of \(self.node) "
                    + "(serial \(self.view.serial)).",
                hint: hint
            )
        }
        let key = self.statementKey.publicKey
        guard self.index.statementKey(self.node, key.keyID) == key else {
            throw NodeError(
                .homeInvalid,
                "The index does not list statement key \(key) for \(self.node).",
                hint: hint
            )
        }
        guard self.index.tlsFingerprints(of: self.node).contains(self.tls.fingerprint) else {
            throw NodeError(
                .homeInvalid,
                "The index does not list the TLS key of \(self.node).",
                hint: hint
            )
        }
    }

    private static func text(_ path: String) throws -> String {
        let bytes = try HomeFiles.read(path)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw NodeError(.homeInvalid, "\(path) is not text.")
        }
        return text
    }

    private static func privateText(_ path: String) throws -> String {
        guard access(path, F_OK) == 0 else { throw HomeFiles.failed("open", path) }
        return String(decoding: try PrivateFile.read(path), as: UTF8.self)
    }
}

extension Home {
    /// The home that a join would make, checked as ``open(_:)`` does.
    init(
        paths: HomePaths,
        join: JoinFile,
        keys: HomeKeys.Pair,
        site: SitePermissions
    ) throws {
        let authority = try StatementPublicKey(certificatePEM: join.authorityCertificatePEM)
        self.init(
            paths: paths,
            tls: try TLSIdentity(keyPEM: keys.tls.pem, certificatePEM: join.certificatePEM),
            statementKey: keys.statement,
            authorityCertificatePEM: join.authorityCertificatePEM,
            authorityKey: authority,
            view: try View(verifying: join.view, authority: authority)
                .resolvingPaths(beneath: paths.root),
            index: try PublicIndex(verifying: join.index, authority: authority),
            indexBytes: join.index,
            site: site.resolvingPaths(beneath: paths.root)
        )
        try self.checkThatPartsFit()
    }
}
