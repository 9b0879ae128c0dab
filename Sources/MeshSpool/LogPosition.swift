/// The number of a segment of the log; counts up by one, never used twice.
package struct SegmentNumber: Hashable, Sendable, Comparable {
    /// The number.
    package var rawValue: UInt32
    /// Wraps what it is made of.
    package init(_ rawValue: UInt32) { self.rawValue = rawValue }
    /// Whether the first comes earlier in the log.
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// A place in the log, between records: everything before it was appended earlier.
package struct LogPosition: Hashable, Sendable, Comparable {
    /// The segment.
    package var segment: SegmentNumber
    /// Bytes from the beginning of the segment's file.
    package var offset: UInt64
    /// Wraps what it is made of.
    package init(segment: SegmentNumber, offset: UInt64) {
        self.segment = segment
        self.offset = offset
    }
    /// Whether the first comes earlier in the log.
    package static func < (left: Self, right: Self) -> Bool {
        (left.segment, left.offset) < (right.segment, right.offset)
    }
}

/// Where a record's body lies.
package struct BodyLocation: Hashable, Sendable {
    /// The segment.
    package var segment: SegmentNumber
    /// Bytes from the beginning of the segment's file to the body's first byte.
    package var offset: UInt64
    /// Bytes.
    package var length: UInt32
    /// Wraps what it is made of.
    package init(segment: SegmentNumber, offset: UInt64, length: UInt32) {
        self.segment = segment
        self.offset = offset
        self.length = length
    }
}
