/// A number of bytes.
@frozen
public struct ByteCount: Hashable, Sendable, Comparable, Codable, AdditiveArithmetic {
    /// Bytes.
    public var rawValue: Int64
    /// Counts `rawValue` bytes.
    @inlinable
    public init(_ rawValue: Int64) { self.rawValue = rawValue }
    /// Counts `rawValue` bytes.
    @inlinable
    public init(_ rawValue: Int) { self.rawValue = Int64(rawValue) }

    /// No bytes.
    public static let zero = Self(0 as Int64)
    /// So many KiB.
    public static func kibibytes(_ count: Int64) -> Self { Self(count << 10) }
    /// So many MiB.
    public static func mebibytes(_ count: Int64) -> Self { Self(count << 20) }
    /// So many GiB.
    public static func gibibytes(_ count: Int64) -> Self { Self(count << 30) }

    /// Both together.
    @inlinable
    public static func + (left: Self, right: Self) -> Self { Self(left.rawValue + right.rawValue) }
    /// What is left of the first without the second.
    @inlinable
    public static func - (left: Self, right: Self) -> Self { Self(left.rawValue - right.rawValue) }
    /// Whether the first is fewer, or earlier.
    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

extension ByteCount: CustomStringConvertible {
    /// For people: three digits and a binary unit, such as `1.5 GiB`.
    public var description: String {
        var value = Double(self.rawValue)
        var unit = 0
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        while value >= 1_024, unit < units.count - 1 {
            value /= 1_024
            unit += 1
        }
        let tenths = (value * 10).rounded() / 10
        let number = unit == 0 || tenths >= 100 ? "\(Int(value.rounded()))" : "\(tenths)"
        return "\(number) \(units[unit])"
    }
}

/// The place of a parcel among those of its (origin, flow, incarnation): counts up by one from 1.
@frozen
public struct SequenceNumber: Hashable, Sendable, Comparable {
    /// The number; the first is 1.
    public var rawValue: UInt64
    /// Wraps a number.
    @inlinable
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Whether the first is fewer, or earlier.
    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// One life of a node's log: see ``Incarnation/number``.
@frozen
public struct Incarnation: Hashable, Sendable, Codable {
    /// Higher is later.
    ///
    /// Versions of a file order by (number, sequence), never by time.
    public var number: UInt64
    /// Tells two lives apart that chose the same number.
    public var random: UInt64
    /// Names a life.
    @inlinable
    public init(number: UInt64, random: UInt64) {
        self.number = number
        self.random = random
    }
}

/// What numbers of one origin count together: sequences and seen-sets are kept per stream.
public struct FlowStream: Hashable, Sendable {
    /// The node whose files these are.
    public var origin: NodeName
    /// The flow that they belong to.
    public var flow: FlowName
    /// The life of the origin's log that gave the numbers.
    public var incarnation: Incarnation
    /// Names a stream.
    public init(origin: NodeName, flow: FlowName, incarnation: Incarnation) {
        self.origin = origin
        self.flow = flow
        self.incarnation = incarnation
    }
}
