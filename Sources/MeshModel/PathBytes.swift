/// A relative path as bytes: what follows a source's or a landing's root.
///
/// A value that exists is safe to resolve beneath a root: it is not empty, at most 4,095 bytes, has
/// no NUL, no empty, `.` or `..` component, does not begin with `/`, and no component exceeds 255 bytes.
/// It need not be UTF-8: names are whatever the file system holds.
public struct PathBytes: Hashable, Sendable {
    /// The bytes, components separated by `/`.
    public let bytes: [UInt8]

    /// The longest path, in bytes.
    public static let byteCountMax = 4_095
    /// The longest component, in bytes.
    public static let componentByteCountMax = 255

    /// Reads a path; `nil` if it breaks a rule above.
    public init?(_ bytes: [UInt8]) {
        guard (1...Self.byteCountMax).contains(bytes.count), !bytes.contains(0) else { return nil }
        for component in bytes.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        {
            guard (1...Self.componentByteCountMax).contains(component.count),
                !component.elementsEqual(".".utf8), !component.elementsEqual("..".utf8)
            else { return nil }
        }
        self.bytes = bytes
    }

    /// Reads a path from text; see ``init(_:)-([UInt8])``.
    public init?(_ text: String) { self.init(Array(text.utf8)) }

    /// Feeds the bytes together: one by one, as an array does, they take ten times as long.
    public func hash(into hasher: inout Hasher) {
        self.bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        hasher.combine(self.bytes.count)
    }

    /// The components, outermost first; never empty.
    public var components: [[UInt8]] {
        self.bytes.split(separator: UInt8(ascii: "/")).map(Array.init)
    }
}

extension PathBytes: Comparable, CustomStringConvertible {
    /// Ordered as the bytes are.
    public static func < (left: Self, right: Self) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }

    /// For people: control characters, backslashes and bytes that are not UTF-8 as `\xNN`.
    public var description: String { Self.printable(self.bytes) }

    /// Shows any bytes on one line, unambiguously.
    public static func printable(_ bytes: [UInt8]) -> String {
        var text = ""
        var rest = bytes[...]
        while let first = rest.first {
            let width = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
            let unit = rest.prefix(width)
            if first >= 0x20, first != 0x7F, first != UInt8(ascii: "\\"),
                let valid = String(validating: unit, as: UTF8.self), valid.unicodeScalars.count == 1
            {
                text += valid
                rest = rest.dropFirst(width)
            } else {
                text += "\\x" + Hex.encode([first])
                rest = rest.dropFirst()
            }
        }
        return text
    }

    /// Reads what ``printable(_:)`` wrote; `nil` if it is not such text.
    public init?(printable text: String) {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            if byte == UInt8(ascii: "\\") {
                guard rest.count >= 4, rest.dropFirst().first == UInt8(ascii: "x"),
                    let value = Hex.decode(
                        String(decoding: rest.dropFirst(2).prefix(2), as: UTF8.self)
                    )
                else { return nil }
                bytes += value
                rest = rest.dropFirst(4)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        self.init(bytes)
    }
}
