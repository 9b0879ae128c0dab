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

extension UnixMilliseconds {
    /// Reads what ``description`` writes, and nothing else.
    public init?(iso8601 text: String) {
        let bytes = Array(text.utf8)
        let marks = [(4, "-"), (7, "-"), (10, "T"), (13, ":"), (16, ":"), (19, "."), (23, "Z")]
        guard bytes.count == 24, marks.allSatisfy({ Array($1.utf8) == [bytes[$0]] }) else {
            return nil
        }
        func number(_ range: Range<Int>) -> Int64? {
            let digits = bytes[range]
            guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
            else { return nil }
            return Int64(String(decoding: digits, as: UTF8.self))
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            let milli = number(20..<23), (1...12).contains(month), (1...31).contains(day)
        else { return nil }
        // Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil.
        let shifted = month <= 2 ? year - 1 : year
        let era = shifted / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * 146_097 + dayOfEra - 719_468
        self.init((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + milli)
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
