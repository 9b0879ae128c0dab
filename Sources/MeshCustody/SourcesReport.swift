package import MeshModel

/// What a node knows of the sources that it sends: the answer to `sources`.
package struct SourcesReport: Hashable, Sendable, Codable {
    /// How a node learns what happens in a source.
    package struct Watch: Hashable, Sendable, Codable {
        /// `watching`, `scanning` or, where only commands hand files over, `command`.
        package var state: String
        /// How many directories are watched.
        package var directories: Int?
        /// Why it only scans: a stable code.
        package var why: String?
        /// How often the kernel could not keep up, so that the source was scanned instead.
        package var overflows: UInt64

        /// Gathers what is known.
        package init(
            state: String,
            directories: Int? = nil,
            why: String? = nil,
            overflows: UInt64 = 0
        ) {
            self.state = state
            self.directories = directories
            self.why = why
            self.overflows = overflows
        }
    }

    /// A walk of a source.
    package struct Walk: Hashable, Sendable, Codable {
        /// When it began.
        package var at: ReportTime
        /// How long it took, in milliseconds.
        package var milliseconds: Int64
        /// Regular files that were there.
        package var files: Int
        /// Their bytes.
        package var bytes: Int64

        /// Gathers what is known.
        package init(at: UnixMilliseconds, milliseconds: Int64, files: Int, bytes: Int64) {
            self.at = ReportTime(at)
            self.milliseconds = milliseconds
            self.files = files
            self.bytes = bytes
        }
    }

    /// What is not sent, or not yet.
    package struct LeftAlone: Hashable, Sendable, Codable {
        /// Why: a stable code.
        package var reason: String
        /// How much of it there is.
        package var count: Int
        /// Some paths, as ``PathBytes/printable(_:)`` shows them.
        package var examples: [String]

        /// Gathers what is known.
        package init(reason: String, count: Int, examples: [String]) {
            self.reason = reason
            self.count = count
            self.examples = examples
        }
    }

    /// A source that is not there.
    package struct Missing: Hashable, Sendable, Codable {
        /// A stable code.
        package var code: String
        /// Since when.
        package var since: ReportTime

        /// Gathers the two.
        package init(code: String, since: UnixMilliseconds) {
            self.code = code
            self.since = ReportTime(since)
        }
    }

    /// One source.
    package struct Source: Hashable, Sendable, Codable {
        /// Its flow.
        package var flow: String
        /// Its directory.
        package var path: String
        /// Where the flow lands.
        package var collector: String
        /// When a file counts as complete, as the topology says it.
        package var doneWhen: String
        /// Which file goes first.
        package var first: String
        /// Whether what was there first goes `first` or `last`.
        package var backlog: String
        /// `false` where long files stay in the source and are not copied into the spool.
        package var isCopied: Bool?
        /// How it learns what happens.
        package var watch: Watch
        /// The last walk that reached its end.
        package var lastScan: Walk?
        /// When the next one is due.
        package var nextScan: ReportTime?
        /// Whether one runs now.
        package var isScanning: Bool
        /// Files that are complete and not yet begun.
        package var waiting: Int
        /// Their bytes.
        package var waitingBytes: Int64
        /// Files that are being read now.
        package var capturing: Int
        /// Whether they wait because the spool is full.
        package var isFull: Bool
        /// Why nothing can be read, if it cannot.
        package var missing: Missing?
        /// What is not sent, or not yet, by reason.
        package var leftAlone: [LeftAlone]

        /// Gathers what is known of a source.
        package init(
            flow: FlowName,
            path: String,
            collector: NodeName,
            doneWhen: String,
            first: String,
            backlog: String,
            isCopied: Bool? = nil,
            watch: Watch,
            lastScan: Walk? = nil,
            nextScan: UnixMilliseconds? = nil,
            isScanning: Bool = false,
            waiting: Int = 0,
            waitingBytes: Int64 = 0,
            capturing: Int = 0,
            isFull: Bool = false,
            missing: Missing? = nil,
            leftAlone: [LeftAlone] = []
        ) {
            self.flow = flow.text
            self.path = path
            self.collector = collector.text
            self.doneWhen = doneWhen
            self.first = first
            self.backlog = backlog
            self.isCopied = isCopied
            self.watch = watch
            self.lastScan = lastScan
            self.nextScan = nextScan.map(ReportTime.init)
            self.isScanning = isScanning
            self.waiting = waiting
            self.waitingBytes = waitingBytes
            self.capturing = capturing
            self.isFull = isFull
            self.missing = missing
            self.leftAlone = leftAlone
        }
    }

    /// The sources, in the order of the topology.
    package var sources: [Source]
    /// Gathers sources.
    package init(sources: [Source]) { self.sources = sources }
}
