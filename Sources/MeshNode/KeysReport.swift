package import MeshCustody
package import MeshIdentity
package import MeshModel
import MeshTopology

/// Who a home is, and until when it can prove it: the answer to `keys show`.
package struct KeysReport: Hashable, Sendable, Codable {
    /// The node.
    package var node: String
    /// The mesh; absent until it has joined one, unless the request named it.
    package var mesh: String?
    /// One number for both keys, to be compared with what the authority sees.
    package var fingerprint: String
    /// The id of the statement key.
    package var statementKey: String
    /// The fingerprint of the TLS key.
    package var tlsKey: String
    /// How long the TLS certificate lasts.
    package var certificate: StatusReport.Certificate?
    /// The fingerprint of the authority's key.
    package var authority: String?
    /// The serial of index and view.
    package var serial: UInt64?
    /// The fingerprint of keys that follow, when some were made.
    package var next: String?

    /// Looks at a home, whether it has joined or not; no daemon is asked.
    ///
    /// - Throws: What ``Home/open(_:)`` throws; ``NodeError`` with code
    ///   ``NodeError/Code/homeMissing`` if there are no keys.
    package init(home path: String, at now: UnixMilliseconds) throws {
        let paths = HomePaths(path)
        let keys = HomeKeys(paths)
        let home = HomeFiles.exists(paths.view) ? try Home.open(path) : nil
        guard let pair = try keys.current(),
            let node = try home?.node ?? keys.lastRequest()?.node
        else {
            throw NodeError(
                .homeMissing,
                "There are no keys in \(paths.root).",
                hint: "`tributary keys request` makes them; name a home with --home."
            )
        }
        self.node = node.text
        self.mesh = home?.mesh.text
        self.fingerprint = pair.fingerprint.description
        self.statementKey = pair.statement.publicKey.description
        self.tlsKey = pair.tls.fingerprint.description
        self.certificate = home.map { .init(expires: $0.tls.expires, at: now) }
        self.authority = try home.map {
            try AuthorityFingerprint.of(certificatePEM: $0.authorityCertificatePEM).description
        }
        self.serial = home?.index.serial
        self.next = try keys.next()?.fingerprint.description
    }

    /// Writes a request where a person wants it.
    ///
    /// - Throws: ``NodeError`` if it cannot be written.
    package static func write(request: String, to path: String) throws {
        try HomeFiles.replace(path, Array(request.utf8))
    }

    /// Reads a request that a person names.
    ///
    /// - Throws: `IdentityError` with code `request_invalid`; ``NodeError`` if it cannot be read.
    package static func readRequest(_ path: String) throws -> KeyRequest {
        do {
            return try KeyRequest(
                armoured: String(decoding: try HomeFiles.read(path), as: UTF8.self)
            )
        } catch let error as IdentityError {
            throw NodeError(.requestRefused, "\(path): \(error.message)", hint: error.hint)
        }
    }
}
