/// Parcels that are open together: some in any case, and more of them as long as all are brief together.
///
/// Of files of middle size many must be on their way at a time: what follows from one is then made
/// durable, signed and answered together with what follows from others. Not so many, though, that what is
/// newer or more urgent would wait long behind them.
package struct OpenParcels: Sendable {
    /// How many may be open.
    package struct Limit: Sendable {
        let countMax: Int
        package let briefMax: Int64

        /// `countMax` in any case, and more as long as all have at most `briefMax` bytes together.
        package init(countMax: Int, briefMax: Int64) {
            self.countMax = countMax
            self.briefMax = briefMax
        }

        /// The same with at most so many bytes of brief ones.
        package func brief(atMost bytes: Int64) -> Self {
            Self(countMax: self.countMax, briefMax: min(self.briefMax, bytes))
        }
    }

    private let limit: Limit
    private var count = 0
    /// Their bytes, as far as these count.
    private var bytes: Int64 = 0

    /// None is open.
    package init(atMost limit: Limit) { self.limit = limit }

    /// One more of so many bytes is open.
    package mutating func add(_ size: Int64) {
        self.count += 1
        self.bytes += min(size, self.limit.briefMax + 1 - self.bytes)
    }

    /// Whether another may be opened in any case.
    package var areFew: Bool { self.count < self.limit.countMax }

    /// Whether another of so many bytes may be opened, or one of at least none.
    package func admits(_ size: Int64 = 0) -> Bool {
        self.areFew || size <= self.limit.briefMax - self.bytes
    }
}
