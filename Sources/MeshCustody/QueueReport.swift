package import MeshModel
package import MeshSpool

/// What is here and under way: the answer to `queue list`.
package struct QueueReport: Hashable, Sendable, Codable {
    /// One parcel that is held or arriving.
    package struct Parcel: Hashable, Sendable, Codable {
        /// 64 hexadecimal digits.
        package var id: String
        /// The path as ``PathBytes/printable(_:)`` shows it.
        package var path: String
        /// Its flow.
        package var flow: String
        /// Whose file it is.
        package var origin: String
        /// The node that is to land it.
        package var collector: String
        /// The file's length in bytes.
        package var size: Int64
        /// How urgent it is: 1 is the most urgent.
        package var parcelClass: UInt8
        /// When it came to this node.
        package var arrived: ReportTime
        /// `held` or `arriving`.
        package var state: String
        /// Why it is here; of several the first weighs most.
        package var reasons: [WhyReport.Reason]

        init(_ row: ParcelRow, _ reasons: [WhyReport.Reason]) {
            self.id = row.id.description
            self.path = PathBytes.printable(row.path)
            self.flow = row.stream.flow.text
            self.origin = row.stream.origin.text
            self.collector = row.collector.text
            self.size = row.size.rawValue
            self.parcelClass = row.parcelClass
            self.arrived = ReportTime(row.arrivedAt)
            self.state = row.state.rawValue
            self.reasons = reasons
        }
    }

    /// In the order in which they came.
    package var parcels: [Parcel]
    /// Where to go on; absent when there is no more.
    package var more: Int64?

    /// Gathers a page.
    package init(parcels: [Parcel], more: Int64?) { (self.parcels, self.more) = (parcels, more) }
}

/// What is asked of `queue list`.
package struct QueueQuestion: Sendable, Hashable {
    /// Which parcels.
    package var filter = QueueFilter()
    /// Only those that go to this neighbour next.
    package var neighbour: NodeName?
    /// Only those of which this is a reason.
    package var code: WhyCode?
    /// How many at most.
    package var limit = 100
    /// Where to go on: ``QueueReport/more``.
    package var after: Int64 = 0

    /// Asks for everything.
    package init() {}
}

/// How old is what waits: the answer to `queue age`.
package struct QueueAgeReport: Hashable, Sendable, Codable {
    /// What is about as old.
    package struct Bucket: Hashable, Sendable, Codable {
        /// How many parcels.
        package var parcels: UInt64 = 0
        /// Their size together, in bytes.
        package var bytes: Int64 = 0
    }

    /// What goes the same way.
    package struct Line: Hashable, Sendable, Codable {
        /// The flow.
        package var flow: String
        /// The neighbour that it goes to next; absent at its collector, where it lands.
        package var node: String?
        /// One for each of ``QueueAgeReport/ages``, and one for what is older.
        package var buckets: [Bucket]
        /// All of them together.
        package var total: Bucket
        /// When the first of them came.
        package var oldest: ReportTime
    }

    /// Upper ends of the buckets, ascending, in milliseconds.
    package var ages: [Int64]
    /// By flow, then by neighbour.
    package var lines: [Line]

    /// A minute, an hour, a day, a week.
    package static let ages: [Int64] = [60_000, 3_600_000, 86_400_000, 7 * 86_400_000]

    init(_ sums: [(sum: QueueAge, next: NodeName?)]) {
        self.ages = Self.ages
        var lines: [String: Line] = [:]
        for (sum, next) in sums {
            var line =
                lines["\(sum.flow) \(next?.text ?? "")"]
                ?? Line(
                    flow: sum.flow.text,
                    node: next?.text,
                    buckets: Array(repeating: Bucket(), count: Self.ages.count + 1),
                    total: Bucket(),
                    oldest: ReportTime(sum.oldest)
                )
            line.buckets[sum.bucket].parcels += UInt64(sum.count)
            line.buckets[sum.bucket].bytes += sum.bytes.rawValue
            line.total.parcels += UInt64(sum.count)
            line.total.bytes += sum.bytes.rawValue
            if sum.oldest < line.oldest.milliseconds { line.oldest = ReportTime(sum.oldest) }
            lines["\(sum.flow) \(next?.text ?? "")"] = line
        }
        self.lines = lines.sorted { $0.key < $1.key }.map(\.value)
    }
}

/// What `queue hold` or `queue release` has done.
package struct HoldReport: Hashable, Sendable, Codable {
    /// Parcels named one by one that wait now, or do no longer.
    package var parcels: UInt64
    /// How many of them were begun before: these finish.
    package var begun: UInt64
    /// The flow, where a whole flow was named.
    package var flow: String?
}

/// What `queue retry` has done.
package struct RetryReport: Hashable, Sendable, Codable {
    /// Offers that were put off, and are made again now.
    package var offers: UInt64 = 0
    /// Refusals that are forgotten.
    package var refusals: UInt64 = 0
    /// Landings that are tried again now.
    package var landings: UInt64 = 0
    /// Captures that are tried again now.
    package var captures: UInt64 = 0
    /// Neighbours without a call that it concerns.
    package var neighbours: [String] = []
}
