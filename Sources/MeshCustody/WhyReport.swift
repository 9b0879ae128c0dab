package import MeshModel

/// Why a file is where it is: the answer to `why`, and a part of `trace` and `queue list`.
package struct WhyReport: Hashable, Sendable, Codable {
    /// One reason; of several the first weighs most.
    package struct Reason: Hashable, Sendable, Codable {
        /// A ``WhyCode``, or the kind of the statement that ended the parcel.
        package var code: String
        /// A stable code of whoever is the cause: a neighbour's answer, a landing's, a state.
        package var cause: String?
        /// One sentence with the values involved.
        package var message: String
        /// What to do now, where there is something to do.
        package var hint: String?
        /// The neighbour that it is about.
        package var node: String?
        /// Since when.
        package var since: ReportTime?
        /// When it is tried next by itself.
        package var next: ReportTime?
        /// The place among those that wait for the same; 1 is next.
        package var place: UInt64?
        /// Bytes of room that lack.
        package var missing: Int64?

        init(
            _ code: WhyCode,
            _ message: String,
            cause: String? = nil,
            node: NodeName? = nil,
            since: UnixMilliseconds? = nil,
            next: UnixMilliseconds? = nil,
            place: Int? = nil,
            missing: Int64? = nil,
            hint: String? = nil
        ) {
            self.init(code: code.rawValue, message, node: node, since: since, hint: hint)
            self.cause = cause.map { PathBytes.printable(Array($0.utf8)) }
            self.next = next.map(ReportTime.init)
            self.place = place.map { UInt64($0) }
            self.missing = missing
        }

        /// Code, cause and neighbour, for one cell of a table.
        package var brief: String {
            [self.code, self.cause == self.code ? nil : self.cause, self.node]
                .compactMap { $0 }.joined(separator: " ")
        }

        /// Gathers what every reason has.
        package init(
            code: String,
            _ message: String,
            node: NodeName? = nil,
            since: UnixMilliseconds? = nil,
            hint: String? = nil
        ) {
            self.code = code
            self.message = message
            self.node = node?.text
            self.since = since.map(ReportTime.init)
            self.hint = hint
        }
    }

    /// One version of a file, or a file that is none yet.
    package struct Item: Hashable, Sendable, Codable {
        /// 64 hexadecimal digits; absent while the file has not been captured.
        package var id: String?
        /// The path as ``PathBytes/printable(_:)`` shows it.
        package var path: String
        /// Its flow.
        package var flow: String
        /// Whose file it is.
        package var origin: String
        /// Where it stands, in a word: see ``TraceReport/Parcel/state``.
        package var state: String
        /// The node that has the duty to deliver it, as far as is known here.
        package var custodian: String?
        /// Why; never empty.
        package var reasons: [Reason]

        init(_ parcel: TraceReport.Parcel) {
            self.id = parcel.id
            self.path = parcel.path
            self.flow = parcel.flow
            self.origin = parcel.origin
            self.state = parcel.state
            self.custodian = parcel.custodian
            self.reasons = parcel.why
        }

        init(uncaptured path: PathBytes, _ flow: FlowName, _ origin: NodeName, _ reason: Reason) {
            self.path = path.description
            self.flow = flow.text
            self.origin = origin.text
            self.state = "noticed"
            self.reasons = [reason]
        }
    }

    /// The versions that are under way; if none is, the newest; a file that is not captured first.
    package var items: [Item]

    /// Gathers items.
    package init(items: [Item]) { self.items = items }
}

/// Why a file waits, or what is being done with it.
///
/// Stable; `docs/guide/tracing.md` lists them.
package enum WhyCode: String, Sendable, CaseIterable {
    // At the origin, before there is a parcel.
    case sourceMissing = "source_missing"
    case notRegular = "not_regular"
    case notReadable = "not_readable"
    case excluded
    case tooLarge = "too_large"
    case notSent = "not_sent"
    case notDone = "not_done"
    case notSeen = "not_seen"
    case captureQueued = "capture_queued"
    case spoolFull = "spool_full"
    case draining
    case capturing
    case captureRetry = "capture_retry"

    // On the way here.
    case reservation
    case quota
    case landingFull = "landing_full"
    case nextHopAsked = "next_hop_asked"
    case arriving
    case giverAway = "giver_away"
    case notOffered = "not_offered"
    case damaged

    // On the way from here.
    case heldBack = "held_back"
    case flowHeldBack = "flow_held_back"
    case queued
    case offered
    case behind
    case sending
    case awaitingCustody = "awaiting_custody"
    case neighbourFull = "neighbour_full"
    case neighbourLater = "neighbour_later"
    case refusedBy = "refused_by"
    case noCall = "no_call"
    case noWay = "no_way"
    case passed

    // At the collector.
    case landingQueued = "landing_queued"
    case landing
    case landingWaits = "landing_waits"

    // The node as a whole.
    case standingStill = "standing_still"
}
