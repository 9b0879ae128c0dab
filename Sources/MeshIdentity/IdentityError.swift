/// A key, certificate, signature or statement that cannot be trusted or used.
///
/// Branch on ``code``. Show ``description`` to people; it is not stable and is never parsed.
package struct IdentityError: Error, Sendable {
    /// What kind of failure this is.
    package enum Code: String, CaseIterable, Sendable {
        /// The certificate's time is over, by the clock that judged it.
        case certificateExpired = "certificate_expired"
        /// A certificate that does not come from this mesh's authority, or names no node of it.
        case certificateRefused = "certificate_refused"
        /// A file could not be read or written.
        case fileUnavailable = "file_unavailable"
        /// What should let a node join is damaged, or does not fit the home.
        case joinInvalid = "join_invalid"
        /// A key or certificate that is no P-256 key or X.509 certificate, or two that do not fit.
        case keyUnreadable = "key_unreadable"
        /// The passphrase is not the one that the key was sealed with.
        case passphraseWrong = "passphrase_wrong"
        /// A private file that others on this machine may read.
        case privateFileExposed = "private_file_exposed"
        /// A request for a certificate that is damaged, or was not made with the keys in it.
        case requestInvalid = "request_invalid"
        /// The signature does not fit the bytes and the key.
        case signatureInvalid = "signature_invalid"
        /// The library below refused to sign or encode.
        case signingFailed = "signing_failed"
        /// Bytes that break the format of a statement, or do not prove what they claim.
        case statementMalformed = "statement_malformed"
        /// A statement by a key that the index does not list for this signer.
        case unknownKey = "unknown_key"
        /// A statement that belongs to another mesh.
        case wrongMesh = "wrong_mesh"

        /// A stable, low-cardinality name for logs, metrics and the JSON API.
        package var name: String { self.rawValue }
    }

    /// The kind of failure, to branch on.
    package let code: Code
    /// What happened, with the values involved; never key material.
    package let message: String
    /// What an operator can do about it, when there is something to do.
    package let hint: String?
    /// The failure underneath, when there is one.
    package let cause: (any Error)?

    init(_ code: Code, _ message: String, hint: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
    }
}

extension IdentityError: CustomStringConvertible {
    /// One line for people: name, message, cause and hint.
    package var description: String {
        let hint = self.hint.map { " Hint: \($0)" } ?? ""
        let cause = self.cause.map { " (\($0))" } ?? ""
        return "\(self.code.name): \(self.message)\(cause)\(hint)"
    }
}

extension IdentityError {
    static func malformed(_ message: String) -> Self { Self(.statementMalformed, message) }
}
