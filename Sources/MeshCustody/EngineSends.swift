import Dispatch
import Logging
import MeshContent
import MeshFiles
import MeshIdentity
package import MeshModel
import MeshPolicy
import MeshSpool
import MeshTopology

/// What a command asks of the engine; each is answered exactly once.
package enum EngineCommand: Sendable {
    case status(@Sendable (StatusReport) -> Void)
    case sources(@Sendable (SourcesReport) -> Void)
    case trace(TraceQuery, @Sendable (TraceReport) -> Void)
    case why(TraceQuery, @Sendable (WhyReport) -> Void)
    case queue(QueueCommand)
    case sites(@Sendable (Result<SitesReport, EngineError>) -> Void)
    case send(SendTask)
    case drain(DrainTask)
    /// Ends one drain, or whatever keeps the node shut.
    case endDrain(UInt64?)
    case adopt(isForced: Bool, @Sendable (Result<AdoptReport, EngineError>) -> Void)
}

/// Why a command could not be done.
package struct EngineError: Error, Sendable {
    /// A stable name.
    package var code: String
    /// What happened.
    package var message: String
    /// What to do about it.
    package var hint: String?

    /// The daemon stops before the command is done; what was promised goes on after its start.
    static let stopped = Self(
        code: "stopping",
        message: "The node is stopping; what was handed over goes on later.",
        hint: "Start the node; trace the files to see them land."
    )
}

/// How long the answer to a command that hands files over waits; otherwise until all are noted.
package enum SendWait: String, Sendable, CaseIterable {
    /// All of every file is durable in this node's spool: the source may go away.
    case held
    /// Every file has landed, and the node has the collector's word.
    case landed
}

/// Files that a command handed over, and what became of them.
///
/// A class, because the engine and the one who waits share it; the engine alone changes it.
package final class SendTask: Sendable {
    /// Names the promise in the log.
    package let id: UInt64
    /// Absolute paths, as bytes.
    package let paths: [[UInt8]]
    /// The flow, where the command names it.
    package let flow: FlowName?
    /// What the answer waits for.
    package let wait: SendWait?
    let progress: @Sendable (SendReport) -> Void
    let reply: @Sendable (Result<SendReport, EngineError>) -> Void
    let state = SendState()

    /// Takes a command in.
    package init(
        id: UInt64,
        paths: [[UInt8]],
        flow: FlowName?,
        wait: SendWait?,
        progress: @escaping @Sendable (SendReport) -> Void,
        reply: @escaping @Sendable (Result<SendReport, EngineError>) -> Void
    ) {
        self.id = id
        self.paths = paths
        self.flow = flow
        self.wait = wait
        self.progress = progress
        self.reply = reply
    }

    func ended(_ parcel: ParcelID, _ kind: StatementKind, _ detail: String) {
        self.state.with { state in
            guard let path = state.parcels.removeValue(forKey: parcel) else { return }
            state.arriving.remove(parcel)
            if kind == .landed || kind == .landedLate {
                state.landed += 1
                state.landedBytes += state.sizes.removeValue(forKey: path) ?? 0
            } else {
                state.refused.append(.init(path: "\(path)", why: Self.why(kind, detail)))
            }
        }
    }

    /// The file that became this parcel is opened anew: its next parcel is waited for.
    func opensAnew(_ parcel: ParcelID, _ flow: FlowName) {
        self.state.with { state in
            guard let path = state.parcels.removeValue(forKey: parcel) else { return }
            state.arriving.remove(parcel)
            state.waiting[path] = SendState.Awaited(flow: flow, stamp: nil)
        }
    }

    static func why(_ kind: StatementKind, _ detail: String) -> String {
        detail.isEmpty ? kind.rawValue : "\(kind.rawValue): \(detail)"
    }

    func finish(_ error: EngineError) {
        let isFirst = self.state.with { state in
            defer { state.isAnswered = true }
            return !state.isAnswered
        }
        if isFirst { self.reply(.failure(error)) }
    }

    var report: SendReport {
        self.state.with { state in
            SendReport(
                files: UInt64(state.total - state.waiting.count),
                bytes: state.bytes,
                landed: UInt64(state.landed),
                landedBytes: self.wait == .landed ? state.landedBytes : nil,
                of: UInt64(state.total),
                skipped: state.skipped,
                refused: state.refused
            )
        }
    }
}

extension Engine {
    func handle(_ command: EngineCommand) {
        switch command {
        case .status(let reply): reply(self.status())
        case .sources(let reply): reply(self.sourcesReport())
        case .trace(let query, let reply): reply(self.trace(query))
        case .why(let query, let reply): self.why(query, reply)
        case .queue(let command): self.handle(command)
        case .sites(let reply): reply(self.sites())
        case .send(let task):
            guard !self.life.life.standsStill else {
                return task.finish(self.standingStill)
            }
            self.promise(task)
        case .drain(let task): self.drain(task)
        case .endDrain(let id): self.endDrain(id)
        case .adopt(let isForced, let reply): self.adopt(isForced: isForced, reply)
        }
    }

    // MARK: Handing files over

    func promise(_ task: SendTask) {
        guard !self.isEnding else { return task.finish(.stopped) }
        let located = task.paths.map { self.locate($0, flow: task.flow) }
        guard let first = located.compactMap({ $0 }).first, !located.contains(where: { $0 == nil })
        else {
            let stray = zip(task.paths, located).first { $0.1 == nil }?.0 ?? []
            let roots = self.parts.view.sends.map { "\($0.flow): \($0.path)" }
            return task.finish(
                EngineError(
                    code: "not_in_source",
                    message: "\(PathBytes.printable(stray)) lies beneath no source of this node.",
                    hint: roots.isEmpty
                        ? "This node sends nothing: add `sends` to it in the topology."
                        : "Sources here: \(roots.joined(separator: ", "))."
                )
            )
        }
        guard located.allSatisfy({ $0?.flow == first.flow }),
            self.parts.sources[first.flow] != nil
        else {
            return task.finish(
                EngineError(
                    code: "several_flows",
                    message: "The paths belong to more than one flow.",
                    hint: "Send each flow's paths with a command of its own."
                )
            )
        }
        let source = self.parts.view.sends.first { $0.flow == first.flow }
        guard task.wait != .held || source?.isCopied != false else {
            return task.finish(
                EngineError(
                    code: "not_copied",
                    message:
                        "Long files of \(first.flow) are not copied into the spool, so that no "
                        + "wait until they are held lets the disk go away.",
                    hint: "Wait until they have landed, or take `copy: false` from the source."
                )
            )
        }
        self.sends[task.id] = task
        let body = task.paths.map { Hex.encode($0) }.joined(separator: "\n")
        let promise = SpoolTask(
            id: task.id,
            kind: "send",
            body: Array("\(first.flow)\n\(body)".utf8)
        )
        let paths = located.map { $0?.path }
        self.log([try .task(promise, finished: false, at: self.now)]) {
            self.find(paths, of: first.flow, task: task.id)
        }
    }

    /// The flow, and the path beneath its source's root (`nil`: the root itself), of a path.
    func locate(_ path: [UInt8], flow: FlowName?) -> (flow: FlowName, path: PathBytes?)? {
        for source in self.parts.view.sends where flow == nil || flow == source.flow {
            guard let root = self.parts.sources[source.flow] else { continue }
            let prefix = Array(root.path.utf8)
            if path == prefix { return (source.flow, nil) }
            guard path.starts(with: prefix + [UInt8(ascii: "/")]) else { continue }
            var rest = path.dropFirst(prefix.count + 1)
            while rest.last == UInt8(ascii: "/") { rest = rest.dropLast() }
            if rest.isEmpty { return (source.flow, nil) }
            if let beneath = PathBytes(Array(rest)) { return (source.flow, beneath) }
        }
        return nil
    }

    func found(_ id: UInt64, _ result: Result<Found, CaptureFailure>) {
        guard let task = self.sends[id] else { return }
        switch result {
        case .failure(let error):
            task.finish(
                EngineError(code: error.code, message: error.message, hint: error.hint)
            )
            self.forget(task)
        case .success(let scan):
            guard !scan.files.isEmpty else {
                task.finish(
                    EngineError(
                        code: "not_found",
                        message: "There is no regular file to send there.",
                        hint: "Links, devices, pipes and empty directories are not sent."
                    )
                )
                return self.forget(task)
            }
            self.take(scan, for: task)
        }
    }

    private func take(_ scan: Found, for task: SendTask) {
        var fresh: [SeenFile] = []
        task.state.with { state in
            state.total = scan.files.count
            state.bytes = scan.files.reduce(0) { $0 + $1.stamp.size }
            if task.wait == .landed {
                for file in scan.files { state.sizes[file.path] = file.stamp.size }
            }
            state.skipped = scan.report.examples.map {
                .init(path: PathBytes.printable($0.path), why: $0.reason.rawValue)
            }
        }
        let known = self.known(scan.files, of: scan.flow)
        for file in scan.files {
            if let parcel = known[file.path] {
                self.follow(parcel, path: file.path, for: task)
                continue
            }
            let awaited = SendState.Awaited(flow: scan.flow, stamp: file.stamp)
            task.state.with { $0.waiting[file.path] = awaited }
            let name = FlowPath(flow: scan.flow, path: file.path)
            if self.sources.underWay[name] != file.stamp { fresh.append(file) }
        }
        self.sources.flows[scan.flow]?.queue.hurry(fresh.map { WaitingFile($0) })
        self.finishSends()
        self.capture()
    }

    /// Waits for the end of a parcel that a file became; it may have ended already.
    private func follow(_ parcel: ParcelID, path: PathBytes, for task: SendTask) {
        task.state.with { $0.parcels[parcel] = path }
        guard let row = self.ask(nil, { try $0.parcel(parcel) }) else { return }
        // It may be from before the source said that files are copied.
        guard task.wait != .held || !row.isInSource || row.state == .passed || row.state == .ended
        else {
            return task.state.with { state in
                state.parcels[parcel] = nil
                state.refused.append(.init(path: "\(path)", why: "not_copied"))
            }
        }
        // What is damaged needs its source as well.
        if row.state == .arriving || row.isDamaged {
            task.state.with { _ = $0.arriving.insert(parcel) }
        }
        guard row.state == .ended,
            let kind = row.ending.flatMap({ StatementKind(rawValue: $0) })
        else { return }
        task.ended(parcel, kind, "")
    }

    /// A candidate became a parcel.
    func begun(_ flow: FlowName, _ file: SeenFile, _ parcel: ParcelID) {
        let isRead = !self.sources.capturing.contains(parcel)
        for task in self.sends.values {
            let isAwaited = task.state.with { state in
                guard state.waiting[file.path]?.isMet(by: file.stamp, of: flow) == true else {
                    return false
                }
                state.waiting[file.path] = nil
                state.parcels[parcel] = file.path
                if !isRead { state.arriving.insert(parcel) }
                return true
            }
            if isAwaited { self.haveSendsChanged = true }
        }
    }

    /// Whether a command waits for what becomes of a file.
    func isAwaited(_ path: PathBytes, of flow: FlowName) -> Bool {
        self.sends.values.contains { $0.state.with { $0.waiting[path]?.flow == flow } }
    }

    /// Whether a command waits for this very version of a file.
    func isAwaited(_ path: PathBytes, _ stamp: FileStamp, of flow: FlowName) -> Bool {
        self.sends.values.contains { task in
            task.state.with { state in
                state.waiting[path].map { $0.flow == flow && $0.stamp == stamp } ?? false
            }
        }
    }

    /// All of a parcel is durable here.
    func isWhole(_ parcel: ParcelID) {
        for task in self.sends.values where task.state.with({ $0.arriving.remove(parcel) }) != nil {
            self.haveSendsChanged = true
        }
    }

    /// A candidate did not become a parcel; a later scan may find it again.
    func notTaken(_ flow: FlowName, _ file: SeenFile, _ code: String) {
        let path = file.path
        self.parts.logger.info(
            "File not taken",
            metadata: ["source.path": "\(path)", "error.code": "\(code)"]
        )
        self.sources.underWay[FlowPath(flow: flow, path: path)] = nil
        self.lookAgain(flow, path, code)
        for task in self.sends.values {
            task.state.with { state in
                guard state.waiting[path]?.isMet(by: file.stamp, of: flow) == true else { return }
                state.waiting[path] = nil
                state.refused.append(.init(path: "\(path)", why: code))
            }
        }
        self.finishSends()
    }

    /// Tells those who wait how far their files are.
    func reportSends() {
        for task in self.sends.values {
            var progress = task.report
            progress.event = "progress"
            task.progress(progress)
        }
    }

    /// Answers commands whose promise is kept.
    func finishSends() {
        self.haveSendsChanged = false
        for task in self.sends.values {
            let isDone = task.state.with { state in
                guard state.total > 0, !state.isAnswered else { return false }
                let isTaken = state.waiting.isEmpty
                state.isAnswered =
                    switch task.wait {
                    case nil: isTaken
                    case .held: isTaken && state.arriving.isEmpty
                    case .landed: isTaken && state.parcels.isEmpty
                    }
                return state.isAnswered
            }
            guard isDone else { continue }
            task.reply(.success(task.report))
            self.forget(task)
        }
    }

    private func forget(_ task: SendTask) {
        self.sends[task.id] = nil
        let promise = SpoolTask(id: task.id, kind: "send", body: [])
        self.log([try .task(promise, finished: true, at: self.now)]) {}
    }

    /// Goes on with what was promised to commands before a restart; nobody waits for it any more.
    func resumeSends() {
        for promise in self.ask([], { try $0.tasks() }) where promise.kind == "send" {
            let lines = String(decoding: promise.body, as: UTF8.self).split(separator: "\n")
            guard let flow = lines.first.flatMap({ FlowName(String($0)) }),
                self.parts.sources[flow] != nil
            else { continue }
            let paths = lines.dropFirst().compactMap { Hex.decode(String($0)) }
            let task = SendTask(
                id: promise.id,
                paths: paths,
                flow: flow,
                wait: nil,
                progress: { _ in },
                reply: { _ in }
            )
            self.sends[task.id] = task
            self.find(
                paths.map { self.locate($0, flow: flow)?.path },
                of: flow,
                task: task.id
            )
        }
    }
}
