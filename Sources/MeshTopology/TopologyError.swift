/// An index, a view or a pair of them that cannot be used.
///
/// Branch on ``code``. Show ``description`` to people; it is not stable and is never parsed.
public struct TopologyError: Error, Sendable {
    /// What kind of failure this is.
    ///
    /// An open set: minor releases may add kinds.
    public struct Code: Hashable, Sendable {
        /// Exhaustive inside the package, so statuses and exit codes come from a `switch`.
        package enum Kind: String, CaseIterable, Sendable {
            case malformed
            case signatureInvalid = "signature_invalid"
            case tooLarge = "too_large"
            case unknownNode = "unknown_node"
        }

        package let kind: Kind

        /// A stable, low-cardinality name for logs, metrics and the JSON API.
        public var name: String { self.kind.rawValue }

        /// The bytes are not what they should be, or contradict themselves.
        public static let malformed = Self(kind: .malformed)
        /// The authority did not sign these bytes.
        public static let signatureInvalid = Self(kind: .signatureInvalid)
        /// More bytes than ``MeshModel/Limits/topologyBytesMax``.
        public static let tooLarge = Self(kind: .tooLarge)
        /// A node that the topology does not declare, or for which no keys were given.
        public static let unknownNode = Self(kind: .unknownNode)
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

extension TopologyError: CustomStringConvertible {
    /// One line for people: name, message, cause and hint.
    public var description: String {
        let hint = self.hint.map { " Hint: \($0)" } ?? ""
        let cause = self.cause.map { " (\($0))" } ?? ""
        return "\(self.code.name): \(self.message)\(cause)\(hint)"
    }
}

extension TopologyError {
    static func malformed(_ what: String, _ why: String, cause: (any Error)? = nil) -> Self {
        Self(
            code: .malformed,
            message: "The \(what) is malformed: \(why).",
            hint: nil,
            cause: cause
        )
    }

    static func signatureInvalid(_ what: String) -> Self {
        Self(
            code: .signatureInvalid,
            message: "The \(what) is not signed by this mesh's authority.",
            hint: "It was damaged, or it belongs to another mesh; get it again from the authority.",
            cause: nil
        )
    }

    static func tooLarge(_ what: String, bytes: Int, max: Int) -> Self {
        Self(
            code: .tooLarge,
            message: "The \(what) has \(bytes) bytes; at most \(max) are read.",
            hint: nil,
            cause: nil
        )
    }

    static func unknownNode(_ name: String, why: String) -> Self {
        Self(code: .unknownNode, message: "Node \(name) \(why).", hint: nil, cause: nil)
    }
}
