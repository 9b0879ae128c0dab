import Dispatch
import MeshContent
import MeshFiles
import MeshModel
import MeshPolicy
import MeshSpool
import MeshTopology

/// What the origin knows of its sources, and what it is capturing.
struct SourceState {
    var flows: [FlowName: FlowSource] = [:]
    /// Whose turn it is, first to last.
    var turns: [FlowName] = []
    /// The batches of small files that are being read, in order: what each may take of the spool.
    var reading: [Int64] = []
    /// Taken from the candidates, and not yet known to the index: nobody else takes this version.
    var underWay: [FlowPath: FileStamp] = [:]
    /// Large files that are being read.
    var capturing = LargeReads(shortMax: GivingLimits.shortMax, briefMax: 16 << 20)
    /// Those whose openings are not durable yet.
    var opening: Set<ParcelID> = []
    /// Whose files wait because the spool is full.
    var full: Set<FlowName> = []
    /// Parcels to be cut anew, or further, after a restart or damage.
    private(set) var unfinished: [Unfinished] = []
    /// When the parcels of a flow are tried again that could not be read.
    var retryAt: [FlowName: UnixMilliseconds] = [:]
    let cancellation = Cancellation()

    /// Whether the reading of a batch may begin: one is read while the one before goes into the log.
    var mayRead: Bool { self.reading.count < 2 }

    /// Whether the reading of a large file may begin: what is unfinished comes first, but for what
    /// could not be read and waits to be tried again.
    func mayCapture(size: Int64, at now: UnixMilliseconds) -> Bool {
        !self.unfinished.contains { self.isDue($0, at: now) } && self.capturing.mayBegin(size: size)
    }

    private func isDue(_ parcel: Unfinished, at now: UnixMilliseconds) -> Bool {
        self.retryAt[parcel.flow].map { $0 <= now } ?? true
    }

    /// Has a parcel cut anew, or further; with a time, no parcel of its flow before that.
    mutating func putOff(_ row: ParcelRow, until time: UnixMilliseconds? = nil) {
        self.unfinished.append(Unfinished(parcel: row.id, flow: row.stream.flow))
        if let time { self.retryAt[row.stream.flow] = time }
    }

    /// Takes out the first parcel that is to be cut anew, or further, now.
    mutating func takeUnfinished(at now: UnixMilliseconds) -> ParcelID? {
        guard let place = self.unfinished.firstIndex(where: { self.isDue($0, at: now) }) else {
            return nil
        }
        return self.unfinished.remove(at: place).parcel
    }
}

/// A parcel that is to be cut anew, or further.
struct Unfinished: Hashable {
    let parcel: ParcelID
    let flow: FlowName
}

/// A file of a flow.
struct FlowPath: Hashable {
    let flow: FlowName
    let path: PathBytes
}

/// A file that is not taken yet.
package struct Settling: Sendable {
    /// Why: a stable code.
    var reason: String
    /// The version that was seen, and since when.
    var stamp: FileStamp?
    var since: UnixMilliseconds
    /// When it is to be looked at again; `nil`: when something happens to it.
    var due: UnixMilliseconds?
}

/// One source, with what was found there.
///
/// A class, so that a queue of many files is changed where it lies; the engine alone has it.
final class FlowSource {
    let source: View.Source
    let root: SourceRoot
    let rule: SourceRule
    let profile: CutProfile
    /// A scan may take long, so what events ask for does not wait behind it.
    let scans = DispatchQueue(label: "tributary.scan")
    let looks = DispatchQueue(label: "tributary.look")

    var queue: CaptureQueue
    var report: WalkReport?
    var lastScan: (at: UnixMilliseconds, milliseconds: Int64)?
    var scanBegan = UnixMilliseconds(0)
    var nextScanAt = UnixMilliseconds(0)
    /// What happened before it is not in the scan that runs.
    var scanWantedAgain = false
    var isScanning = false
    var isLooking = false
    /// How many commands' files are being found.
    var finds = 0
    /// Why the source could not be read, and since when.
    var missing: (code: String, since: UnixMilliseconds)?
    var watch = Watch.none
    var overflows: UInt64 = 0
    /// To be looked at next.
    var noticed: [PathBytes: Cause] = [:]
    var settling: [PathBytes: Settling] = [:]
    /// Those that are not in ``settling``, which is full; a scan finds them.
    var unlisted: [String: Int] = [:]
    /// Begun, found complete, or found unfinished while a scan runs, which may have missed that.
    var begunMeanwhile: Set<PathBytes> = []
    var foundMeanwhile: [PathBytes: WaitingFile] = [:]
    var settlingMeanwhile: [PathBytes: Settling] = [:]
    /// Durable: when the source was first seen.
    var birth: SourceBirth?

    enum Watch: Equatable {
        /// Nobody watches, or has said so yet.
        case none
        case watching(directories: Int)
        case blind(code: String)
    }

    /// The most paths that wait to be looked at, and that settle.
    static let listedMax = 16 << 10
    /// How often a watched source is scanned all the same, in milliseconds.
    static let scanEveryWatched: Int64 = 300_000

    init(_ source: View.Source, _ root: SourceRoot, _ rule: SourceRule, _ profile: CutProfile) {
        self.source = source
        self.root = root
        self.rule = rule
        self.profile = profile
        self.queue = CaptureQueue(order: source.first)
    }

    /// Asks for a scan at some time, or as soon as the one that runs is over.
    func wantScan(at time: UnixMilliseconds) {
        if self.isScanning { self.scanWantedAgain = true }
        self.nextScanAt = min(self.nextScanAt, time)
    }

    /// Notes that a file is not taken yet.
    func settle(_ path: PathBytes, _ settling: Settling) {
        guard self.settling[path] != nil || self.settling.count < Self.listedMax else {
            self.unlisted[settling.reason, default: 0] += 1
            if let due = settling.due { self.wantScan(at: due) }
            return
        }
        self.settling[path] = settling
        if self.isScanning { self.settlingMeanwhile[path] = settling }
    }

    func unsettle(_ path: PathBytes) {
        self.settling[path] = nil
        self.settlingMeanwhile[path] = nil
    }

    /// Notes that files should be looked at.
    func notice(_ paths: some Sequence<(PathBytes, Cause)>, at now: UnixMilliseconds) {
        for (path, cause) in paths {
            guard self.noticed.count < Self.listedMax else {
                // A scan finds them faster than one by one.
                self.noticed = [:]
                return self.wantScan(at: now)
            }
            if cause == .placed || self.noticed[path] == nil { self.noticed[path] = cause }
        }
    }
}

/// When a source was first seen, as a record in the log keeps it.
///
/// Files that were last changed before are its backlog. The time is that of its own file system: the
/// latest change of any file that the first scan found, so that no two clocks are compared.
struct SourceBirth: Hashable {
    var path: String
    /// Latest inode change of any file then, nanoseconds since 1970.
    var changedNanoseconds: Int64
    /// The device that the files were on when the source last held any.
    var device: UInt64

    static let kind = "source"

    /// One task a flow, written anew when something changes.
    static func taskID(_ flow: FlowName) -> UInt64 {
        Digest.sha256(Array("source \(flow)".utf8)).bytes.prefix(8)
            .reduce(0) { $0 << 8 | UInt64($1) } >> 1
    }

    func task(_ flow: FlowName) -> SpoolTask {
        let lines = [flow.text, "\(self.changedNanoseconds)", "\(self.device)", self.path]
        return SpoolTask(
            id: Self.taskID(flow),
            kind: Self.kind,
            body: Array(lines.joined(separator: "\n").utf8)
        )
    }

    /// Reads what ``task(_:)`` wrote.
    static func read(_ task: SpoolTask) -> (flow: FlowName, birth: Self)? {
        let lines = String(decoding: task.body, as: UTF8.self)
            .split(separator: "\n", maxSplits: 3).map(String.init)
        guard task.kind == Self.kind, lines.count == 4, let flow = FlowName(lines[0]),
            let changed = Int64(lines[1]), let device = UInt64(lines[2])
        else { return nil }
        return (flow, Self(path: lines[3], changedNanoseconds: changed, device: device))
    }
}
