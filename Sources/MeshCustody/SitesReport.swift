import MeshModel

/// What a collector knows of the nodes that it collects from: the answer to `sites`.
package struct SitesReport: Hashable, Sendable, Codable {
    /// Numbers that are missing.
    package struct Gap: Hashable, Sendable, Codable {
        /// The first number.
        package var first: UInt64
        /// The last number.
        package var last: UInt64
        /// When they were first missed.
        package var since: ReportTime
        /// Which life of the origin's log gave them.
        package var incarnation: String
        /// How many they are.
        package var count: UInt64 { self.last - self.first + 1 }
    }

    /// A flow from one origin.
    package struct Site: Hashable, Sendable, Codable {
        /// The origin.
        package var origin: String
        /// The flow.
        package var flow: String
        /// The latest life of the origin's log that is known here.
        package var incarnation: String?
        /// When anything was last heard of it.
        package var heard: ReportTime?
        /// When its latest tally came: without one nobody can tell what is missing.
        package var tallied: ReportTime?
        /// The path of the file that landed last, as ``PathBytes/printable(_:)`` shows it.
        package var lastPath: String?
        /// When that file landed.
        package var lastLanded: ReportTime?
        /// Parcels that have landed.
        package var landed: UInt64
        /// Parcels that have come in part, or wait here to be landed.
        package var underWay: UInt64
        /// Parcels that the origin has passed on, and that have not come for less than an hour.
        package var onTheWay: UInt64
        /// Parcels that have not come for longer.
        package var gaps: [Gap]
        /// How many those are.
        package var missing: UInt64 { self.gaps.reduce(0) { $0 + $1.count } }
    }

    /// One row for each origin and flow, by name.
    package var sites: [Site]
}
