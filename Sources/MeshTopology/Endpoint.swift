/// A host and a port of TCP.
public struct Endpoint: Hashable, Sendable {
    /// A host name, an IPv4 address, or an IPv6 address without brackets.
    public let host: String
    /// 1 to 65535.
    public let port: UInt16

    /// Names an endpoint; `nil` if `host` is neither a host name nor an address, or `port` is 0.
    public init?(host: String, port: UInt16) {
        guard port > 0, Self.isHostName(host) || Self.looksLikeIPv6(host) else { return nil }
        self.host = host
        self.port = port
    }

    /// Reads `host:port` or `[address]:port`.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"),
            text[text.index(after: colon)...].utf8.allSatisfy(Self.isDigit),
            let port = UInt16(text[text.index(after: colon)...])
        else { return nil }
        let host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            let address = String(host.dropFirst().dropLast())
            guard Self.looksLikeIPv6(address) else { return nil }
            self.init(host: address, port: port)
        } else {
            guard !host.contains(":") else { return nil }
            self.init(host: String(host), port: port)
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    /// Labels of letters, digits, `-` and `_`, at most 63 bytes each and 253 together.
    private static func isHostName(_ text: String) -> Bool {
        guard (1...253).contains(text.utf8.count) else { return false }
        return text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            .allSatisfy { label in
                (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
                    && label.allSatisfy {
                        Self.isDigit($0) || Self.isLetter($0) || "-_".utf8.contains($0)
                    }
            }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    /// A rough check; the resolver has the last word, here only other text is kept out.
    private static func looksLikeIPv6(_ text: String) -> Bool {
        (2...64).contains(text.utf8.count) && text.contains(":")
            && text.utf8.allSatisfy {
                Self.isDigit($0) || Self.isLetter($0) || ":.%".utf8.contains($0)
            }
    }
}

extension Endpoint: CustomStringConvertible {
    /// `host:port`, with brackets around an IPv6 address.
    public var description: String {
        self.host.contains(":") ? "[\(self.host)]:\(self.port)" : "\(self.host):\(self.port)"
    }
}
