import Glibc
package import MeshIdentity
package import MeshModel

/// The private keys of a home, made there and never leaving it.
package struct HomeKeys: Sendable {
    /// A TLS key with a statement key.
    struct Pair: Sendable {
        var tls: TLSKey
        var statement: StatementKey

        /// What a person compares.
        var fingerprint: Digest {
            NodeFingerprint.of(statement: self.statement.publicKey, tls: self.tls.fingerprint)
        }
    }

    private let paths: HomePaths

    /// Those of the home at these paths.
    package init(_ paths: HomePaths) { self.paths = paths }

    /// The keys in use; `nil` before the first request.
    func current() throws -> Pair? {
        try Self.read(self.paths.tlsKey, self.paths.statementKey)
    }

    /// The keys that were made to follow them; `nil` when there are none.
    func next() throws -> Pair? {
        try Self.read(self.paths.nextTLSKey, self.paths.nextStatementKey)
    }

    /// The request that was made last; `nil` when there was none.
    func lastRequest() throws -> KeyRequest? {
        guard HomeFiles.exists(self.paths.request) else { return nil }
        let text = String(decoding: try HomeFiles.read(self.paths.request), as: UTF8.self)
        return try KeyRequest(armoured: text)
    }

    /// Makes a request, and before it the directory and the keys where there are none.
    ///
    /// Asked again, it asks for the same keys.
    ///
    /// - Parameters:
    ///   - node: The node; may be left out where the home knows.
    ///   - mesh: The mesh; the same.
    ///   - newKeys: Whether to make keys that follow those in use. They are taken up by joining.
    ///   - now: The time.
    /// - Returns: The request, and the text to hand over.
    /// - Throws: ``NodeError`` with code ``NodeError/Code/wrongNode``,
    ///   ``NodeError/Code/nodeUnnamed`` or ``NodeError/Code/notPermitted``.
    package func request(
        node: NodeName?,
        mesh: MeshName?,
        newKeys: Bool,
        at now: UnixMilliseconds
    ) throws -> (request: KeyRequest, text: String) {
        try self.makeDirectories()
        let lock = try DirectoryLock(self.paths.root)
        defer { withExtendedLifetime(lock) {} }
        let joined = HomeFiles.exists(self.paths.view) ? try Home.open(self.paths.root) : nil
        let asked = try self.lastRequest()
        let known = joined?.node ?? asked?.node
        guard let name = node ?? known else {
            throw NodeError(
                .nodeUnnamed,
                "\(self.paths.root) does not know yet which node it is.",
                hint: "Say --node NAME, as the topology has it."
            )
        }
        if let known, known != name {
            throw NodeError(
                .wrongNode,
                "The keys in \(self.paths.root) are those of \(known), not of \(name).",
                hint: "Choose another --home for \(name)."
            )
        }
        let current = try self.current() ?? self.make(self.paths.tlsKey, self.paths.statementKey)
        let pair =
            newKeys && joined != nil
            ? try self.next() ?? self.make(self.paths.nextTLSKey, self.paths.nextStatementKey)
            : current
        let isOther = pair.statement.publicKey != current.statement.publicKey
        let text = try KeyRequest.make(
            node: name,
            mesh: joined?.mesh ?? mesh ?? asked?.mesh,
            statementKey: pair.statement,
            tlsKey: pair.tls,
            replacing: isOther ? current.statement : nil,
            at: now
        )
        try HomeFiles.replace(self.paths.request, Array(text.utf8))
        return (try KeyRequest(armoured: text), text)
    }

    private func makeDirectories() throws {
        if HomeFiles.exists(self.paths.root) {
            try HomeFiles.requireOwner(self.paths.root)
        } else {
            let end = self.paths.root.lastIndex(of: "/")
            try HomeFiles.makeDirectories(end.map { String(self.paths.root[..<$0]) } ?? "/")
        }
        // The socket's group must get through the home, and nobody else into it.
        try HomeFiles.makeDirectory(self.paths.root, mode: 0o750)
        try HomeFiles.makeDirectory(self.paths.keys, mode: 0o700)
        try HomeFiles.makeDirectory(self.paths.spool, mode: 0o700)
    }

    private func make(_ tls: String, _ statement: String) throws -> Pair {
        let pair = Pair(tls: TLSKey(), statement: StatementKey())
        // Half a pair, left by a crash, is of no use to anybody.
        try PrivateFile.write(tls, Array(pair.tls.pem.utf8))
        try PrivateFile.write(statement, Array(pair.statement.pem.utf8))
        return pair
    }

    private static func read(_ tls: String, _ statement: String) throws -> Pair? {
        guard HomeFiles.exists(tls), HomeFiles.exists(statement) else { return nil }
        func text(_ path: String) throws -> String {
            String(decoding: try PrivateFile.read(path), as: UTF8.self)
        }
        return Pair(
            tls: try TLSKey(pem: try text(tls)),
            statement: try StatementKey(pem: try text(statement))
        )
    }
}
