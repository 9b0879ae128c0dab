/// When to dial a neighbour again that could not be reached: later and later, with jitter.
package struct BackOff: Hashable, Sendable {
    /// Calls that failed in a row.
    package private(set) var failures = 0

    /// The first delay, in milliseconds.
    package static let first: Int64 = 500
    /// The longest delay, in milliseconds.
    package static let longest: Int64 = 60_000

    /// Begins with no failure.
    package init() {}

    /// Counts a failure.
    ///
    /// - Parameter random: Any number; spreads nodes that lost the same neighbour.
    /// - Returns: Milliseconds to wait: between half and all of `first` × 2ⁿ, at most ``longest``.
    package mutating func failed(random: UInt64) -> Int64 {
        let doubled = Self.first << min(self.failures, 10)
        self.failures += 1
        let whole = min(doubled, Self.longest)
        return whole / 2 + Int64(random % UInt64(whole / 2 + 1))
    }

    /// A call was opened: the next delay is the first again.
    package mutating func succeeded() { self.failures = 0 }
}
