import Dispatch
import Logging
import MeshFiles
import MeshIdentity
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool

/// What is being landed.
struct LandingState {
    /// Held here for this collector, in the order of their custody.
    var queue: [ParcelID] = []
    /// Being assembled or renamed, with their final paths: one version of a path at a time.
    private(set) var busy: [ParcelID: PathBytes] = [:]
    private var busyPaths: Set<PathBytes> = []
    var jobs: [ParcelID: LandingJob] = [:]
    var jobsInFlight = 0
    /// Whole and durable where they land, and not in the log: custody is being stated of them.
    var ready: [ParcelID: LandingIntent] = [:]
    /// Durable intents: such a landing is finished, never begun again.
    var promised: [ParcelID: LandingIntent] = [:]
    /// Cannot land now: why, and when to try again.
    var waiting: [ParcelID: (code: String, detail: String, retryAt: UnixMilliseconds)] = [:]
    /// When a landing failed for the first time; stays while it is tried again.
    var failedSince: [ParcelID: UnixMilliseconds] = [:]

    /// Made while their parcels still arrive.
    var ahead: [ParcelID: LandingAhead] = [:]
    /// Counts assemblies up, so that no two have the same temporary name.
    var assemblies: UInt64 = 0

    func isBusy(_ final: PathBytes) -> Bool { self.busyPaths.contains(final) }

    mutating func begin(_ parcel: ParcelID, as final: PathBytes) {
        self.busy[parcel] = final
        self.busyPaths.insert(final)
    }

    mutating func forget(_ parcel: ParcelID) {
        self.ahead.removeValue(forKey: parcel)?.discard()
        if let final = self.busy.removeValue(forKey: parcel) { self.busyPaths.remove(final) }
        self.jobs[parcel] = nil
        self.ready[parcel] = nil
        self.waiting[parcel] = nil
    }
}

// The collector's side: files appear under their final names, each version once.
extension Engine {
    private static let jobsInFlightMax = 3
    /// How many files land together; a long one lands alone.
    private static let batchMax = 128
    private static let together = OpenParcels.Limit(countMax: 1, briefMax: 16 << 20)
    private static let retryAfter: Int64 = 30_000

    /// Starts landing what is held for this collector, as far as threads allow.
    func land() {
        let now = self.now
        for (parcel, wait) in self.landings.waiting where wait.retryAt <= now {
            self.landings.waiting[parcel] = nil
            if let intent = self.landings.promised[parcel] {
                self.recover(intent)
            } else {
                self.landings.queue.append(parcel)
            }
        }
        while self.landings.jobsInFlight < Self.jobsInFlightMax, !self.landings.queue.isEmpty,
            !self.isStopped
        {
            var batch: [LandingJob] = []
            var together = OpenParcels(atMost: Self.together)
            var deferred: [ParcelID] = []
            var taken = 0
            let (next, rows) = self.nextToLand()
            for parcel in next {
                guard let row = rows[parcel] else {
                    taken += 1
                    continue
                }
                guard together.admits(row.size.rawValue) else { break }
                taken += 1
                switch self.prepare(row) {
                case .land(let job):
                    together.add(row.size.rawValue)
                    self.landings.begin(parcel, as: job.final)
                    self.landings.jobs[parcel] = job
                    batch.append(job)
                case .later: deferred.append(parcel)
                case .done: break
                }
            }
            self.landings.queue.removeFirst(taken)
            self.landings.queue.append(contentsOf: deferred)
            if batch.isEmpty {
                // Those behind ones that have nothing to land need not wait for another event.
                if taken > deferred.count { continue } else { break }
            }
            self.start(batch)
        }
        self.signDrafts()
    }

    /// Those that may land together: a long one alone, and as many as there are of the shortest.
    private func nextToLand() -> (ArraySlice<ParcelID>, [ParcelID: ParcelRow]) {
        let first = self.rows(of: self.landings.queue.prefix(1))
        let size = max(1, first.values.first?.size.rawValue ?? 1)
        let count = min(Self.batchMax, Int(clamping: Self.together.briefMax / size))
        guard count > 1 else { return (self.landings.queue.prefix(1), first) }
        let next = self.landings.queue.prefix(count)
        return (next, self.rows(of: next))
    }

    private func start(_ batch: [LandingJob]) {
        self.landings.jobsInFlight += 1
        let work = LandingWork(spool: self.spool, store: self.store)
        let mailbox = self.mailbox
        LandingWork.queue.async { mailbox.yield(.landing(.assembled(work.assemble(batch)))) }
    }

    private enum Preparation {
        case land(LandingJob)
        case later
        case done
    }

    /// Decides whether a held parcel lands, waits for another version, or ends without landing.
    private func prepare(_ row: ParcelRow) -> Preparation {
        guard row.state == .held || self.isWholeInPlace(row), !row.isDamaged,
            self.landings.busy[row.id] == nil, self.landings.promised[row.id] == nil,
            !self.isHeldBack(row),
            let opening = try? Opening(encoded: row.opening),
            let bytes = row.closing,
            let closing = try? Closing(encoded: bytes)
        else { return .done }
        guard let final = Self.finalPath(of: opening) else {
            self.end(
                row.id,
                .refused,
                reason: "path_refused",
                detail: "not a path beneath the landing: \(PathBytes.printable(row.path))"
            )
            return .done
        }
        guard let root = self.parts.landings[row.stream.flow] else {
            self.wait(row.id, "site_forbids", "no landing for flow \(row.stream.flow)")
            return .done
        }
        guard !self.landings.isBusy(final),
            self.landings.ahead[row.id]?.isRunning != true
        else { return .later }
        let standing = self.ask(nil) {
            try $0.landed(origin: row.stream.origin, flow: row.stream.flow, path: row.path)
        }
        if let standing {
            let lives = (row.stream.incarnation, standing.incarnation)
            if lives.0.number == lives.1.number, lives.0 != lives.1 {
                // Which of the two is the later nobody can tell.
                let detail = "incarnation \(lives.0.number) of \(row.stream.origin) began twice"
                self.end(row.id, .refused, reason: "doubled", detail: detail)
                return .done
            }
            let mine = (row.stream.incarnation.number, row.sequence.rawValue)
            let other = (standing.incarnation.number, standing.sequence.rawValue)
            if mine < other {
                self.end(row.id, .landedLate, reason: "", detail: "a later version stands")
                return .done
            }
            if standing.digest == closing.digest, standing.size == closing.size {
                let detail = mine == other ? "" : "same"
                self.landings.ahead.removeValue(forKey: row.id)?.discard()
                self.landings.begin(row.id, as: final)
                self.isLanded(row, final, closing, detail: detail)
                return .done
            }
        }
        let ahead = self.landings.ahead.removeValue(forKey: row.id)
        return .land(
            LandingJob(
                row: row,
                opening: opening,
                closing: closing,
                final: final,
                root: root,
                assembly: ahead?.assembly ?? self.assembly(opening, row, final, root)
            )
        )
    }

    func handle(_ event: LandingEvent) {
        switch event {
        case .assembled(let outcomes): self.assembled(outcomes)
        case .renamed(let outcomes):
            guard self.passes(.afterRename) else { return }
            self.landings.jobsInFlight -= 1
            for outcome in outcomes { self.conclude(outcome) }
        case .found(let intent, let result):
            self.concludeFound(intent, result)
        case .advanced(let parcel):
            self.landings.ahead[parcel]?.isRunning = false
            self.landAhead(parcel)
        case .placed(let parcel, let outcome): self.placed(outcome, of: parcel)
        }
        self.settle()
    }

    private func assembled(_ outcomes: [LandingOutcome]) {
        var intents: [LandingIntent] = []
        self.landings.jobsInFlight -= 1
        for outcome in outcomes {
            guard case .ready(let intent) = outcome.result else {
                self.conclude(outcome)
                continue
            }
            // One that has ended meanwhile lands no more; its file goes with the next sweep.
            guard let job = self.landings.jobs[intent.parcel] else { continue }
            if job.isInPlace {
                // Its intent and custody of it become durable together.
                self.landings.ready[intent.parcel] = intent
                self.custodyDue.append(intent.parcel)
            } else {
                intents.append(intent)
            }
        }
        guard !intents.isEmpty else { return }
        self.landings.jobsInFlight += 1
        self.log(try intents.map { try .intent($0, at: self.now) }) { [intents] in
            self.landings.jobsInFlight -= 1
            self.beginRenaming(intents)
        }
    }

    /// Gives files their names, whose intents are durable.
    func beginRenaming(_ intents: [LandingIntent]) {
        guard self.passes(.afterIntent) else { return }
        // One that ended meanwhile, or is made whole again, gets no name now.
        let intents = intents.filter { self.landings.jobs[$0.parcel] != nil }
        self.landings.jobsInFlight += 1
        for intent in intents { self.landings.promised[intent.parcel] = intent }
        let work = LandingWork(spool: self.spool, store: self.store)
        let roots = self.landings.jobs.mapValues(\.root)
        let mailbox = self.mailbox
        LandingWork.queue.async {
            mailbox.yield(.landing(.renamed(work.rename(intents, in: roots))))
        }
    }

    private func conclude(_ outcome: LandingOutcome) {
        let parcel = outcome.parcel
        guard let job = self.landings.jobs[parcel] else { return }
        if job.isInPlace, self.startsOver(job, after: outcome.result) { return }
        switch outcome.result {
        case .ready, .unseen: break
        case .renamed: self.isLanded(job.row, job.final, job.closing, detail: "")
        case .damaged(let blob):
            self.landings.forget(parcel)
            self.isUnreadable(blob, of: parcel)
        case .digestDiffers:
            self.landings.forget(parcel)
            self.end(parcel, .refused, reason: "digest", detail: "file differs from its closing")
        case .refused(let code, let detail):
            self.landings.forget(parcel)
            self.end(parcel, .refused, reason: code, detail: detail)
        case .waits(let code, let detail):
            self.landings.forget(parcel)
            self.wait(parcel, code, detail)
        }
    }

    private func wait(_ parcel: ParcelID, _ code: String, _ detail: String) {
        self.landings.failedSince[parcel] = self.landings.failedSince[parcel] ?? self.now
        self.landings.waiting[parcel] = (
            code, detail, self.now.adding(milliseconds: Self.retryAfter)
        )
        self.parts.logger.warning(
            "Landing waits",
            metadata: ["parcel.id": "\(parcel)", "error.code": "\(code)", "error": "\(detail)"]
        )
    }

    /// The file stands: the landed row and the statement become durable together.
    private func isLanded(
        _ row: ParcelRow,
        _ final: PathBytes,
        _ closing: Closing,
        detail: String
    ) {
        let version = LandedVersion(
            path: final,
            digest: closing.digest,
            size: closing.size,
            incarnation: row.stream.incarnation,
            sequence: row.sequence
        )
        let record: LogRecord
        do {
            record = try .landed(row.id, as: version, how: detail, at: self.now)
        } catch { return self.fail(.broken("record a landing", cause: error)) }
        self.draftRecords.append(record)
        let passage = self.passageOn(row)
        self.draft(
            .landed,
            reason: "",
            [self.leaf(row, passage: passage, detail: detail)],
            passages: [row.id: passage],
            to: Destination(neighbour: nil, stream: row.stream)
        )
    }

    // MARK: Restart

    /// Finishes landings whose intent is durable, drops temporary files that have none.
    func resumeLandings() {
        let open = self.ask([]) { try $0.openLandings() }
        for landing in open { self.reopen(landing) }
        guard !self.parts.landings.isEmpty else { return }
        let intents = self.ask([]) { try $0.intents() }
        // By name and by what they are: somebody may have renamed a directory above.
        let promised = Set(intents.map(\.temporary) + open.map(\.temporary))
        let files = Set(
            intents.map { FileIdentity(device: $0.device, inode: $0.inode) }
                + open.map { FileIdentity(device: $0.device, inode: $0.inode) }
        )
        for root in self.parts.landings.values {
            var stray: [PathBytes] = []
            try? root.temporaries { temporary in
                // One that cannot be looked at stays; the walk goes on.
                guard !promised.contains(temporary), let found = try? root.look(temporary),
                    !files.contains(FileIdentity(device: found.device, inode: found.inode))
                else { return }
                stray.append(temporary)
            }
            for temporary in stray { root.remove(temporary) }
        }
        for intent in intents { self.recover(intent) }
        var cursor: Int64 = 0
        while true {
            let rows = self.ask([]) { try $0.live(after: cursor, isHere: true, limit: 1_000) }
            guard let last = rows.last else { break }
            cursor = last.number
            for row in rows where row.state == .held && self.landings.busy[row.id] == nil {
                self.landings.queue.append(row.id)
            }
        }
    }

    private func concludeFound(_ intent: LandingIntent, _ result: LandingOutcome.Result) {
        guard let row = self.ask(nil, { try $0.parcel(intent.parcel) }), let bytes = row.closing,
            let closing = try? Closing(encoded: bytes)
        else { return }
        switch result {
        case .renamed: self.isLanded(row, intent.final, closing, detail: "")
        case .unseen where row.state == .arriving:
            // Custody of it was not stated yet: its giver has it, and offers it again.
            self.landings.promised[row.id] = nil
            self.landings.forget(row.id)
            self.log([try .lost(row.id, at: self.now)]) {}
        case .unseen:
            self.parts.logger.warning(
                "Landed file was not seen again",
                metadata: ["parcel.id": "\(row.id)", "landing.path": "\(intent.final)"]
            )
            self.isLanded(row, intent.final, closing, detail: "unseen")
        case .refused(let code, let detail):
            self.end(row.id, .refused, reason: code, detail: detail)
        case .waits(let code, let detail): self.wait(row.id, code, detail)
        case .ready, .damaged, .digestDiffers:
            self.wait(row.id, "landing_unclear", "\(intent.final)")
        }
    }

    /// Has a worker look how far a promised landing came, and finish it.
    private func recover(_ intent: LandingIntent) {
        guard let row = self.ask(nil, { try $0.parcel(intent.parcel) }),
            row.state == .arriving || row.state == .held,
            let root = self.parts.landings[row.stream.flow]
        else { return }
        self.landings.promised[intent.parcel] = intent
        self.landings.begin(intent.parcel, as: intent.final)
        let mailbox = self.mailbox
        LandingWork.queue.async {
            mailbox.yield(.landing(.found(intent, LandingWork.recover(intent, in: root))))
        }
    }

    /// Whether the landing's file system has room for a parcel more.
    func hasLandingRoom(_ opening: Opening) -> Bool {
        guard opening.collector == self.parts.node, let root = self.parts.landings[opening.flow]
        else { return true }
        let promised = self.arrivals.values.reduce(Int64(0)) { $0 + $1.opening.size.rawValue }
        return ((try? root.freeBytes()) ?? .max) > promised + opening.size.rawValue
    }
}
