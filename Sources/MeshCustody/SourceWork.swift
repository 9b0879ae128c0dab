import Dispatch
import MeshFiles
import MeshModel
import MeshPolicy
import MeshSpool

/// What a walk of a source showed.
package struct Scan: Sendable {
    /// What is to be captured, in order.
    var queue: CaptureQueue
    /// What is not done yet.
    var settling: [PathBytes: Settling]
    /// More of that, counted only.
    var unlisted: [String: Int]
    /// What else was there.
    var report: WalkReport
    /// The latest change of any file, nanoseconds since 1970.
    var changedNanoseconds: Int64
}

/// What a command's paths stand for.
package struct Found: Sendable {
    /// The flow.
    var flow: FlowName
    /// The files.
    var files: [SeenFile]
    /// What else was there.
    var report: WalkReport
}

/// What a look at single files showed.
package struct Looked: Sendable {
    /// What is to be captured.
    var ready: [WaitingFile] = []
    /// What is not done yet.
    var settling: [(PathBytes, Settling)] = []
    /// What is no file any more, was captured already, or never travels.
    var done: [PathBytes] = []
}

/// Looks at a source on threads of its own; knows nothing of custody.
struct SourceWork: Sendable {
    let flow: FlowName
    let root: SourceRoot
    let rule: SourceRule
    let birth: SourceBirth?
    let store: Index
    let cancellation: Cancellation
    let now: UnixMilliseconds
    /// What was seen before and had not rested.
    let settling: [PathBytes: Settling]

    static let finds = DispatchQueue(label: "tributary.find")

    /// Files that are compared with the index at a time.
    private static let compared = 512
    /// Files that are put in order at a time.
    private static let sorted = 8_192

    private enum Verdict {
        case ready(WaitingFile)
        case waits(Settling)
        case tooLarge
        case known
    }

    /// Walks the source and keeps what differs from what was captured.
    func scan() -> Result<Scan, CaptureFailure> {
        CaptureFailure.caught { () throws -> Scan in
            var scan = Scan(
                queue: CaptureQueue(order: self.rule.order),
                settling: [:],
                unlisted: [:],
                report: WalkReport(),
                changedNanoseconds: 0
            )
            var pending: [Sight] = []
            var ready: [WaitingFile] = []
            var tooLarge: [PathBytes] = []
            func compare() throws {
                for (sight, verdict) in try self.judge(pending.map { ($0, .scanned) }, isScan: true)
                {
                    switch verdict {
                    case .ready(let file): ready.append(file)
                    case .tooLarge: tooLarge.append(sight.file.path)
                    case .known: break
                    case .waits(let settling):
                        if scan.settling.count < FlowSource.listedMax {
                            scan.settling[sight.file.path] = settling
                        } else {
                            scan.unlisted[settling.reason, default: 0] += 1
                        }
                    }
                }
                pending = []
                guard ready.count >= Self.sorted else { return }
                scan.queue.insert(ready)
                ready = []
            }
            scan.report = try self.root.survey(
                markedBy: self.rule.marker,
                lastOn: self.birth?.device
            ) { sight in
                if self.cancellation.isCancelled { throw CancellationError() }
                scan.changedNanoseconds = max(
                    scan.changedNanoseconds,
                    sight.file.stamp.changedNanoseconds
                )
                pending.append(sight)
                if pending.count >= Self.compared { try compare() }
            }
            try compare()
            scan.queue.insert(ready)
            for path in tooLarge { scan.report.skip(path.bytes, .tooLarge) }
            return scan
        }
    }

    /// Looks at single files.
    func look(at noticed: [PathBytes: Cause]) -> Result<Looked, CaptureFailure> {
        CaptureFailure.caught { () throws -> Looked in
            var looked = Looked()
            var sights: [(Sight, Cause)] = []
            try self.root.look(at: noticed.keys, markedBy: self.rule.marker) { path, sight in
                guard let sight else { return looked.done.append(path) }
                sights.append((sight, noticed[path] ?? .written))
            }
            for (sight, verdict) in try self.judge(sights, isScan: false) {
                switch verdict {
                case .ready(let file): looked.ready.append(file)
                case .waits(let settling): looked.settling.append((sight.file.path, settling))
                case .tooLarge, .known: looked.done.append(sight.file.path)
                }
            }
            return looked
        }
    }

    /// Finds the files at or beneath paths that a command named; `nil` is the root.
    func find(_ paths: [PathBytes?]) -> Result<Found, CaptureFailure> {
        CaptureFailure.caught { () throws -> Found in
            var files: [SeenFile] = []
            let named = paths.compactMap { $0?.bytes }
            let isAll = named.count < paths.count
            let report = try self.root.survey { sight in
                let path = sight.file.path.bytes
                let isExact = named.contains(path)
                // A directory stands for what it holds, and markers are not of it.
                let isMarker = self.rule.marker.map { path.hasSuffix($0) } ?? false
                let isBeneath =
                    !isMarker
                    && (isAll
                        || named.contains { name in
                            path.starts(with: name) && path.count > name.count
                                && path[name.count] == UInt8(ascii: "/")
                        })
                if isExact || isBeneath { files.append(sight.file) }
            }
            return Found(flow: self.flow, files: files, report: report)
        }
    }

    private func judge(_ sights: [(Sight, Cause)], isScan: Bool) throws -> [(Sight, Verdict)] {
        guard !sights.isEmpty else { return [] }
        let known = try self.store.sourceStamps(
            flow: self.flow,
            paths: sights.map(\.0.file.path)
        )
        return sights.map { sight, cause in
            let file = sight.file
            if let stamp = known[file.path], stamp.isSameVersion(as: file.stamp) {
                return (sight, .known)
            }
            guard file.stamp.size <= self.rule.largest else { return (sight, .tooLarge) }
            return (sight, self.verdict(on: sight, cause, isScan: isScan))
        }
    }

    private func verdict(on sight: Sight, _ cause: Cause, isScan: Bool) -> Verdict {
        let file = sight.file
        let before = self.settling[file.path]
        let seen = before?.stamp == file.stamp ? before.map { (file.stamp, $0.since) } : nil
        let known = DoneRule.Sight(
            stamp: file.stamp,
            links: sight.links,
            isMarked: sight.isMarked,
            cause: cause,
            seen: seen
        )
        var verdict = self.rule.done.verdict(on: known, at: self.now)
        if verdict == .ask {
            let isOpen: Bool? =
                switch (try? self.root.open(file.path))?.writers() {
                case .some(.none): false
                case .some(.some): true
                case .some(.unknown), nil: nil
                }
            verdict = self.rule.done.verdict(on: known, isOpen: isOpen, at: self.now)
        }
        guard case .waits(let reason, let until) = verdict else {
            let isBacklog = self.rule.isBacklog(
                file.stamp,
                since: self.birth,
                isFirstScan: isScan
            )
            return .ready(WaitingFile(file, isBacklog: isBacklog))
        }
        return .waits(
            Settling(
                reason: reason.rawValue,
                stamp: file.stamp,
                since: seen?.1 ?? self.now,
                due: until
            )
        )
    }
}

extension WaitingFile {
    init(_ file: SeenFile, isBacklog: Bool = false) {
        self.init(path: file.path, stamp: file.stamp, mode: file.mode, isBacklog: isBacklog)
    }
}

extension SeenFile {
    init(_ file: WaitingFile) {
        self.init(path: file.path, stamp: file.stamp, mode: file.mode)
    }
}
