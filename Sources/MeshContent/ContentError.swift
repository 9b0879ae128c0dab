/// Bytes that are not what their entry or their codec says.
///
/// Branch on ``code``. Show ``description`` to people; it is not stable and is never parsed.
public struct ContentError: Error, Sendable {
    /// What kind of failure this is.
    ///
    /// An open set: minor releases may add kinds.
    public struct Code: Hashable, Sendable {
        /// Exhaustive inside the package, so exit codes come from a `switch`.
        package enum Kind: String, CaseIterable, Sendable {
            case contentDamaged = "content_damaged"
            case codecUnknown = "codec_unknown"
        }

        package let kind: Kind

        /// A stable, low-cardinality name for logs, metrics and the JSON API.
        public var name: String { self.kind.rawValue }

        /// The stored bytes do not decode to exactly the promised number of plain bytes.
        public static let contentDamaged = Self(kind: .contentDamaged)
        /// The content is stored in a way that this version does not know.
        public static let codecUnknown = Self(kind: .codecUnknown)
    }

    /// The kind of failure, to branch on.
    public let code: Code
    /// What happened, with the values involved.
    public let message: String
    /// What an operator can do about it, when there is something to do.
    public let hint: String?
    /// The failure underneath, when there is one.
    public let cause: (any Error)?
}

extension ContentError: CustomStringConvertible {
    /// One line for people: name, message, cause and hint.
    public var description: String {
        let hint = self.hint.map { " Hint: \($0)" } ?? ""
        let cause = self.cause.map { " (\($0))" } ?? ""
        return "\(self.code.name): \(self.message)\(cause)\(hint)"
    }
}

extension ContentError {
    static func damaged(_ message: String) -> Self {
        Self(code: .contentDamaged, message: message, hint: nil, cause: nil)
    }

    static func unknown(codec: UInt32) -> Self {
        Self(
            code: .codecUnknown,
            message: "Content is stored with codec \(codec), which this version does not know.",
            hint: "Upgrade this node to the version of the node where the file came from.",
            cause: nil
        )
    }
}
