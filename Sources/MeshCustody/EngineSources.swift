import Dispatch
import Logging
import MeshContent
package import MeshFiles
package import MeshModel
import MeshPolicy
import MeshSpool
import MeshTopology

// What is noticed in the sources, and when they are looked at.
extension Engine {
    func resumeSources() {
        let births = Dictionary(
            self.ask([], { try $0.tasks() }).compactMap { SourceBirth.read($0) }
                .map { ($0.flow, $0.birth) },
            uniquingKeysWith: { $1 }
        )
        for source in self.parts.view.sends {
            guard let root = self.parts.sources[source.flow],
                let profile = CutProfile.profile(source.profile)
            else { continue }
            let most = self.room.shares.most(for: source.collector)
            let rule = SourceRule(source, room: ByteCount(most))
            let flow = FlowSource(source, root, rule, profile)
            if let birth = births[source.flow], birth.path == source.path { flow.birth = birth }
            // A watch says when it sees everything; a scan before that would miss something.
            if self.parts.watchesSources { flow.nextScanAt = self.now.adding(milliseconds: 5_000) }
            self.sources.flows[source.flow] = flow
        }
        // A higher class goes first.
        self.sources.turns = self.parts.view.sends
            .sorted { $0.parcelClass < $1.parcelClass }.map(\.flow)
    }

    /// The sources whose files are taken without a command: those that are worth watching.
    package nonisolated var watchedSources: [FlowName: SourceRoot] {
        let watched = self.parts.view.sends.filter { $0.doneWhen != .sent }.map(\.flow)
        return self.parts.sources.filter { watched.contains($0.key) }
    }

    private func work(on flow: FlowSource) -> SourceWork {
        SourceWork(
            flow: flow.source.flow,
            root: flow.root,
            rule: flow.rule,
            birth: flow.birth,
            store: self.store,
            cancellation: self.sources.cancellation,
            now: self.now,
            settling: flow.settling
        )
    }

    /// Scans what is due, and looks at what has rested long enough.
    func lookAtSources(_ now: UnixMilliseconds) {
        guard !self.isEnding, !self.standsStill else { return }
        for flow in self.sources.flows.values where flow.rule.isScanned {
            let due = flow.settling.filter { $0.value.due.map { $0 <= now } ?? false }
            flow.notice(due.keys.map { ($0, .written) }, at: now)
            self.scan(flow, now)
            self.look(flow)
        }
    }

    /// Has every source scanned soon: what was captured may have to be captured again.
    func scanSources() {
        for flow in self.sources.flows.values { flow.wantScan(at: self.now) }
    }

    /// How long a scan waits for what a command has handed over, in milliseconds.
    private static let scanWaitsMax: Int64 = 30_000

    private func scan(_ flow: FlowSource, _ now: UnixMilliseconds) {
        guard !flow.isScanning,
            flow.nextScanAt <= now || (flow.queue.needsScan && flow.missing == nil),
            !self.waitsForCommands(flow, now)
        else { return }
        flow.isScanning = true
        flow.scanBegan = now
        let work = self.work(on: flow)
        let mailbox = self.mailbox
        flow.scans.async { mailbox.yield(.capture(.scanned(work.flow, work.scan()))) }
    }

    /// Whether a scan that is due lets what commands hand over go first.
    ///
    /// Most often these are the files that it would find, and then it finds them known. It does not wait
    /// for long.
    private func waitsForCommands(_ flow: FlowSource, _ now: UnixMilliseconds) -> Bool {
        // Nothing of a source that is missing goes anywhere: only a scan finds that it is back.
        guard flow.missing == nil, flow.finds > 0 || flow.queue.hasHurried else { return false }
        let due = flow.nextScanAt
        return due <= now && now < due.adding(milliseconds: Self.scanWaitsMax)
    }

    private func look(_ flow: FlowSource) {
        guard !flow.isLooking, !flow.noticed.isEmpty, flow.missing == nil, !self.isEnding
        else { return }
        flow.isLooking = true
        let work = self.work(on: flow)
        let mailbox = self.mailbox
        flow.looks.async { [noticed = flow.noticed] in
            mailbox.yield(.capture(.looked(work.flow, work.look(at: noticed))))
        }
        flow.noticed = [:]
    }

    /// Finds what a command named.
    func find(_ paths: [PathBytes?], of name: FlowName, task: UInt64) {
        guard let flow = self.sources.flows[name] else { return }
        flow.finds += 1
        let work = self.work(on: flow)
        let mailbox = self.mailbox
        SourceWork.finds.async {
            mailbox.yield(.capture(.found(name, task: task, work.find(paths))))
        }
    }

    // MARK: Answers

    func scanned(_ name: FlowName, _ result: Result<Scan, CaptureFailure>) {
        guard let flow = self.sources.flows[name] else { return }
        let milliseconds = max(0, self.now.rawValue - flow.scanBegan.rawValue)
        flow.isScanning = false
        flow.lastScan = (flow.scanBegan, milliseconds)
        switch result {
        case .success(let scan):
            self.isThere(flow)
            flow.report = scan.report
            flow.queue.replace(with: scan.queue)
            flow.queue.remove(Array(flow.begunMeanwhile))
            flow.queue.insert(flow.foundMeanwhile.values.filter { !self.isHurried($0, in: flow) })
            flow.settling = scan.settling.merging(flow.settlingMeanwhile) { $1 }
            flow.unlisted = scan.unlisted
            if !scan.unlisted.isEmpty { flow.scanWantedAgain = true }
            self.remember(flow, scan)
        case .failure(let error): self.isMissing(flow, error)
        }
        flow.begunMeanwhile = []
        flow.foundMeanwhile = [:]
        flow.settlingMeanwhile = [:]
        flow.nextScanAt = self.now.adding(milliseconds: self.scanInterval(flow, milliseconds))
        flow.scanWantedAgain = false
        self.look(flow)
    }

    /// Whether a command handed over this very version, which waits: then it keeps its place.
    private func isHurried(_ file: WaitingFile, in flow: FlowSource) -> Bool {
        flow.queue.contains(file.path)
            && self.isAwaited(file.path, file.stamp, of: flow.source.flow)
    }

    /// How long until the next scan, in milliseconds: what takes long is done less often.
    private func scanInterval(_ flow: FlowSource, _ milliseconds: Int64) -> Int64 {
        if flow.scanWantedAgain { return max(1_000, 2 * milliseconds) }
        if flow.missing == nil, case .watching = flow.watch { return FlowSource.scanEveryWatched }
        return max(self.parts.scanEvery, 10 * milliseconds)
    }

    private func isThere(_ flow: FlowSource) {
        guard let missing = flow.missing else { return }
        flow.missing = nil
        self.parts.logger.notice(
            "Source is back",
            metadata: [
                "source.flow": "\(flow.source.flow)", "source.path": "\(flow.root.path)",
                "source.missing_ms": "\(self.now.rawValue - missing.since.rawValue)",
            ]
        )
    }

    // Expected: disks come and go. A missing source is missing; nothing of it is gone.
    private func isMissing(_ flow: FlowSource, _ error: CaptureFailure) {
        guard !self.isEnding else { return }
        if flow.missing?.code != error.code {
            self.parts.logger.warning(
                "Source missing",
                metadata: [
                    "source.flow": "\(flow.source.flow)", "source.path": "\(flow.root.path)",
                    "error.code": "\(error.code)", "error": "\(error.message)",
                ]
            )
        }
        flow.missing = (error.code, flow.missing?.since ?? self.now)
    }

    /// Keeps when a source was first seen, and where it was when it last held something.
    private func remember(_ flow: FlowSource, _ scan: Scan) {
        var birth =
            flow.birth
            ?? SourceBirth(
                path: flow.source.path,
                changedNanoseconds: scan.changedNanoseconds,
                device: scan.report.device
            )
        if !scan.report.isEmpty { birth.device = scan.report.device }
        guard birth != flow.birth else { return }
        flow.birth = birth
        let task = birth.task(flow.source.flow)
        self.log([try .task(task, finished: false, at: self.now)]) {}
    }

    func looked(_ name: FlowName, _ result: Result<Looked, CaptureFailure>) {
        guard let flow = self.sources.flows[name] else { return }
        flow.isLooking = false
        switch result {
        case .success(let looked):
            // What a command waits for stays: capture tells what becomes of it.
            flow.queue.remove(looked.done.filter { !self.isAwaited($0, of: name) })
            for path in looked.done {
                flow.unsettle(path)
                flow.foundMeanwhile[path] = nil
            }
            for (path, settling) in looked.settling {
                if !self.isAwaited(path, of: name) { flow.queue.remove([path]) }
                flow.settle(path, settling)
            }
            let ready = looked.ready.filter { file in
                let place = FlowPath(flow: name, path: file.path)
                return self.sources.underWay[place] != file.stamp && !self.isHurried(file, in: flow)
            }
            flow.queue.insert(ready)
            for file in looked.ready {
                flow.unsettle(file.path)
                flow.begunMeanwhile.remove(file.path)
                if flow.isScanning { flow.foundMeanwhile[file.path] = file }
            }
        case .failure: flow.wantScan(at: self.now)
        }
        self.look(flow)
    }

    /// A watch of a source has something to say.
    func heard(_ notice: WatchNotice, of name: FlowName) {
        guard let flow = self.sources.flows[name], flow.rule.isScanned else { return }
        switch notice {
        case .watching(let directories):
            flow.watch = .watching(directories: directories)
            let last = flow.lastScan.map { $0.at.adding(milliseconds: 3 * $0.milliseconds) }
            flow.wantScan(at: max(self.now, last ?? self.now))
        case .blind(let code):
            flow.watch = .blind(code: code)
            flow.wantScan(at: self.now)
            self.parts.logger.notice(
                "Source not watched",
                metadata: ["source.flow": "\(name)", "error.code": "\(code)"]
            )
        case .lost:
            flow.overflows += 1
            self.parts.logger.info("Watch lost events", metadata: ["source.flow": "\(name)"])
        case .changed(let changes, let directories):
            flow.watch = .watching(directories: directories)
            flow.notice(flow.rule.causes(of: changes), at: self.now)
        }
        self.lookAtSources(self.now)
    }

    /// A file could not be captured: it is looked at again when that may help.
    func lookAgain(_ name: FlowName, _ path: PathBytes, _ code: String) {
        let delay: Int64? =
            switch code {
            case FilesError.Code.sourceChanged.rawValue, CaptureFailure.beingWrittenCode: 2_000
            case FilesError.Code.fileMissing.rawValue, FilesError.Code.notRegular.rawValue,
                FilesError.Code.tooLarge.rawValue, CaptureFailure.unnameableCode:
                nil
            default: 60_000
            }
        guard let delay, self.sources.flows[name]?.rule.isScanned == true else { return }
        let settling = Settling(
            reason: code,
            stamp: nil,
            since: self.now,
            due: self.now.adding(milliseconds: delay)
        )
        self.sources.flows[name]?.settle(path, settling)
    }
}

extension SourceRule {
    /// What is to be looked at when files change: a marker's change is one of its file.
    func causes(of changes: [PathBytes: SourceChange]) -> [(PathBytes, Cause)] {
        changes.compactMap { path, change in
            let cause: Cause =
                switch change {
                case .placed: .placed
                case .created: .created
                case .written, .removed: .written
                }
            guard let marker = self.marker, path.bytes.hasSuffix(marker) else {
                return (path, cause)
            }
            return PathBytes(path.bytes.dropLast(marker.count)).map { ($0, .written) }
        }
    }
}
