import Glibc

/// Where things lie in a node's home directory.
package struct HomePaths: Hashable, Sendable {
    /// The home, absolute and without a slash at its end.
    package let root: String

    /// Takes a home's path; a relative one counts from the working directory.
    package init(_ path: String) {
        var root = path
        if !root.hasPrefix("/"), let directory = getcwd(nil, 0) {
            defer { free(directory) }
            root = String(cString: directory) + "/" + root
        }
        while root.count > 1, root.hasSuffix("/") { root.removeLast() }
        self.root = root
    }

    /// What only the node's user may read.
    package var keys: String { "\(self.root)/keys" }
    /// The private key for TLS.
    package var tlsKey: String { "\(self.keys)/tls.key" }
    /// The certificate for TLS.
    package var tlsCertificate: String { "\(self.keys)/tls.crt" }
    /// The private key that signs openings and statements.
    package var statementKey: String { "\(self.keys)/statement.key" }
    /// The key for TLS that is to follow, until a join takes it up.
    package var nextTLSKey: String { "\(self.keys)/tls.key.next" }
    /// The key for statements that is to follow.
    package var nextStatementKey: String { "\(self.keys)/statement.key.next" }
    /// The request that was made last.
    package var request: String { "\(self.keys)/node.request" }
    /// A join that has happened and is not spread over the home yet.
    package var pendingJoin: String { "\(self.root)/join.pending" }
    /// The certificate of the mesh's authority.
    package var authorityCertificate: String { "\(self.keys)/authority.crt" }
    /// What the authority declares for this node.
    package var view: String { "\(self.root)/view.signed" }
    /// What the authority lets everybody know.
    package var index: String { "\(self.root)/index.signed" }
    /// What the site's administrator allows.
    package var site: String { "\(self.root)/site.yaml" }
    /// The spool's directory.
    package var spool: String { "\(self.root)/spool" }
    /// The socket that commands talk to.
    package var controlSocket: String { "\(self.root)/control.sock" }
    /// What a running daemon holds locked.
    package var lock: String { "\(self.root)/lock" }
}
