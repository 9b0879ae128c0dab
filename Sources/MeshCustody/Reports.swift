package import MeshModel

/// A time in a report: ISO 8601 in UTC with milliseconds.
package struct ReportTime: Hashable, Sendable, Codable {
    /// The time.
    package var milliseconds: UnixMilliseconds

    /// Wraps a time.
    package init(_ milliseconds: UnixMilliseconds) { self.milliseconds = milliseconds }

    /// Reads such text.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let time = UnixMilliseconds(iso8601: try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a time")
        }
        self.milliseconds = time
    }

    /// Writes such text.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(self.milliseconds.description)
    }
}

/// What a daemon says of itself: the answer to `status`.
package struct StatusReport: Hashable, Sendable, Codable {
    /// The room for parcels, in bytes.
    package struct Spool: Hashable, Sendable, Codable {
        /// The most that it may take.
        package var limit: Int64
        /// What it takes, in allocated blocks.
        package var used: Int64
        /// Parcels that room is promised to and not used up.
        package var reservations: UInt64
        /// The bytes that are promised to them.
        package var promised: Int64
        /// What is neither used nor promised nor kept for control.
        package var free: Int64
        /// Gathers what there is.
        package init(
            limit: ByteCount,
            used: ByteCount,
            reservations: Int = 0,
            promised: ByteCount = .zero,
            free: ByteCount = .zero
        ) {
            self.limit = limit.rawValue
            self.used = used.rawValue
            self.reservations = UInt64(reservations)
            self.promised = promised.rawValue
            self.free = max(0, free.rawValue)
        }
    }

    /// Parcels that go to a neighbour next.
    package struct Waiting: Hashable, Sendable, Codable {
        /// How many.
        package var parcels: UInt64 = 0
        /// Their size together, in bytes.
        package var bytes: Int64 = 0
        /// When the first of them came.
        package var oldest: ReportTime?
        /// None yet.
        package init() {}
    }

    /// What went wrong with a neighbour last.
    package struct Failure: Hashable, Sendable, Codable {
        /// A stable code.
        package var code: String
        /// What happened, for people.
        package var message: String
        /// When.
        package var at: ReportTime
        /// Gathers the three.
        package init(code: String, message: String, at: UnixMilliseconds) {
            self.code = code
            self.message = message
            self.at = ReportTime(at)
        }
    }

    /// What has crossed the wire to a neighbour, TLS included, in bytes.
    package struct Wire: Hashable, Sendable, Codable {
        /// Both ways, in one call.
        package struct Call: Hashable, Sendable, Codable {
            /// What went.
            package var sent: UInt64
            /// What came.
            package var received: UInt64
            /// Gathers the two.
            package init(sent: UInt64, received: UInt64) {
                self.sent = sent
                self.received = received
            }
        }

        /// What went since the daemon started.
        package var sent: UInt64
        /// What came since the daemon started.
        package var received: UInt64
        /// What of that which went was files, as they are stored: mostly compressed.
        package var payloadSent: UInt64
        /// Of the call that is up.
        package var call: Call?
        /// Gathers what was counted.
        package init(sent: UInt64, received: UInt64, payloadSent: UInt64) {
            self.sent = sent
            self.received = received
            self.payloadSent = payloadSent
        }
    }

    /// A node that this one has a link with.
    package struct Neighbour: Hashable, Sendable, Codable {
        /// Its name.
        package var name: String
        /// How it stands with it: a ``PeerWord``.
        package var state: String
        /// Since when.
        package var since: ReportTime?
        /// When it is dialled next.
        package var next: ReportTime?
        /// Why the last call ended or did not come about; gone with the next that opens.
        package var lastError: Failure?
        /// What is here and goes to it next.
        package var waiting: Waiting?
        /// By how many milliseconds its clock was ahead of ours when the call opened, the time that
        /// its first message took included; only while a call is up.
        package var clockAhead: Int64?
        /// What has crossed the wire to it; absent until the first call.
        package var wire: Wire?
        /// Gathers what is known of a neighbour.
        package init(
            name: NodeName,
            state: PeerWord,
            since: UnixMilliseconds? = nil,
            next: UnixMilliseconds? = nil,
            lastError: Failure? = nil
        ) {
            self.name = name.text
            self.state = state.rawValue
            self.since = since.map(ReportTime.init)
            self.next = next.map(ReportTime.init)
            self.lastError = lastError
        }
    }

    /// How long a certificate lasts.
    package struct Certificate: Hashable, Sendable, Codable {
        /// The last second in which it is valid.
        package var expires: ReportTime
        /// Whole days until then; negative when it is over.
        package var daysLeft: Int64
        /// Counts the days.
        package init(expires: UnixMilliseconds, at now: UnixMilliseconds) {
            self.expires = ReportTime(expires)
            let left = expires.rawValue - now.rawValue
            self.daysLeft = left < 0 ? -(-left / 86_400_000) - 1 : left / 86_400_000
        }
        /// Whether it is time to renew it.
        package var isShort: Bool { self.daysLeft < 30 }
    }

    /// Something that the mesh asks for and the site's administrator has not allowed.
    package struct Forbidden: Hashable, Sendable, Codable {
        /// What.
        package var message: String
        /// How to allow it.
        package var hint: String?
        /// Gathers the two.
        package init(message: String, hint: String?) {
            self.message = message
            self.hint = hint
        }
    }

    /// What a flow has here.
    package struct Flow: Hashable, Sendable, Codable {
        /// Its name.
        package var flow: String
        /// What this node is to it: `origin`, `relay` or `collector`.
        package var role: String
        /// Files noticed and not yet captured.
        package var waiting: UInt64?
        /// Parcels in this node's custody.
        package var held: UInt64?
        /// Parcels that have landed: here at the collector, as stated at the origin.
        package var landed: UInt64?
        /// Parcels that ended otherwise.
        package var ended: UInt64?
        /// Gathers the counts.
        package init(
            flow: FlowName,
            role: String,
            waiting: UInt64? = nil,
            held: UInt64? = nil,
            landed: UInt64? = nil,
            ended: UInt64? = nil
        ) {
            self.flow = flow.text
            self.role = role
            self.waiting = waiting
            self.held = held
            self.landed = landed
            self.ended = ended
        }
    }

    /// This node's name.
    package var node: String
    /// The mesh that it is of.
    package var mesh: String
    /// Which life of its log this is: number and random part in hexadecimal.
    package var incarnation: String
    /// When the daemon started.
    package var started: ReportTime
    /// The room for parcels.
    package var spool: Spool
    /// The nodes that it has a link with.
    package var neighbours: [Neighbour]
    /// The flows that it has something of.
    package var flows: [Flow]
    /// Further counts by name.
    package var counts: [String: Int64]
    /// Whether the node is who its log says.
    package var life: LifeReport?
    /// The serial of the index and the view that it goes by.
    package var serial: UInt64?
    /// How long its TLS certificate lasts.
    package var certificate: Certificate?
    /// What the mesh asks for and the site forbids.
    package var forbidden: [Forbidden]?

    /// Gathers a report.
    package init(
        node: NodeName,
        mesh: MeshName,
        incarnation: Incarnation,
        started: UnixMilliseconds,
        spool: Spool,
        neighbours: [Neighbour],
        flows: [Flow],
        counts: [String: Int64] = [:]
    ) {
        self.node = node.text
        self.mesh = mesh.text
        self.incarnation = incarnation.reported
        self.started = ReportTime(started)
        self.spool = spool
        self.neighbours = neighbours
        self.flows = flows
        self.counts = counts
    }
}

/// How a hand-over of files goes: the events and the answer of `send`.
package struct SendReport: Hashable, Sendable, Codable {
    /// A file, with what was done about it.
    package struct Refusal: Hashable, Sendable, Codable {
        /// The path as ``PathBytes/printable(_:)`` shows it.
        package var path: String
        /// A stable code, or a sentence.
        package var why: String
        /// Gathers the two.
        package init(path: String, why: String) {
            self.path = path
            self.why = why
        }
    }

    /// `progress` in an event, absent in the answer.
    package var event: String?
    /// Files taken so far.
    package var files: UInt64
    /// Their bytes.
    package var bytes: Int64
    /// How many of them have landed.
    package var landed: UInt64
    /// The bytes of those, as they were when the files were found; only when they are waited for.
    package var landedBytes: Int64?
    /// How many files there will be, once that is known.
    package var of: UInt64?
    /// What is no regular file, or was left alone for another harmless reason.
    package var skipped: [Refusal]?
    /// What should have gone and did not, or ended otherwise than landed.
    package var refused: [Refusal]?

    /// Gathers a report.
    package init(
        event: String? = nil,
        files: UInt64,
        bytes: Int64,
        landed: UInt64,
        landedBytes: Int64? = nil,
        of: UInt64? = nil,
        skipped: [Refusal]? = nil,
        refused: [Refusal]? = nil
    ) {
        self.event = event
        self.files = files
        self.bytes = bytes
        self.landed = landed
        self.landedBytes = landedBytes
        self.of = of
        self.skipped = skipped
        self.refused = refused
    }
}

/// What a node knows of parcels: the answer to `trace`.
package struct TraceReport: Hashable, Sendable, Codable {
    /// Something that happened to a parcel.
    package struct Event: Hashable, Sendable, Codable {
        /// When, by the clock of the node that says so.
        package var at: ReportTime
        /// Who says so.
        package var node: String
        /// A statement's kind, or another word for what happened.
        package var what: String
        /// More about it.
        package var detail: String?
        /// `verifies`, `fails`, `unsigned` or `unknown`.
        package var signature: String
        /// Gathers an event.
        package init(
            at: UnixMilliseconds,
            node: NodeName,
            what: String,
            detail: String? = nil,
            signature: String
        ) {
            self.at = ReportTime(at)
            self.node = node.text
            self.what = what
            self.detail = detail
            self.signature = signature
        }
    }

    /// One line of the passage.
    package struct Hop: Hashable, Sendable, Codable {
        /// The node.
        package var node: String
        /// When the first of it came in.
        package var arrived: ReportTime
        /// When all of it was durable there.
        package var held: ReportTime
        /// When the closing went to the next hop; of this node, when that had custody.
        package var sent: ReportTime?
        /// When the node stated custody, where its statement is known here.
        package var custody: ReportTime?
        /// Of the statement that stands for all lines: as an event's.
        package var signature: String?
        /// Gathers a line.
        package init(
            node: NodeName,
            arrived: UnixMilliseconds,
            held: UnixMilliseconds,
            sent: UnixMilliseconds? = nil,
            signature: String? = nil
        ) {
            self.signature = signature
            self.node = node.text
            self.arrived = ReportTime(arrived)
            self.held = ReportTime(held)
            self.sent = sent.map(ReportTime.init)
        }
    }

    /// One version of a file on its way.
    package struct Parcel: Hashable, Sendable, Codable {
        /// 64 hexadecimal digits.
        package var id: String
        /// The path as ``PathBytes/printable(_:)`` shows it.
        package var path: String
        /// Its flow.
        package var flow: String
        /// Whose file it is.
        package var origin: String
        /// The number that the origin gave it.
        package var sequence: UInt64
        /// The file's length in bytes.
        package var size: Int64
        /// Where it stands at this node: `offered`, `arriving`, `held`, `damaged`, `passed`, or
        /// the kind of the statement that ended it.
        package var state: String
        /// The node that has the duty to deliver it, as far as is known here.
        package var custodian: String?
        /// Why it is where it is; of several reasons the first weighs most.
        package var why: [WhyReport.Reason] = []
        /// What happened, oldest first.
        package var events: [Event]
        /// The way that it took.
        package var hops: [Hop]
        /// Gathers what is known of a parcel.
        package init(
            id: ParcelID,
            path: [UInt8],
            flow: FlowName,
            origin: NodeName,
            sequence: SequenceNumber,
            size: ByteCount,
            state: String,
            events: [Event],
            hops: [Hop]
        ) {
            self.id = id.description
            self.path = PathBytes.printable(path)
            self.flow = flow.text
            self.origin = origin.text
            self.sequence = sequence.rawValue
            self.size = size.rawValue
            self.state = state
            self.events = events
            self.hops = hops
        }
    }

    /// The parcels, newest version first.
    package var parcels: [Parcel]
    /// Gathers parcels.
    package init(parcels: [Parcel]) { self.parcels = parcels }
}
