/// Lets those who wait take turns by bytes: whoever has had the least so far goes next.
///
/// Deficit round robin's promise without its rounds: each has a virtual time, which its own bytes
/// move on; one that comes anew begins where the others are, so that nobody saves up turns.
package struct FairTurns<Key: Hashable & Comparable & Sendable>: Sendable {
    private var had: [Key: Int64] = [:]

    /// Begins with nobody.
    package init() {}

    /// Which of those who wait goes next; `nil` if nobody waits.
    ///
    /// Ties go by key.
    package mutating func next(of waiting: some Collection<Key>) -> Key? {
        let known = waiting.compactMap { self.had[$0] }.min()
        let floor = known ?? self.had.values.max() ?? 0
        // Who has not waited all the time has no claim on the past.
        for key in waiting where self.had[key] == nil { self.had[key] = floor }
        return waiting.min { left, right in
            (self.had[left] ?? floor, left) < (self.had[right] ?? floor, right)
        }
    }

    /// Puts bytes to somebody's account.
    package mutating func took(_ bytes: Int64, by key: Key) {
        self.had[key, default: 0] += max(1, bytes)
    }
}
