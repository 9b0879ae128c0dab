import Glibc
package import MeshIdentity
import MeshModel
import MeshTopology

/// The directory where an authority lives: its key, its certificate, and what it issued last.
///
///     authority.key         private, as PEM or under a passphrase
///     authority.crt
///     index.signed          the newest index: serial and keys of all nodes
///     certificates/NODE.crt the newest TLS certificate of each node
package struct AuthorityStore: Sendable {
    /// The directory, absolute.
    package let path: String

    /// Names a directory; nothing is read.
    package init(_ path: String) { self.path = HomePaths(path).root }

    private var key: String { "\(self.path)/authority.key" }
    private var certificate: String { "\(self.path)/authority.crt" }
    private var index: String { "\(self.path)/index.signed" }
    private var certificates: String { "\(self.path)/certificates" }
    private func certificate(of node: NodeName) -> String { "\(self.certificates)/\(node).crt" }

    /// Writes a new authority into a directory that is not there yet.
    ///
    /// - Parameters:
    ///   - authority: The authority.
    ///   - passphrase: What to seal its key with; `nil` leaves it as it is.
    /// - Throws: ``NodeError`` or `IdentityError` if it cannot be written.
    func create(_ authority: Authority, passphrase: [UInt8]?) throws {
        try HomeFiles.makeDirectory(self.path, mode: 0o700)
        try HomeFiles.makeDirectory(self.certificates, mode: 0o700)
        let text = try passphrase.map {
            try SealedKey.seal(keyPEM: authority.keyPEM, passphrase: $0)
        }
        try PrivateFile.write(self.key, Array((text ?? authority.keyPEM).utf8))
        try HomeFiles.write(self.certificate, Array(authority.certificatePEM.utf8))
        try HomeFiles.syncDirectory(self.path)
    }

    /// Reads the authority.
    ///
    /// - Parameter passphrase: Asked only when the key is sealed.
    /// - Returns: The authority.
    /// - Throws: ``NodeError`` with code ``NodeError/Code/homeMissing``; `IdentityError` with code
    ///   `key_unreadable`, `passphrase_wrong` or `private_file_exposed`.
    package func open(passphrase: () throws -> [UInt8]) throws -> Authority {
        guard access(self.key, F_OK) == 0 else {
            throw NodeError(
                .homeMissing,
                "\(self.path) has no authority: there is no authority.key.",
                hint: "Name the directory `authority` that `tributary init` made."
            )
        }
        var text = String(decoding: try PrivateFile.read(self.key), as: UTF8.self)
        if SealedKey.isSealed(text) {
            text = try SealedKey.open(text, passphrase: try passphrase())
        }
        let certificate = String(decoding: try HomeFiles.read(self.certificate), as: UTF8.self)
        return try Authority(keyPEM: text, certificatePEM: certificate)
    }

    /// What was issued last; `nil` if nothing was.
    func lastIndex(_ authority: Authority) throws -> PublicIndex? {
        guard HomeFiles.exists(self.index) else { return nil }
        return try PublicIndex(
            verifying: try HomeFiles.read(self.index),
            authority: authority.publicKey
        )
    }

    /// The newest certificate of a node; `nil` if it has none.
    func lastCertificate(of node: NodeName) throws -> TLSCertificate? {
        let path = self.certificate(of: node)
        guard HomeFiles.exists(path) else { return nil }
        return try TLSCertificate(pem: String(decoding: try HomeFiles.read(path), as: UTF8.self))
    }

    /// Keeps what is issued, durably, before any of it leaves: a serial is never given out twice.
    func record(index: [UInt8], certificates: [NodeName: TLSCertificate]) throws {
        try HomeFiles.makeDirectory(self.certificates, mode: 0o700)
        for (node, certificate) in certificates {
            try HomeFiles.replace(self.certificate(of: node), Array(certificate.pem.utf8))
        }
        try HomeFiles.replace(self.index, index)
    }

    /// Keeps others from issuing at the same time.
    func lock() throws -> DirectoryLock { try DirectoryLock(self.path) }
}
