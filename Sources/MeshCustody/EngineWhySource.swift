import Dispatch
import MeshFiles
import MeshModel
import MeshPolicy
import MeshSpool
import MeshTopology

/// What the engine knows of a file in a source, to say why its version there is no parcel.
struct SourceFacts: Sendable {
    let flow: FlowName
    let path: PathBytes
    let root: SourceRoot
    /// The version that was captured last.
    var captured: FileStamp?
    /// The version that is being captured.
    var underWay: FileStamp?
    /// The longest file that can ever be taken.
    var largest: Int64
    var isSentOnly: Bool
    /// Nothing new is taken at all.
    var isShut: Bool
    /// Among those that are captured next.
    var isQueued: Bool
    /// Room that is free for it.
    var room: Int64
    var isCopied: Bool
    var nextScan: UnixMilliseconds
    var missing: (code: String, since: UnixMilliseconds)?
    /// Seen, and not complete then.
    var settling: Settling?

    private static let questions = DispatchQueue(label: "tributary.why")

    /// Looks at the file on a thread of its own, for disks may hang.
    func look(_ then: @escaping @Sendable (Result<FileStamp, any Error>) -> Void) {
        let (root, path) = (self.root, self.path)
        Self.questions.async { then(Result { try root.open(path).stamp() }) }
    }

    /// Why the version that is there is no parcel; `nil` if it is one, or nothing is there.
    func reason(_ found: Result<FileStamp, any Error>) -> WhyReport.Reason? {
        let stamp: FileStamp
        switch found {
        case .success(let there): stamp = there
        case .failure(let error): return self.reason(error)
        }
        guard self.captured?.isSameVersion(as: stamp) != true else { return nil }
        if stamp == self.underWay { return .init(.capturing, "The file is being read.") }
        let file = "\(self.root.path)/\(self.path)"
        if stamp.size > self.largest {
            return .init(
                .tooLarge,
                "It has \(ByteCount(stamp.size)); at most \(ByteCount(self.largest)) can be taken.",
                hint: "Give this node a larger `spool` in the topology, have the source not copied "
                    + "(`copy: false`), or look at `largest`."
            )
        }
        if self.isShut {
            return .init(
                .draining,
                "This node is being drained and takes nothing new.",
                hint: "`tributary drain --off` lets it take files again."
            )
        }
        if self.isQueued { return self.queuedReason(stamp) }
        if self.isSentOnly {
            return .init(
                .notSent,
                "Flow \(self.flow) sends only what is handed over.",
                hint: "`tributary send \(file)` hands it over."
            )
        }
        if let settling = self.settling { return Self.unfinished(settling) }
        let name = self.path.bytes.split(separator: UInt8(ascii: "/")).last ?? []
        if name.starts(with: Array(".tributary-".utf8)) {
            return .init(.excluded, "Names that begin with `.tributary-` are never sent.")
        }
        return .init(
            .notSeen,
            "No scan has seen this version yet.",
            next: self.nextScan,
            hint: "`tributary send \(file)` takes it at once."
        )
    }

    private static func unfinished(_ settling: Settling) -> WhyReport.Reason {
        let (message, hint): (String, String?) =
            switch WaitReason(rawValue: settling.reason) {
            case .tooYoung: ("It changed a moment ago, and is taken once it rests.", nil)
            case .beingWritten:
                ("A program has it open for writing.", "It is taken once that program closes it.")
            case .noMarker:
                (
                    "Its marker is not there.",
                    "Create the marker that `done-when` of the flow names once the file is complete."
                )
            case nil: ("It could not be looked at; this is tried again.", nil)
            }
        return .init(
            .notDone,
            message,
            cause: settling.reason,
            since: settling.since,
            next: settling.due,
            hint: hint
        )
    }

    private func queuedReason(_ stamp: FileStamp) -> WhyReport.Reason {
        let missing = Engine.reservation(ByteCount(stamp.size), isCopied: self.isCopied) - self.room
        guard missing > 0 else {
            return .init(.captureQueued, "It is read in its turn; other files go first.")
        }
        return .init(
            .spoolFull,
            "The spool of this node is full: \(ByteCount(missing)) are missing for it.",
            missing: missing,
            hint: "It is read once parcels are handed on: `tributary queue age` shows what waits."
        )
    }

    private func reason(_ failure: any Error) -> WhyReport.Reason? {
        guard let error = failure as? FilesError else {
            return .init(.notReadable, "\(failure)", hint: "Look at the log of this node.")
        }
        switch error.code {
        case .fileMissing: return nil
        case .sourceMissing:
            return .init(
                .sourceMissing,
                error.message,
                cause: self.missing?.code,
                since: self.missing?.since,
                next: self.nextScan,
                hint: error.hint
            )
        case .notRegular, .pathRefused:
            return .init(
                .notRegular,
                error.message,
                cause: error.code.rawValue,
                hint: "Only regular files are sent: no links, devices, pipes or directories."
            )
        default:
            return .init(
                .notReadable,
                error.message,
                cause: error.code.rawValue,
                hint: error.hint ?? "Look at the disk, and at the log of this node."
            )
        }
    }
}

// Why a file is no parcel yet.
extension Engine {
    /// Answers with parcels, and with the file itself where it lies in a source of this node.
    func why(_ query: TraceQuery, _ reply: @escaping @Sendable (WhyReport) -> Void) {
        let report = self.why(query)
        guard case .path(let path) = query else { return reply(report) }
        let facts = self.sourceFacts(path)
        guard let one = facts.first else { return reply(report) }
        let node = self.parts.node
        let still: Reason? =
            self.standsStill
            ? Reason(.standingStill, self.standingStill.message, hint: self.standingStill.hint)
            : nil
        one.look { found in
            guard let reason = one.reason(found) else { return reply(report) }
            let item = WhyReport.Item(uncaptured: one.path, one.flow, node, still ?? reason)
            let live = report.items.filter { $0.isUnderWay }
            reply(WhyReport(items: [item] + live))
        }
    }

    /// What is known of a file that lies in a source, by its absolute path.
    private func sourceFacts(_ path: [UInt8]) -> [SourceFacts] {
        guard path.first == UInt8(ascii: "/"), let (flow, beneath) = self.locate(path, flow: nil),
            let path = beneath, let root = self.parts.sources[flow],
            let known = self.sources.flows[flow]
        else { return [] }
        let source = known.source
        return [
            SourceFacts(
                flow: flow,
                path: path,
                root: root,
                captured: self.ask(nil) { try $0.capture(flow: flow, path: path.bytes) }?.0,
                underWay: self.sources.underWay[FlowPath(flow: flow, path: path)],
                largest: known.rule.largest,
                isSentOnly: !known.rule.isScanned,
                isShut: self.isShut,
                isQueued: known.queue.contains(path),
                room: self.freeRoom(for: source.collector),
                isCopied: source.isCopied,
                nextScan: known.nextScanAt,
                missing: known.missing,
                settling: known.settling[path]
            )
        ]
    }
}

extension WhyReport.Item {
    /// Whether the node still has something to do for it.
    var isUnderWay: Bool { ["arriving", "held", "damaged", "offered"].contains(self.state) }
}
