package import MeshCustody

/// What was examined, and what is wrong: the answer to `doctor`.
package struct DoctorReport: Hashable, Sendable, Codable {
    /// How something is.
    package enum State: String, Hashable, Sendable, Codable, CaseIterable {
        /// As it should be.
        case ok
        /// The node works, and somebody should look at it.
        case warning
        /// The node does not work, or not for long.
        case error
    }

    /// One thing that was examined.
    package struct Check: Hashable, Sendable, Codable {
        /// What kind of thing: a stable name, such as `certificate`.
        package var check: String
        /// Which of that kind; absent where there is but one.
        package var about: String?
        /// How it is.
        package var state: State
        /// What was found, with the values.
        package var message: String
        /// What to do, where something is to be done.
        package var hint: String?

        /// Gathers what was found.
        package init(
            _ check: String,
            about: String? = nil,
            _ state: State,
            _ message: String,
            hint: String? = nil
        ) {
            self.check = check
            self.about = about
            self.state = state
            self.message = message
            self.hint = hint
        }
    }

    /// The home.
    package var home: String
    /// The node; absent where the home could not be read.
    package var node: String?
    /// Whether its daemon answers.
    package var isRunning: Bool
    /// When it was examined.
    package var at: ReportTime
    /// What was examined, in the order of a node's needs.
    package var checks: [Check]

    /// How many are of a state.
    package func count(_ state: State) -> Int { self.checks.count { $0.state == state } }
}
