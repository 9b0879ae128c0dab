/// A wall-clock time: milliseconds since 1970-01-01T00:00:00Z.
@frozen
public struct UnixMilliseconds: Hashable, Sendable, Comparable, Codable {
    /// Milliseconds.
    public var rawValue: Int64
    /// Wraps a number of milliseconds.
    @inlinable
    public init(_ rawValue: Int64) { self.rawValue = rawValue }

    /// Whether the first is earlier.
    @inlinable
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    /// This time, so many milliseconds later.
    @inlinable
    public func adding(milliseconds: Int64) -> Self { Self(self.rawValue + milliseconds) }
}

extension UnixMilliseconds: CustomStringConvertible {
    /// ISO 8601 in UTC with milliseconds, such as `2026-11-22T12:00:00.000Z`.
    public var description: String {
        let day = self.rawValue.flooredQuotient(by: 86_400_000)
        let rest = self.rawValue - day * 86_400_000
        let (year, month, dayOfMonth) = Self.civil(fromDay: day)
        func pad(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let time = [rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60].map { pad($0, 2) }
        return "\(pad(year, 4))-\(pad(month, 2))-\(pad(dayOfMonth, 2))"
            + "T\(time.joined(separator: ":")).\(pad(rest % 1_000, 3))Z"
    }

    /// Days since 1970 as year, month and day of the Gregorian calendar.
    ///
    /// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days.
    private static func civil(fromDay day: Int64) -> (Int64, Int64, Int64) {
        let shifted = day + 719_468
        let era = shifted.flooredQuotient(by: 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra =
            (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func flooredQuotient(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

/// Tells the time of day; injected so that tests and the simulator choose it.
public protocol WallClock: Sendable {
    /// The time now.
    func now() -> UnixMilliseconds
}

/// Gives random 64-bit numbers; injected so that a test can repeat a run from its seed.
public protocol RandomSource: Sendable {
    /// The next number.
    func next() -> UInt64
}
