import FoundationEssentials
package import MeshModel
import SwiftProtobuf

/// What one hop did with a parcel, and when, by its own clock.
package struct PassageLine: Hashable, Sendable {
    /// The hop.
    package let node: NodeName
    /// When the opening was durable here.
    package let arrived: UnixMilliseconds
    /// When everything was durable here and custody stated.
    package let held: UnixMilliseconds
    /// When the closing went to the next hop; `nil` at the last.
    package let sent: UnixMilliseconds?
    /// SHA-256 of this node's custody statement; `nil` while there is none.
    package let statement: Digest?
    /// SHA-256 of the line before, or `nil` for the first.
    ///
    /// ``Passage/appending(_:)`` sets it.
    package let previous: Digest?

    /// The longest line, in bytes.
    package static let byteCountMax = 512

    /// Gathers a line.
    package init(
        node: NodeName,
        arrived: UnixMilliseconds,
        held: UnixMilliseconds,
        sent: UnixMilliseconds? = nil,
        statement: Digest? = nil,
        previous: Digest? = nil
    ) {
        self.node = node
        self.arrived = arrived
        self.held = held
        self.sent = sent
        self.statement = statement
        self.previous = previous
    }

    /// The line as it travels.
    package func encoded() -> [UInt8] {
        var proto = ProtoPassageLine()
        proto.node = self.node.text
        proto.arrived = self.arrived.rawValue
        proto.held = self.held.rawValue
        proto.sent = self.sent?.rawValue ?? 0
        proto.statement = Data(self.statement?.bytes ?? [])
        proto.previous = Data(self.previous?.bytes ?? [])
        return Wire.encode(proto)
    }

    /// Reads a line; `nil` if it is too long, or a name, time or digest in it is none.
    package init?(encoded bytes: [UInt8]) {
        guard bytes.count <= Self.byteCountMax,
            let proto = try? Wire.decode(ProtoPassageLine.self, bytes),
            let node = NodeName(proto.node),
            let arrived = Wire.time(proto.arrived), let held = Wire.time(proto.held),
            let sent = Wire.time(proto.sent),
            let statement = Wire.optionalDigest(proto.statement),
            let previous = Wire.optionalDigest(proto.previous)
        else { return nil }
        self.init(
            node: node,
            arrived: arrived,
            held: held,
            sent: proto.sent == 0 ? nil : sent,
            statement: statement,
            previous: previous
        )
    }
}

/// The lines that a parcel has gathered, the origin's first.
///
/// A value that exists is chained: each line names the one before by digest, so none can be taken
/// out or changed without the digest of the whole changing. Lines are kept verbatim.
package struct Passage: Sendable {
    /// The lines as they travelled.
    package let lines: [[UInt8]]
    /// The same lines, parsed.
    package let parsed: [PassageLine]
    /// SHA-256 of the last line, which stands for all; `nil` without lines.
    package let digest: Digest?

    /// The passage of a parcel that has not been anywhere yet.
    package static let empty = Self(lines: [], parsed: [], digest: nil)

    /// Reads lines; `nil` if there are more than ``Limits/hopsMax``, one is no line, or they do not
    /// chain.
    package init?(lines: [[UInt8]]) {
        guard lines.count <= Limits.hopsMax else { return nil }
        var parsed: [PassageLine] = []
        var digest: Digest?
        for bytes in lines {
            guard let line = PassageLine(encoded: bytes), line.previous == digest else {
                return nil
            }
            parsed.append(line)
            digest = .sha256(bytes)
        }
        self.init(lines: lines, parsed: parsed, digest: digest)
    }

    private init(lines: [[UInt8]], parsed: [PassageLine], digest: Digest?) {
        self.lines = lines
        self.parsed = parsed
        self.digest = digest
    }

    /// The hops so far, in order.
    package var nodes: [NodeName] { self.parsed.map(\.node) }

    /// This passage with one more line, chained to the last; `nil` if there is no room for it.
    ///
    /// - Parameter line: What the hop did; its `previous` is set here.
    /// - Returns: The longer passage.
    package func appending(_ line: PassageLine) -> Self? {
        let chained = PassageLine(
            node: line.node,
            arrived: line.arrived,
            held: line.held,
            sent: line.sent,
            statement: line.statement,
            previous: self.digest
        )
        return Self(lines: self.lines + [chained.encoded()])
    }
}

extension Passage: Hashable {
    /// Whether both have the same lines, byte for byte.
    package static func == (left: Self, right: Self) -> Bool { left.lines == right.lines }
    /// Hashes the digest, which stands for all lines.
    package func hash(into hasher: inout Hasher) { hasher.combine(self.digest) }
}
