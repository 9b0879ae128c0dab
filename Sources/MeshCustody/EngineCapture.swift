import Dispatch
import Logging
import MeshContent
import MeshFiles
import MeshIdentity
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology

/// What the origin knows of its sources.
struct SourceState {
    /// Noticed and not yet begun, next first.
    var candidates: [FlowName: Candidates] = [:]
    var reports: [FlowName: WalkReport] = [:]
    /// Why a source could not be read, and since when.
    var missing: [FlowName: (code: String, since: UnixMilliseconds)] = [:]
    var scanning: Set<FlowName> = []
    var nextScanAt = UnixMilliseconds(0)
    var isReading = false
    /// Taken from the candidates, and not yet known to the index: nobody else takes them.
    var underWay: [FlowPath: UnderWay] = [:]
    var capturing: ParcelID?
    var isFull = false
    /// Parcels to be cut anew, or further, after a restart or damage.
    var unfinished: [ParcelID] = []
    var retryAt = UnixMilliseconds(0)
    let cancellation = Cancellation()
}

/// A file of a flow.
struct FlowPath: Hashable {
    let flow: FlowName
    let path: PathBytes
}

/// A version of a file that is being captured, and the parcel that it becomes.
struct UnderWay {
    let stamp: FileStamp
    var parcel: ParcelID?
}

/// Candidates of one flow; small ones apart, since they are read many at a time.
struct Candidates {
    var small: [SeenFile] = []
    var large: [SeenFile] = []

    init() {}

    init(_ files: [SeenFile], order: FileOrder) {
        let sorted = files.map { (FileRank($0), $0) }.sorted { $0.0.precedes($1.0, by: order) }
        for (_, file) in sorted { self.append(file) }
    }

    mutating func append(_ file: SeenFile) {
        // Whatever the path takes is not there for the content: both must fit one frame.
        if file.stamp.size + Int64(file.path.bytes.count) + 512 <= Int64(Limits.smallPlainBytesMax)
        {
            self.small.append(file)
        } else {
            self.large.append(file)
        }
    }

    /// Puts a file first, once.
    mutating func hurry(_ files: [SeenFile]) {
        let paths = Set(files.map(\.path))
        let old = self
        self = Self()
        for file in files { self.append(file) }
        self.small += old.small.filter { !paths.contains($0.path) }
        self.large += old.large.filter { !paths.contains($0.path) }
    }

    var count: Int { self.small.count + self.large.count }
}

// The origin's side: what is noticed becomes parcels while the spool has room.
extension Engine {
    private static let smallBatchMax = 128
    /// How long a source that cannot be read is left alone, in milliseconds.
    private static let retryAfter: Int64 = 10_000

    private var captureWork: CaptureWork {
        CaptureWork(
            spool: self.spool,
            store: self.store,
            mailbox: self.mailbox,
            cancellation: self.sources.cancellation
        )
    }

    func scanIfDue(_ now: UnixMilliseconds) {
        guard now >= self.sources.nextScanAt, !self.isEnding else { return }
        self.sources.nextScanAt = now.adding(milliseconds: self.parts.scanEvery)
        for source in self.parts.view.sends where source.doneWhen == .renamed {
            guard let root = self.parts.sources[source.flow],
                self.sources.scanning.insert(source.flow).inserted
            else { continue }
            let work = self.captureWork
            CaptureWork.scans.async { work.scan(root, flow: source.flow) }
        }
    }

    /// Begins what comes next, as far as threads and the spool's room allow.
    func capture() {
        guard !self.isEnding, !self.isStopped, !self.standsStill else { return }
        self.continueUnfinished()
        self.sources.isFull = false
        guard !self.isShut else { return }
        for source in self.parts.view.sends {
            guard let root = self.parts.sources[source.flow],
                let profile = CutProfile.profile(source.profile)
            else { continue }
            self.captureSmalls(source, root, profile)
            self.captureLarge(source, root, profile)
        }
    }

    private func captureSmalls(_ source: View.Source, _ root: SourceRoot, _ profile: CutProfile) {
        guard !self.sources.isReading,
            let waiting = self.sources.candidates[source.flow]?.small, !waiting.isEmpty
        else { return }
        var room = self.freeRoom(for: source.collector) - (1 << 20)
        var batch: [SeenFile] = []
        var looked = 0
        for file in waiting.prefix(Self.smallBatchMax) {
            room -= file.stamp.size + (4 << 10)
            if room < 0 { break }
            looked += 1
            if self.take(file, of: source.flow) { batch.append(file) }
        }
        self.sources.candidates[source.flow]?.small.removeFirst(looked)
        guard !batch.isEmpty else {
            if looked > 0 { return self.finishSends() }
            self.sources.isFull = true
            return self.makeRoom()
        }
        self.sources.isReading = true
        let work = self.captureWork
        CaptureWork.smalls.async { [batch] in
            work.read(batch, in: root, flow: source.flow, profile: profile)
        }
    }

    /// Claims a candidate, unless its version is a parcel already or about to be one.
    private func take(_ file: SeenFile, of flow: FlowName) -> Bool {
        let name = FlowPath(flow: flow, path: file.path)
        if let known = self.known(file, of: flow) {
            if let parcel = known { self.begun(flow, file, parcel) }
            return false
        }
        self.sources.underWay[name] = UnderWay(stamp: file.stamp)
        return true
    }

    /// The parcel that this version of a file is, `.some(nil)` if it is about to be one, or `nil`.
    func known(_ file: SeenFile, of flow: FlowName) -> ParcelID?? {
        let name = FlowPath(flow: flow, path: file.path)
        if let underWay = self.sources.underWay[name], underWay.stamp == file.stamp {
            return .some(underWay.parcel)
        }
        let captured = self.ask(nil) { try $0.capture(flow: flow, path: file.path.bytes) }
        guard let captured, captured.0 == file.stamp else { return nil }
        return .some(captured.1)
    }

    private func captureLarge(_ source: View.Source, _ root: SourceRoot, _ profile: CutProfile) {
        guard self.sources.capturing == nil, self.sources.unfinished.isEmpty,
            let file = self.sources.candidates[source.flow]?.large.first
        else { return }
        let need = Self.reservation(ByteCount(file.stamp.size))
        guard need <= self.freeRoom(for: source.collector) else {
            self.sources.isFull = true
            if need <= self.room.shares.most(for: source.collector) {
                self.makeRoom()
            } else {
                self.sources.candidates[source.flow]?.large.removeFirst()
                self.notTaken(source.flow, file.path, "too_large")
            }
            return
        }
        self.sources.candidates[source.flow]?.large.removeFirst()
        guard self.take(file, of: source.flow) else { return self.finishSends() }
        let name = FlowPath(flow: source.flow, path: file.path)
        do {
            let opening = try SignedOpening(
                opening: self.opening(source, file),
                key: self.parts.key
            )
            self.sources.capturing = opening.id
            self.sources.underWay[name]?.parcel = opening.id
            self.roomTaken[opening.id] = need
            self.begun(source.flow, file, opening.id)
            let giver = ParcelGiver.source(SourceOfParcel(stamp: file.stamp))
            self.log([try .opening(opening, from: giver, at: self.now)]) {
                guard self.passes(.afterOpeningSync) else { return }
                self.hasCome(opening.id)
                self.sources.underWay[name] = nil
                self.finishSends()
                let work = self.captureWork
                CaptureWork.files.async {
                    work.capture(
                        opening.id,
                        file.path,
                        file.stamp,
                        in: root,
                        profile: profile,
                        resumingAfter: []
                    )
                }
            }
        } catch {
            self.notTaken(source.flow, file.path, "unnameable")
        }
    }

    private func opening(_ source: View.Source, _ file: SeenFile) -> Opening {
        let last =
            self.lastSequences[source.flow]
            ?? self.ask(SequenceNumber(0)) { try $0.lastSequence(of: self.stream(source.flow)) }
        let sequence = SequenceNumber(last.rawValue + 1)
        self.lastSequences[source.flow] = sequence
        return Opening(
            mesh: self.parts.mesh,
            origin: self.parts.node,
            flow: source.flow,
            collector: source.collector,
            incarnation: self.incarnation,
            sequence: sequence,
            parcelClass: source.parcelClass,
            size: ByteCount(file.stamp.size),
            profile: source.profile,
            opened: self.now,
            path: file.path.bytes,
            modified: file.stamp.modifiedNanoseconds,
            mode: file.mode
        )
    }

    func handle(_ event: CaptureEvent) {
        switch event {
        case .scanned(let flow, let result): self.scanned(flow, result)
        case .found(let task, let result): self.found(task, result)
        case .read(let files): self.read(files)
        case .grew(let parcel, _, let bytes, let position):
            self.roomTaken[parcel].map { self.roomTaken[parcel] = max(0, $0 - bytes) }
            self.after(position) { self.moreIsHere(of: parcel) }
        case .finished(let parcel, let result, let root, let position):
            self.finished(parcel, result, root, position)
        }
        self.settle()
    }

    private func scanned(_ flow: FlowName, _ result: Result<Scan, CaptureFailure>) {
        self.sources.scanning.remove(flow)
        switch result {
        case .success(let scan):
            self.sources.missing[flow] = nil
            self.sources.reports[flow] = scan.report
            let order = self.parts.view.sends.first { $0.flow == flow }?.first ?? .oldest
            // What was begun while the scan ran is no candidate any more.
            let files = scan.files.filter { self.known($0, of: flow) == nil }
            self.sources.candidates[flow] = Candidates(files, order: order)
        case .failure(let error):
            // Expected: disks come and go. A missing source is missing; nothing is deleted.
            let since = self.sources.missing[flow]?.since ?? self.now
            self.sources.missing[flow] = (error.code, since)
        }
    }

    private func read(_ files: [ReadFile]) {
        self.sources.isReading = false
        guard let flow = files.first?.flow,
            let source = self.parts.view.sends.first(where: { $0.flow == flow })
        else { return }
        var records: [LogRecord] = []
        var healed: [ParcelID] = []
        var smalls: [ParcelID] = []
        for file in files {
            do {
                let (bytes, captured) = try file.result.get()
                if let row = self.damagedSmall(flow, file.seen) {
                    records.append(try self.smallAgain(row, bytes))
                    healed.append(row.id)
                    continue
                }
                if self.isCaptured(file.seen, of: flow) { continue }
                let (codec, content) = SmallCodec.compress(bytes)
                let small = try SmallParcel(
                    opening: self.opening(source, file.seen),
                    size: bytes.count,
                    digest: captured.digest,
                    codec: codec,
                    content: content,
                    key: self.parts.key
                )
                records.append(
                    try .small(
                        small,
                        passage: .empty,
                        from: .source(SourceOfParcel(stamp: captured.stamp)),
                        at: self.now
                    )
                )
                smalls.append(small.id)
                self.sources.underWay[FlowPath(flow: flow, path: file.seen.path)]?.parcel = small.id
                self.begun(flow, file.seen, small.id)
            } catch let error as CaptureFailure {
                self.notTaken(flow, file.seen.path, error.code)
                if error.isFinal, let row = self.damagedSmall(flow, file.seen) {
                    self.end(row.id, .abandoned, reason: error.code, detail: error.message)
                }
            } catch {
                self.notTaken(flow, file.seen.path, "unnameable")
            }
        }
        guard !records.isEmpty else { return }
        self.log(records) { [healed, smalls] in
            guard self.passes(.afterOpeningSync) else { return }
            for file in files {
                self.sources.underWay[FlowPath(flow: flow, path: file.seen.path)] = nil
            }
            self.healing.subtract(healed)
            self.haveCome(healed + smalls)
            self.finishSends()
        }
    }

    private func finished(
        _ parcel: ParcelID,
        _ result: Result<Captured, CaptureFailure>,
        _ root: Digest,
        _ position: LogPosition?
    ) {
        self.sources.capturing = nil
        self.roomTaken[parcel] = nil
        guard !self.isEnding, let row = self.ask(nil, { try $0.parcel(parcel) }),
            row.state != .ended
        else { return }
        switch result {
        case .failure(let error) where !error.isFinal:
            self.parts.logger.warning(
                "Capture interrupted",
                metadata: ["parcel.id": "\(parcel)", "error": "\(error)"]
            )
            self.sources.unfinished.append(parcel)
            self.sources.retryAt = self.now.adding(milliseconds: Self.retryAfter)
        case .failure(let error):
            // Another version, or none: this one is given up, the next scan opens what is there.
            self.end(parcel, .abandoned, reason: error.code, detail: error.message)
        case .success(let captured):
            let closing = Closing(
                parcel: parcel,
                entryCount: captured.entryCount,
                root: root,
                size: ByteCount(captured.size),
                digest: captured.digest
            )
            if let known = row.closing.flatMap({ try? Closing(encoded: $0) }), known.root != root {
                // Another program cuts or packs otherwise: these blobs cannot be made again.
                return self.end(parcel, .abandoned, reason: "not_reproducible")
            }
            do {
                let signed = try SignedClosing(closing: closing, key: self.parts.key)
                self.log([try .closing(signed, passage: .empty, at: self.now)]) {
                    guard self.passes(.afterClosing) else { return }
                    self.captureIsDurable(row)
                }
            } catch { self.fail(.broken("sign a closing", cause: error)) }
        }
    }

    /// A blob that another parcel shared may have gone with it meanwhile: then it is cut again.
    private func captureIsDurable(_ row: ParcelRow) {
        var next: UInt64 = 0
        while true {
            let run = self.ask([]) { try $0.entries(of: row.number, from: next, limit: 4_096) }
            guard let last = run.last else { break }
            let lacks = run.filter { located in
                located.location == nil && Entry(encoded: located.entry)?.isHole == false
            }.compactMap { Digest($0.entry.prefix(Digest.byteCount)) }
            if !lacks.isEmpty {
                self.healing.remove(row.id)
                return self.log([try .evict(lacks, why: "gone", at: self.now)]) { self.askToHeal() }
            }
            next = last.number + 1
        }
        if self.healing.remove(row.id) != nil { self.mayBeGiven(row) }
        self.moreIsHere(of: row.id)
        self.supersede(by: row.id)
    }

    // MARK: Restart and damage

    func resumeCaptures() {
        for row in self.ask([], { try $0.unfinishedCaptures() }) {
            if row.isDamaged { self.healing.insert(row.id) }
            self.sources.unfinished.append(row.id)
        }
    }

    /// Makes the blobs of a parcel of this node's own again.
    func recapture(_ parcel: ParcelID) {
        guard let row = self.ask(nil, { try $0.parcel(parcel) }), row.giver == nil else { return }
        self.sources.unfinished.append(parcel)
    }

    private func continueUnfinished() {
        guard self.sources.capturing == nil, self.sources.retryAt <= self.now,
            let parcel = self.sources.unfinished.first
        else { return }
        self.sources.unfinished.removeFirst()
        guard let row = self.ask(nil, { try $0.parcel(parcel) }), let stamp = row.stamp,
            row.state == .arriving || row.state == .held,
            let root = self.parts.sources[row.stream.flow], let path = PathBytes(row.path),
            let opening = try? Opening(encoded: row.opening),
            let profile = CutProfile.profile(opening.profile)
        else { return }
        let work = self.captureWork
        if row.isSmall {
            guard !self.sources.isReading else {
                return self.sources.unfinished.append(parcel)
            }
            let seen = SeenFile(path: path, stamp: stamp, mode: opening.mode)
            self.sources.isReading = true
            return CaptureWork.smalls.async {
                work.read([seen], in: root, flow: row.stream.flow, profile: profile)
            }
        }
        // What lies before the first missing blob stays; from there on all is cut again.
        var prefix: [Entry] = []
        for located in self.ask([], { try $0.entries(of: row.number, from: 0, limit: .max) }) {
            guard let entry = Entry(encoded: located.entry), entry.isHole || located.location != nil
            else { break }
            prefix.append(entry)
        }
        self.sources.capturing = parcel
        self.roomTaken[parcel] = Self.reservation(row.size)
        self.begun(
            row.stream.flow,
            SeenFile(path: path, stamp: stamp, mode: opening.mode),
            parcel
        )
        CaptureWork.files.async { [prefix] in
            work.capture(
                parcel,
                path,
                stamp,
                in: root,
                profile: profile,
                resumingAfter: prefix
            )
        }
    }

    /// Whether this very version has a parcel already.
    private func isCaptured(_ seen: SeenFile, of flow: FlowName) -> Bool {
        self.ask(nil) { try $0.capture(flow: flow, path: seen.path.bytes) }?.0 == seen.stamp
    }

    private func damagedSmall(_ flow: FlowName, _ seen: SeenFile) -> ParcelRow? {
        guard let known = self.ask(nil, { try $0.capture(flow: flow, path: seen.path.bytes) }),
            known.0 == seen.stamp, let row = self.ask(nil, { try $0.parcel(known.1) }),
            row.isSmall, row.isDamaged
        else { return nil }
        return row
    }

    private func smallAgain(_ row: ParcelRow, _ bytes: [UInt8]) throws -> LogRecord {
        let (codec, content) = SmallCodec.compress(bytes)
        let small = try SmallParcel(
            parsingOpening: row.opening,
            closing: row.closing ?? [],
            signature: row.openingSignature,
            codec: codec,
            content: content
        )
        return try .small(
            small,
            passage: .empty,
            from: row.stamp.map { .source(SourceOfParcel(stamp: $0)) }
                ?? .neighbour(row.stream.origin),
            at: self.now
        )
    }
}

extension FileRank {
    init(_ seen: SeenFile) {
        self.init(
            modifiedNanoseconds: seen.stamp.modifiedNanoseconds,
            size: seen.stamp.size,
            path: seen.path
        )
    }
}
