import MeshIdentity

/// What opens an authority's key.
package enum Passphrase {
    /// The first line of a file.
    ///
    /// - Throws: ``NodeError`` with code ``NodeError/Code/passphraseNeeded`` if there is none.
    package static func read(_ path: String) throws -> [UInt8] {
        let bytes = try HomeFiles.read(path).prefix { $0 != UInt8(ascii: "\n") }
        return try Self.check(
            bytes.last == UInt8(ascii: "\r") ? Array(bytes.dropLast()) : Array(bytes)
        )
    }

    /// The same bytes, if they can be a passphrase.
    ///
    /// - Throws: ``NodeError`` with code ``NodeError/Code/passphraseNeeded`` if not.
    package static func check(_ bytes: [UInt8]) throws -> [UInt8] {
        guard (1...SealedKey.passphraseByteCountMax).contains(bytes.count) else {
            throw NodeError(
                .passphraseNeeded,
                "A passphrase has 1 to \(SealedKey.passphraseByteCountMax) bytes.",
                hint: "Six or more words that nobody would put together are a good one."
            )
        }
        return bytes
    }
}
