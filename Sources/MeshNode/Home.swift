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

    /// Reads a home and checks every signature in it, that keys, view and index belong together,
    /// and that the site allows what the view declares.
    ///
    /// - Throws: ``NodeError`` with code ``NodeError/Code/homeMissing``,
    ///   ``NodeError/Code/homeInvalid`` or ``NodeError/Code/siteForbids``; `IdentityError` with code
    ///   `private_file_exposed`; `TopologyError` with code `signature_invalid`; `TopologyFindings`
    ///   for `site.yaml`.
    package static func open(_ path: String) throws -> Self {
        let paths = HomePaths(path)
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
            site: try SitePermissions.parse(try Self.text(paths.site), file: paths.site)
                .resolvingPaths(beneath: paths.root)
        )
        try home.checkThatPartsFit()
        try home.checkThatSiteAllows()
        return home
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
        let hint = "Copy the node's whole directory again from where `tributary init` made it."
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

    private func checkThatSiteAllows() throws {
        let findings = self.site.findings(for: self.view)
        guard let first = findings.first else { return }
        throw NodeError(
            .siteForbids,
            findings.map(\.message).joined(separator: " "),
            hint: "\(first.hint ?? "") The file is \(self.paths.site)."
        )
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
