/// A word that a topology gives to a mesh, a node or a flow.
///
/// 1 to 63 of `a`–`z`, `0`–`9`, `-`, `_`, `.`; begins with a letter or digit. Such a word is safe
/// as a directory, a host label and a column of a table.
public protocol MeshWord: Hashable, Sendable, Comparable, Codable, CustomStringConvertible {
    /// The word.
    var text: String { get }
    /// Reads a word; `nil` if it breaks the rule above.
    init?(_ text: String)
}

extension MeshWord {
    /// The word itself.
    public var description: String { self.text }

    /// Ordered as text.
    public static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    /// Reads the word as one string.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a name")
        }
        self = value
    }

    /// Writes the word as one string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.text)
    }
}

/// The rule that every ``MeshWord`` keeps.
package enum WordRule {
    /// Whether `text` is 1 to 63 permitted characters beginning with a letter or digit.
    package static func allows(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard (1...63).contains(bytes.count), let first = bytes.first, Self.isAlphanumeric(first)
        else { return false }
        return bytes.allSatisfy { Self.isAlphanumeric($0) || "-_.".utf8.contains($0) }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}

/// The name of a mesh.
public struct MeshName: MeshWord {
    /// The word.
    public let text: String
    /// Reads a name; `nil` if it breaks the rule of ``MeshWord``.
    public init?(_ text: String) {
        guard WordRule.allows(text) else { return nil }
        self.text = text
    }
}

/// The name of a node, unique in its mesh.
public struct NodeName: MeshWord {
    /// The word.
    public let text: String
    /// Reads a name; `nil` if it breaks the rule of ``MeshWord``.
    public init?(_ text: String) {
        guard WordRule.allows(text) else { return nil }
        self.text = text
    }
}

/// The name of a flow, unique in its mesh.
public struct FlowName: MeshWord {
    /// The word.
    public let text: String
    /// Reads a name; `nil` if it breaks the rule of ``MeshWord``.
    public init?(_ text: String) {
        guard WordRule.allows(text) else { return nil }
        self.text = text
    }
}
