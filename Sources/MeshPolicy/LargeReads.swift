package import MeshModel

/// Which large files are read beside each other.
///
/// One at a time; a short one beside a long one; and other short ones beside those that are brief
/// together, so that they are read while the records of those before become durable. A long one that
/// waits only for short ones lets no more of these begin, of its class or a lower one: else one flow's
/// could keep another's from ever starting.
package struct LargeReads: Sendable {
    private let shortMax: Int64
    private let briefMax: Int64
    private var sizes: [ParcelID: Int64] = [:]
    private var longIsNext = false

    /// How many short ones are read at a time; each takes memory for a few pieces.
    private static let shortCountMax = 4

    /// Files of at most `shortMax` bytes are short; some of them with at most `briefMax` together brief.
    package init(shortMax: Int64, briefMax: Int64) {
        self.shortMax = shortMax
        self.briefMax = briefMax
    }

    /// What is being read.
    package var parcels: some Collection<ParcelID> { self.sizes.keys }

    /// Whether a parcel's file is being read.
    package func contains(_ parcel: ParcelID) -> Bool { self.sizes[parcel] != nil }

    /// Whether a file of so many bytes may be begun.
    package func mayBegin(size: Int64) -> Bool {
        guard size <= self.shortMax else { return self.sizes.isEmpty }
        guard !self.longIsNext else { return false }
        let short = self.sizes.values.filter { $0 <= self.shortMax }
        return short.isEmpty
            || (short.count < Self.shortCountMax && short.reduce(0, +) <= self.briefMax)
    }

    /// Notes that a file of so many bytes comes next and may not begin.
    ///
    /// - Returns: Whether it is a long one that waits only for short ones.
    @discardableResult
    package mutating func putOff(size: Int64) -> Bool {
        guard size > self.shortMax, self.sizes.values.allSatisfy({ $0 <= self.shortMax }) else {
            return false
        }
        self.longIsNext = true
        return true
    }

    /// Forgets what was put off: all that waits is about to be looked at again.
    package mutating func lookAgain() { self.longIsNext = false }

    /// A parcel's file is being read from now on.
    package mutating func begin(_ parcel: ParcelID, size: Int64) { self.sizes[parcel] = size }

    /// A parcel's file is no longer read.
    package mutating func end(_ parcel: ParcelID) { self.sizes[parcel] = nil }
}
