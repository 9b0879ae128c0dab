/// A set of numbers kept as sorted, disjoint, non-adjacent runs: it costs memory per gap, not per member.
public struct RunSet: Hashable, Sendable {
    /// The runs, ascending.
    public private(set) var runs: [ClosedRange<UInt64>] = []

    /// The empty set.
    public init() {}

    /// A set of the numbers in all the given runs, which may overlap and come in any order.
    public init(_ runs: some Sequence<ClosedRange<UInt64>>) {
        for run in runs { self.insert(run) }
    }

    /// Whether it has no member.
    public var isEmpty: Bool { self.runs.isEmpty }

    /// How many members it has.
    public var count: UInt64 { self.runs.reduce(0) { $0 + ($1.upperBound - $1.lowerBound + 1) } }

    /// Whether `number` is a member, in O(log *runs*).
    public func contains(_ number: UInt64) -> Bool {
        let index = self.firstRun(endingAtOrAfter: number)
        return index < self.runs.count && self.runs[index].contains(number)
    }

    /// Adds one number.
    public mutating func insert(_ number: UInt64) { self.insert(number...number) }

    /// Adds a run, joining it with those that it touches.
    public mutating func insert(_ run: ClosedRange<UInt64>) {
        let before = run.lowerBound == 0 ? 0 : run.lowerBound - 1
        let start = self.firstRun(endingAtOrAfter: before)
        var lower = run.lowerBound
        var upper = run.upperBound
        var end = start
        let after = run.upperBound == .max ? .max : run.upperBound + 1
        while end < self.runs.count, self.runs[end].lowerBound <= after {
            lower = min(lower, self.runs[end].lowerBound)
            upper = max(upper, self.runs[end].upperBound)
            end += 1
        }
        self.runs.replaceSubrange(start..<end, with: [lower...upper])
    }

    /// Removes one number.
    public mutating func remove(_ number: UInt64) { self.remove(number...number) }

    /// Removes a run, cutting those that reach beyond it; in O(*runs*), however long it is.
    public mutating func remove(_ run: ClosedRange<UInt64>) {
        let start = self.firstRun(endingAtOrAfter: run.lowerBound)
        var rest: [ClosedRange<UInt64>] = []
        var end = start
        while end < self.runs.count, self.runs[end].lowerBound <= run.upperBound {
            let old = self.runs[end]
            if old.lowerBound < run.lowerBound {
                rest.append(old.lowerBound...run.lowerBound - 1)
            }
            if old.upperBound > run.upperBound {
                rest.append(run.upperBound + 1...old.upperBound)
            }
            end += 1
        }
        self.runs.replaceSubrange(start..<end, with: rest)
    }

    /// Adds every member of another set.
    public mutating func formUnion(_ other: Self) {
        for run in other.runs { self.insert(run) }
    }

    /// Removes every member of another set.
    public mutating func subtract(_ other: Self) {
        for run in other.runs { self.remove(run) }
    }

    /// The members that are at most `upper`.
    public func clipped(to upper: UInt64) -> Self {
        Self(
            self.runs.filter { $0.lowerBound <= upper }
                .map { $0.lowerBound...min($0.upperBound, upper) }
        )
    }

    /// The numbers from 1 up to `upper` that are no members.
    public func gaps(upTo upper: UInt64) -> Self {
        guard upper >= 1 else { return Self() }
        var gaps = Self([1...upper])
        gaps.subtract(self)
        return gaps
    }

    private func firstRun(endingAtOrAfter number: UInt64) -> Int {
        var low = 0
        var high = self.runs.count
        while low < high {
            let middle = (low + high) / 2
            if self.runs[middle].upperBound < number { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
