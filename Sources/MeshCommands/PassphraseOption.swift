import ArgumentParser
import MeshIdentity
import MeshNode

/// Where the passphrase of an authority's key comes from.
struct PassphraseOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A file whose first line is the passphrase of the authority's key.",
            valueName: "file"
        )
    )
    var passphraseFile: String?

    /// What the file says; `nil` without one.
    func given() throws -> [UInt8]? {
        try self.passphraseFile.map { try Passphrase.read($0) }
    }

    /// The passphrase of a key that is sealed: from the file, or from whoever sits there.
    func needed() throws -> [UInt8] {
        if let given = try self.given() { return given }
        guard Terminal.canAsk else {
            throw NodeError(
                .passphraseNeeded,
                "The authority's key is under a passphrase.",
                hint: "Give it with --passphrase-file FILE, or run this at a terminal."
            )
        }
        let typed = Terminal.ask("Passphrase of the authority's key: ", isSecret: true)
        return try Passphrase.check(Array((typed ?? "").utf8))
    }

    /// A new passphrase: from the file, or typed twice.
    func choose() throws -> [UInt8] {
        if let given = try self.given() { return given }
        guard Terminal.canAsk else { return try self.needed() }
        let first = Terminal.ask("New passphrase for the authority's key: ", isSecret: true)
        let second = Terminal.ask("The same again: ", isSecret: true)
        guard first == second else {
            throw CommandFailure(
                code: "usage",
                message: "The two passphrases differ.",
                hint: "Nothing was made. Try again."
            )
        }
        return try Passphrase.check(Array((first ?? "").utf8))
    }
}
