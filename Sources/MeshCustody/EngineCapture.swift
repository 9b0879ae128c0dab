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

// The origin's side: what is noticed becomes parcels while the spool has room.
extension Engine {
    /// How many small files are read, signed and written together at most, and how many bytes of them.
    private static let smallBatchMax = 512
    private static let smallBatchBytesMax: Int64 = 4 << 20
    /// How long a source that cannot be read is left alone, in milliseconds.
    private static let retryAfter: Int64 = 10_000

    private func captureWork(on flow: FlowSource) -> CaptureWork {
        CaptureWork(
            flow: flow.source.flow,
            root: flow.root,
            isProbed: flow.rule.isProbed,
            spool: self.spool,
            store: self.store,
            mailbox: self.mailbox,
            cancellation: self.sources.cancellation
        )
    }

    /// Begins what comes next, as far as threads and the spool's room allow.
    ///
    /// Flows of a higher class first; flows of one class take turns.
    func capture() {
        guard !self.isEnding, !self.isStopped, !self.standsStill else { return }
        self.continueUnfinished()
        self.sources.full = []
        self.sources.capturing.lookAgain()
        guard !self.isShut else { return }
        for name in self.sources.turns {
            guard let flow = self.sources.flows[name], flow.missing == nil else { continue }
            guard self.captureNext(of: flow) else { continue }
            self.passTurn(after: flow)
        }
    }

    /// A flow that began something comes after the others of its class.
    private func passTurn(after flow: FlowSource) {
        let flowClass = flow.source.parcelClass
        self.sources.turns.removeAll { $0 == flow.source.flow }
        let next = self.sources.turns.firstIndex { name in
            (self.sources.flows[name]?.source.parcelClass ?? .max) > flowClass
        }
        self.sources.turns.insert(flow.source.flow, at: next ?? self.sources.turns.endIndex)
    }

    /// Begins what comes next in a flow; says whether anything did.
    private func captureNext(of flow: FlowSource) -> Bool {
        let name = flow.source.flow
        var batch: [SeenFile] = []
        var hasBegun = false
        let collector = flow.source.collector
        var batchBytes: Int64 = 0
        var room = self.freeRoom(for: collector) - self.sources.reading.reduce(0, +)
        var mayStartLarge = self.sources.mayCapture(size: 0, at: self.now)
        while batch.count < Self.smallBatchMax, batchBytes < Self.smallBatchBytesMax,
            let file = flow.queue.next(mayStartLarge: mayStartLarge)
        {
            guard file.stamp.size <= flow.rule.largest else {
                self.dequeue(file, of: flow, mayStartLarge)
                self.notTaken(name, SeenFile(file), FilesError.Code.tooLarge.rawValue)
                continue
            }
            if file.isSmall {
                guard self.sources.mayRead else { break }
                room -= Self.roomToRead(file.stamp.size)
                guard room >= 1 << 20 else {
                    self.isOutOfRoom(for: name)
                    break
                }
                self.dequeue(file, of: flow, mayStartLarge)
                batch.append(SeenFile(file))
                batchBytes += file.stamp.size
                continue
            }
            guard self.sources.mayCapture(size: file.stamp.size, at: self.now),
                flow.source.isCopied || self.mayWaitInSource(file.stamp.size, of: name)
            else {
                mayStartLarge = false
                continue
            }
            let need = Self.reservation(ByteCount(file.stamp.size), isCopied: flow.source.isCopied)
            guard need <= room else {
                self.isOutOfRoom(for: name)
                // What is behind it would take the room that it waits for. A file that wants most
                // of the spool may never get that, though, and holds up none that is small.
                if need <= self.room.shares.most(for: collector) / 2 { break }
                mayStartLarge = false
                continue
            }
            self.dequeue(file, of: flow, mayStartLarge)
            if self.begin(SeenFile(file), flow, need) {
                mayStartLarge = false
                hasBegun = true
                room -= need
            }
        }
        batch = self.take(batch, of: name)
        // A long file that waits only for short ones is next: its flow keeps its turn.
        let isLongNext = !hasBegun && self.isLongNext(flow, room)
        guard !batch.isEmpty else { return hasBegun }
        self.sources.reading.append(batch.reduce(0) { $0 + Self.roomToRead($1.stamp.size) })
        let work = self.captureWork(on: flow)
        CaptureWork.smalls.async { [batch] in work.read(batch) }
        return !isLongNext
    }

    /// Whether a flow's next file is a long one that could begin, were the short ones over.
    private func isLongNext(_ flow: FlowSource, _ room: Int64) -> Bool {
        guard let next = flow.queue.next(mayStartLarge: true), !next.isSmall,
            flow.source.isCopied || self.mayWaitInSource(next.stamp.size, of: flow.source.flow),
            Self.reservation(ByteCount(next.stamp.size), isCopied: flow.source.isCopied) <= room
        else { return false }
        return self.sources.capturing.putOff(size: next.stamp.size)
    }

    /// What a small file takes of the spool, at most.
    private static func roomToRead(_ size: Int64) -> Int64 { size + (4 << 10) }

    private func dequeue(_ file: WaitingFile, of flow: FlowSource, _ mayStartLarge: Bool) {
        flow.queue.removeNext(mayStartLarge: mayStartLarge)
        guard flow.isScanning else { return }
        flow.begunMeanwhile.insert(file.path)
        flow.foundMeanwhile[file.path] = nil
    }

    private func isOutOfRoom(for flow: FlowName) {
        self.sources.full.insert(flow)
        self.makeRoom()
    }

    /// Claims those candidates whose versions are no parcels yet, nor about to be.
    private func take(_ files: [SeenFile], of flow: FlowName) -> [SeenFile] {
        let known = self.known(files, of: flow)
        return files.filter { file in
            if let parcel = known[file.path] {
                self.begun(flow, file, parcel)
                return false
            }
            return self.claim(file, of: flow)
        }
    }

    /// Claims a version; says whether nobody had.
    private func claim(_ file: SeenFile, of flow: FlowName) -> Bool {
        let name = FlowPath(flow: flow, path: file.path)
        guard self.sources.underWay[name] != file.stamp else { return false }
        self.sources.underWay[name] = file.stamp
        return true
    }

    /// The parcels that these versions of files are already.
    func known(_ files: [SeenFile], of flow: FlowName) -> [PathBytes: ParcelID] {
        guard !files.isEmpty else { return [:] }
        let captured = self.ask([:]) {
            try $0.captures(flow: flow, paths: files.map(\.path))
        }
        var known: [PathBytes: ParcelID] = [:]
        for file in files {
            guard let (stamp, parcel) = captured[file.path], stamp.isSameVersion(as: file.stamp)
            else { continue }
            known[file.path] = parcel
        }
        return known
    }

    /// Opens a parcel for a large file and begins to read it, unless it has one already.
    private func begin(_ file: SeenFile, _ flow: FlowSource, _ need: Int64) -> Bool {
        let source = flow.source
        guard !self.take([file], of: source.flow).isEmpty else { return false }
        do {
            let opening = try SignedOpening(
                opening: self.opening(source, file, digest: source.digest),
                key: self.parts.key
            )
            // Only now: a number that is given and not used would be missed at the collector.
            self.lastSequences[source.flow] = opening.opening.sequence
            self.sources.capturing.begin(opening.id, size: file.stamp.size)
            self.sources.opening.insert(opening.id)
            self.roomTaken[opening.id] = need
            if !source.isCopied {
                self.room.inSources[source.flow]?.bytes += file.stamp.size
            }
            let giver = SourceOfParcel(stamp: file.stamp, isCopied: source.isCopied)
            self.log([try .opening(opening, from: .source(giver), at: self.now)]) {
                guard self.passes(.afterOpeningSync) else { return }
                self.sources.opening.remove(opening.id)
                self.hasCome(opening.id)
                self.sources.underWay[FlowPath(flow: source.flow, path: file.path)] = nil
                self.begun(source.flow, file, opening.id)
                self.finishSends()
            }
            // Entries come after an opening, or not at all.
            guard !self.isStopped else { return true }
            let work = self.captureWork(on: flow)
            CaptureWork.files.async { [profile = flow.profile] in
                work.capture(
                    opening.id,
                    file.path,
                    file.stamp,
                    profile: profile,
                    digest: source.digest,
                    isCopied: source.isCopied,
                    resumingAfter: []
                )
            }
            return true
        } catch {
            self.notTaken(source.flow, file, CaptureFailure.unnameableCode)
            return false
        }
    }

    private func opening(
        _ source: View.Source,
        _ file: SeenFile,
        digest: DigestAlgorithm
    ) -> Opening {
        let last =
            self.lastSequences[source.flow]
            ?? self.ask(SequenceNumber(0)) { try $0.lastSequence(of: self.stream(source.flow)) }
        return Opening(
            mesh: self.parts.mesh,
            origin: self.parts.node,
            flow: source.flow,
            collector: source.collector,
            incarnation: self.incarnation,
            sequence: SequenceNumber(last.rawValue + 1),
            parcelClass: source.parcelClass,
            size: ByteCount(file.stamp.size),
            profile: source.profile,
            digest: digest,
            opened: self.now,
            path: file.path.bytes,
            modified: file.stamp.modifiedNanoseconds,
            mode: file.mode
        )
    }

    func handle(_ event: CaptureEvent) {
        switch event {
        case .scanned(let flow, let result): self.scanned(flow, result)
        case .looked(let flow, let result): self.looked(flow, result)
        case .heard(let flow, let notice): self.heard(notice, of: flow)
        case .found(let flow, let task, let result):
            self.sources.flows[flow]?.finds -= 1
            self.found(task, result)
        case .read(let files): self.read(files)
        case .grew(let parcel, _, let bytes, let position):
            self.roomTaken[parcel].map { self.roomTaken[parcel] = max(0, $0 - bytes) }
            self.after(position) { self.moreIsHere(of: parcel) }
        case .finished(let parcel, let result, let root, let position):
            guard self.sources.opening.contains(parcel) else {
                self.finished(parcel, result, root, position)
                break
            }
            // It was read before the record of its opening became durable.
            self.log([]) { self.finished(parcel, result, root, position) }
        }
        self.settle()
    }

    private func read(_ files: [ReadFile]) {
        self.sources.reading.removeFirst()
        guard let flow = files.first?.flow,
            let source = self.parts.view.sends.first(where: { $0.flow == flow })
        else { return }
        var records: [LogRecord] = []
        var healed: [ParcelID] = []
        var fresh: [(file: SeenFile, stamp: FileStamp, draft: SmallDraft)] = []
        for file in files {
            do {
                let (content, captured) = try file.result.get()
                if let row = self.damagedSmall(flow, file.seen) {
                    records.append(try self.smallAgain(row, content))
                    healed.append(row.id)
                    continue
                }
                // What was claimed nobody else has captured meanwhile.
                let isClaimed =
                    self.sources.underWay[FlowPath(flow: flow, path: file.seen.path)]
                    == file.seen.stamp
                if !isClaimed, !self.known([file.seen], of: flow).isEmpty { continue }
                let draft = try SmallDraft(
                    // Its bytes are hashed once in any case.
                    opening: self.opening(source, file.seen, digest: .sha256),
                    size: Int(captured.size),
                    digest: captured.digest,
                    codec: content.codec,
                    content: content.bytes,
                    key: self.parts.key
                )
                self.lastSequences[flow] = draft.opening.opening.sequence
                fresh.append((file.seen, captured.stamp, draft))
            } catch let error as CaptureFailure {
                self.notTaken(flow, file.seen, error.code)
                if error.isFinal, let row = self.damagedSmall(flow, file.seen) {
                    self.cannotMake(row.id, reason: error.code, detail: error.message)
                }
            } catch {
                self.notTaken(flow, file.seen, CaptureFailure.unnameableCode)
            }
        }
        guard !records.isEmpty || !fresh.isEmpty else { return }
        // The contents are in the records: they need not wait for the disk twice.
        let begun = fresh.map { ($0.file, $0.draft.opening.id) }
        let claimed = files.map(\.seen.path)
        self.log(try records + self.small(fresh.map { ($0.stamp, $0.draft) })) { [healed] in
            guard self.passes(.afterOpeningSync) else { return }
            for path in claimed { self.sources.underWay[FlowPath(flow: flow, path: path)] = nil }
            self.healing.subtract(healed)
            self.haveCome(healed, new: begun.map(\.1))
            for parcel in healed { self.isWhole(parcel) }
            for (file, parcel) in begun { self.begun(flow, file, parcel) }
            self.finishSends()
        }
    }

    /// What was read together is signed together.
    private func small(_ fresh: [(stamp: FileStamp, draft: SmallDraft)]) throws -> [LogRecord] {
        try zip(fresh, SmallParcel.signed(fresh.map(\.draft), key: self.parts.key)).map {
            file,
            small in
            try .small(
                small,
                passage: .empty,
                from: .source(SourceOfParcel(stamp: file.stamp)),
                at: self.now
            )
        }
    }

    private func finished(
        _ parcel: ParcelID,
        _ result: Result<Captured, CaptureFailure>,
        _ root: Digest,
        _ position: LogPosition?
    ) {
        self.sources.capturing.end(parcel)
        let room = self.roomTaken.removeValue(forKey: parcel)
        guard !self.isEnding, let row = self.ask(nil, { try $0.parcel(parcel) }),
            row.state == .arriving || row.state == .held
        else {
            self.healing.remove(parcel)
            return
        }
        switch result {
        case .failure(let error) where !error.isFinal:
            self.parts.logger.warning(
                "Capture interrupted",
                metadata: ["parcel.id": "\(parcel)", "error": "\(error)"]
            )
            // Others must not take its room.
            self.roomTaken[parcel] = room
            self.sources.putOff(row, until: self.now.adding(milliseconds: Self.retryAfter))
            if row.isInSource { self.pauseGiving(parcel) }
        case .failure(let error):
            // Another version, or none: this one is given up, the next look opens what is there.
            self.cannotMake(parcel, reason: error.code, detail: error.message)
            PathBytes(row.path).map { self.lookAgain(row.stream.flow, $0, error.code) }
            // It was captured whole once; what never was might be written to all the time.
            if row.state == .held, error.code != FilesError.Code.fileMissing.rawValue {
                self.handOverAgain([row], of: row.stream.flow)
            }
        case .success(let captured):
            let closing = Closing(
                parcel: parcel,
                entryCount: captured.entryCount,
                root: root,
                size: ByteCount(captured.size),
                algorithm: captured.algorithm,
                digest: captured.digest
            )
            if let known = row.closing.flatMap({ try? Closing(encoded: $0) }), known.root != root {
                // Another program cuts or packs otherwise: these blobs cannot be made again.
                return self.cannotMake(parcel, reason: "not_reproducible")
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
        while !row.isInSource {
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
        // Until now calls may have looked past it.
        if self.healing.remove(row.id) != nil || row.isInSource { self.mayBeGiven([row]) }
        for call in self.calls.values { call.gifts[row.id]?.askUnreadAgain() }
        self.isWhole(row.id)
        self.moreIsHere(of: row.id)
        self.supersede(by: row.id)
    }

    // MARK: Restart and damage

    func resumeCaptures() {
        for row in self.ask([], { try $0.unfinishedCaptures() }) {
            if row.isDamaged { self.healing.insert(row.id) }
            self.sources.putOff(row)
        }
    }

    /// Makes the blobs of a parcel of this node's own again.
    func recapture(_ parcel: ParcelID) {
        guard let row = self.ask(nil, { try $0.parcel(parcel) }), row.giver == nil else { return }
        self.sources.putOff(row)
    }

    private func continueUnfinished() {
        guard self.sources.capturing.parcels.isEmpty,
            let parcel = self.sources.takeUnfinished(at: self.now)
        else { return }
        self.roomTaken[parcel] = nil
        guard let row = self.ask(nil, { try $0.parcel(parcel) }), let stamp = row.stamp,
            row.state == .arriving || row.state == .held,
            let flow = self.sources.flows[row.stream.flow], let path = PathBytes(row.path),
            let opening = try? Opening(encoded: row.opening),
            let profile = CutProfile.profile(opening.profile)
        else { return }
        let work = self.captureWork(on: flow)
        if row.isSmall {
            guard self.sources.mayRead else {
                return self.sources.putOff(row)
            }
            let seen = SeenFile(path: path, stamp: stamp, mode: opening.mode)
            self.sources.reading.append(Self.roomToRead(stamp.size))
            return CaptureWork.smalls.async { work.read([seen]) }
        }
        // What lies before the first missing blob stays; from there on all is cut again.
        var prefix: [Entry] = []
        for located in self.ask([], { try $0.entries(of: row.number, from: 0, limit: .max) }) {
            guard let entry = Entry(encoded: located.entry),
                entry.isHole || located.location != nil || row.isInSource
            else { break }
            prefix.append(entry)
        }
        self.sources.capturing.begin(parcel, size: row.size.rawValue)
        self.roomTaken[parcel] = Self.reservation(row.size, isCopied: !row.isInSource)
        self.begun(
            row.stream.flow,
            SeenFile(path: path, stamp: stamp, mode: opening.mode),
            parcel
        )
        if row.isInSource { self.mayBeGiven([row]) }
        CaptureWork.files.async { [prefix] in
            work.capture(
                parcel,
                path,
                stamp,
                profile: profile,
                digest: opening.digest,
                isCopied: !row.isInSource,
                resumingAfter: prefix
            )
        }
    }

    /// The file may have a newer version by now: then the parcel's stamp still tells it.
    private func damagedSmall(_ flow: FlowName, _ seen: SeenFile) -> ParcelRow? {
        guard !self.healing.isEmpty else { return nil }
        return self.ask(nil) {
            try $0.damagedSmall(flow: flow, path: seen.path.bytes, stamp: seen.stamp)
        }
    }

    private func smallAgain(
        _ row: ParcelRow,
        _ content: SmallCodec.Content
    ) throws -> LogRecord {
        let small = try SmallParcel(
            parsingOpening: row.opening,
            closing: row.closing ?? [],
            signature: row.openingSignature,
            codec: content.codec,
            content: content.bytes
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
