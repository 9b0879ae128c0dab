import Glibc
import MeshIdentity
package import MeshModel
import MeshTopology

/// Installs what the authority issued for this home: verified as a whole first, then all of it or
/// nothing.
///
///     verify ──▶ join.pending written, synced, renamed ──▶ keys, certificates, index, view ──▶ removed
///
/// With the rename it has happened: whoever opens the home after a crash finishes the rest.
package struct HomeJoin: Sendable {
    /// Where the home is.
    package let paths: HomePaths
    /// The home as it will be.
    package let home: Home
    /// What a person compares before this authority is trusted with the home.
    package let authorityFingerprint: Digest
    /// Whether the home knew no mesh before.
    package let isFirst: Bool
    /// The serial that the home had; `nil` for the first.
    package let previousSerial: UInt64?

    private let text: String

    /// Reads a join file and checks it against the home: authority, mesh, node, keys, serial.
    ///
    /// Nothing is written.
    ///
    /// - Parameters:
    ///   - file: Where the join file lies.
    ///   - path: The home.
    ///   - now: The time to judge the certificate by.
    /// - Throws: ``NodeError`` with code ``NodeError/Code/authorityChanged``,
    ///   ``NodeError/Code/joinOutdated`` or ``NodeError/Code/wrongNode``; `IdentityError` with code
    ///   `join_invalid`; `TopologyError` with code `signature_invalid`.
    package init(file: String, home path: String, at now: UnixMilliseconds) async throws {
        let paths = HomePaths(path)
        try Self.finish(paths)
        let text = String(decoding: try HomeFiles.read(file), as: UTF8.self)
        let join = try JoinFile(armoured: text)
        let authority = try StatementPublicKey(certificatePEM: join.authorityCertificatePEM)
        let before = HomeFiles.exists(paths.view) ? try Home.open(path) : nil
        if let before, before.authorityKey != authority {
            throw NodeError(
                .authorityChanged,
                "\(file) comes from another authority than the one that \(paths.root) trusts.",
                hint: "A home belongs to one mesh. Make another with `tributary keys request`."
            )
        }
        let view = try View(verifying: join.view, authority: authority)
        let index = try PublicIndex(verifying: join.index, authority: authority)
        let asked = try HomeKeys(paths).lastRequest()
        if let own = before?.node ?? asked?.node, own != view.node {
            throw NodeError(
                .wrongNode,
                "\(file) is for \(view.node); \(paths.root) is the home of \(own).",
                hint: "Join with \(own).join."
            )
        }
        if let before, (before.index.serial, before.view.serial) > (index.serial, view.serial) {
            throw NodeError(
                .joinOutdated,
                "\(file) has serial \(index.serial); the home has \(before.index.serial) already.",
                hint: "Join with the file that was issued last."
            )
        }
        let keys = try Self.keys(of: paths, join, index.node(view.node))
        let home = try Home(
            paths: paths,
            join: join,
            keys: keys,
            site: HomeFiles.exists(paths.site)
                ? try Home.site(paths)
                : try SitePermissions.parse(SitePermissions.yaml(allowing: view), file: paths.site)
        )
        try await home.checkCertificate(at: max(now, index.signedAt))
        self.paths = paths
        self.home = home
        self.authorityFingerprint = try AuthorityFingerprint.of(
            certificatePEM: join.authorityCertificatePEM
        )
        self.isFirst = before == nil
        self.previousSerial = before?.index.serial
        self.text = text
    }

    /// Takes it over: when this returns it is durable.
    ///
    /// - Throws: ``NodeError`` if a file cannot be written.
    package func install() throws {
        try HomeFiles.requireOwner(self.paths.root)
        let lock = try DirectoryLock(self.paths.root)
        defer { withExtendedLifetime(lock) {} }
        try HomeFiles.replace(self.paths.pendingJoin, Array(self.text.utf8))
        try Self.apply(self.paths)
    }

    /// Finishes what a crash has left half done.
    static func finish(_ paths: HomePaths) throws {
        guard HomeFiles.exists(paths.pendingJoin) else { return }
        let lock = try DirectoryLock(paths.root)
        defer { withExtendedLifetime(lock) {} }
        guard HomeFiles.exists(paths.pendingJoin) else { return }
        try Self.apply(paths)
    }

    /// Each step may have been done before.
    private static func apply(_ paths: HomePaths) throws {
        let text = String(decoding: try HomeFiles.read(paths.pendingJoin), as: UTF8.self)
        let join = try JoinFile(armoured: text)
        let authority = try StatementPublicKey(certificatePEM: join.authorityCertificatePEM)
        let view = try View(verifying: join.view, authority: authority)
        let index = try PublicIndex(verifying: join.index, authority: authority)
        if let next = try HomeKeys(paths).next() {
            if next.tls.fingerprint == (try TLSCertificate(pem: join.certificatePEM)).fingerprint {
                try HomeFiles.replaceByMoving(paths.nextTLSKey, to: paths.tlsKey)
            }
            if next.statement.publicKey == index.node(view.node)?.statementKey {
                try HomeFiles.replaceByMoving(paths.nextStatementKey, to: paths.statementKey)
            }
        }
        try HomeFiles.replace(
            paths.authorityCertificate,
            Array(join.authorityCertificatePEM.utf8)
        )
        try HomeFiles.replace(paths.tlsCertificate, Array(join.certificatePEM.utf8))
        try HomeFiles.replace(paths.index, join.index)
        if !HomeFiles.exists(paths.site) {
            try HomeFiles.write(paths.site, Array(SitePermissions.yaml(allowing: view).utf8))
        }
        try HomeFiles.replace(paths.view, join.view)
        try HomeFiles.remove(paths.pendingJoin)
    }

    /// The keys of the home that the file is for.
    private static func keys(
        of paths: HomePaths,
        _ join: JoinFile,
        _ entry: PublicIndex.NodeEntry?
    ) throws -> HomeKeys.Pair {
        let fingerprint = try TLSCertificate(pem: join.certificatePEM).fingerprint
        let keys = HomeKeys(paths)
        let pairs = try [keys.current(), keys.next()].compactMap { $0 }
        guard !pairs.isEmpty else {
            throw NodeError(
                .homeMissing,
                "\(paths.root) has no keys that could join.",
                hint: "Make them here with `tributary keys request`, and have them issued."
            )
        }
        guard let tls = pairs.first(where: { $0.tls.fingerprint == fingerprint })?.tls,
            let statement = pairs.first(where: { $0.statement.publicKey == entry?.statementKey })?
                .statement
        else {
            throw NodeError(
                .wrongNode,
                "The file was issued for other keys than those in \(paths.keys).",
                hint: "Have the request issued that `tributary keys request` writes here."
            )
        }
        return HomeKeys.Pair(tls: tls, statement: statement)
    }
}
