/// Something a peer sent, or asked to be sent, that the protocol does not allow.
///
/// Branch on ``code``. Show ``description`` to people; it is not stable and is never parsed.
package struct ProtocolError: Error, Sendable {
    /// What kind of failure this is.
    package enum Code: String, CaseIterable, Sendable {
        /// A frame is longer than any frame may be.
        case frameTooLong = "frame_too_long"
        /// Bytes that are no message of their kind, or break a bound on one of its fields.
        case malformed
        /// A message at a time, or in a number, that is not allowed.
        case protocolViolation = "protocol_violation"
        /// A version, frame type or feature that this node does not know.
        case unsupported
        /// The peer belongs to another mesh.
        case wrongMesh = "wrong_mesh"
        /// The peer says another name than its certificate.
        case wrongName = "wrong_name"

        /// A stable, low-cardinality name for logs, metrics and byes.
        package var name: String { self.rawValue }
    }

    /// The kind of failure, to branch on.
    package let code: Code
    /// What happened, with the values involved.
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

extension ProtocolError: CustomStringConvertible {
    /// One line for people: name, message, cause and hint.
    package var description: String {
        let hint = self.hint.map { " Hint: \($0)" } ?? ""
        let cause = self.cause.map { " (\($0))" } ?? ""
        return "\(self.code.name): \(self.message)\(cause)\(hint)"
    }
}

// One factory per failure keeps wording and call sites short.
extension ProtocolError {
    static func malformed(_ what: String, _ why: String, cause: (any Error)? = nil) -> Self {
        Self(.malformed, "This is no \(what): \(why).", cause: cause)
    }

    /// The peer broke a rule that only the link can watch over.
    package static func violation(_ message: String) -> Self { Self(.protocolViolation, message) }

    static func tooLong(_ what: String, bytes: Int, limit: Int) -> Self {
        Self(.frameTooLong, "A \(what) has \(bytes) bytes; at most \(limit) are allowed.")
    }
}
