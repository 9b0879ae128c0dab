/// When to dial a neighbour again that could not be reached: later and later, with jitter.
package struct BackOff: Hashable, Sendable {
    /// Calls that failed in a row.
    package private(set) var failures = 0

    /// The first delay, in milliseconds.
    package static let first: Int64 = 500
    /// The longest delay, in milliseconds.
    package static let longest: Int64 = 60_000
    /// The longest delay while the line is down, in milliseconds.
    package static let steadyLongest: Int64 = 10_000

    /// Begins with no failure.
    package init() {}

    /// Counts a failure.
    ///
    /// - Parameter random: Any number; spreads nodes that lost the same neighbour.
    /// - Returns: Milliseconds to wait: between half and all of `first` × 2ⁿ, at most ``longest``.
    package mutating func failed(random: UInt64) -> Int64 {
        let doubled = Self.first << min(self.failures, 10)
        self.failures += 1
        return Self.spread(min(doubled, Self.longest), random)
    }

    /// Milliseconds to wait while there is no way to the neighbour's address.
    ///
    /// That costs nobody anything but this machine, so it does not grow and is no failure.
    ///
    /// - Parameter random: Any number.
    /// - Returns: Between half and all of ``steadyLongest``.
    package static func steady(random: UInt64) -> Int64 { Self.spread(Self.steadyLongest, random) }

    /// A call was opened: the next delay is the first again.
    package mutating func succeeded() { self.failures = 0 }

    private static func spread(_ whole: Int64, _ random: UInt64) -> Int64 {
        whole / 2 + Int64(random % UInt64(whole / 2 + 1))
    }
}
