import Logging
import MeshIdentity
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology

/// Decides what a node takes, hands on, lands and says: the only caller of the spool's mutations.
///
/// One event at a time comes out of a mailbox and is handled without suspension, so no state is
/// carried across an `await`. Whatever asserts something durable is said from a closure that the
/// spool's announcement releases: see ``log(_:then:)``.
///
///     session, worker, command ──▶ mailbox ──▶ handle ──▶ spool.append ──▶ (sync, index)
///                                                 ▲                            │
///                                                 └───── durable(position) ────┘──▶ answer, ack,
///                                                                                  statement
package actor Engine {
    let parts: EngineParts
    let spool: Spool
    let store: Index
    /// The life that the log was found in; ``incarnation`` may be a later one.
    nonisolated let firstIncarnation: Incarnation
    var incarnation: Incarnation
    var signer: StatementSigner
    let random: any RandomSource
    let startedAt: UnixMilliseconds

    nonisolated let mailbox: EngineMailbox
    private var isSettled = true
    private var eventsUnsettled = 0

    /// Set when nothing more may be said: the disk failed, or a test's crash point was reached.
    var stopReason: EngineError?
    var isStopped = false
    var isEnding = false
    var isMakingRoom = false

    private var afterDurable: [(position: LogPosition, action: () -> Void)] = []
    private var afterDurableHead = 0

    var calls: [NodeName: Call] = [:]
    var peers: [NodeName: PeerState] = [:]
    var contenders: [NodeName: Contender] = [:]
    /// Neighbours of which two run, with the incarnation's number that both are in.
    var doubled: [NodeName: UInt64] = [:]
    var arrivals: [ParcelID: Arrival] = [:]
    var waitingOffers: [WaitingOffer] = []
    var offersTaken: UInt64 = 0
    /// Room that the first of the waiting offers still waits for.
    var roomAwaited: Int64 = 0
    var roomTaken: [ParcelID: Int64] = [:]
    var draining: Draining?
    /// Set after a drain that was to leave the node shut, until it opens again or starts anew.
    var staysShut = false
    /// When a blob was last acknowledged to this node.
    var lastMoveAt = UnixMilliseconds(0)
    var room: RoomUse
    var transits: [ParcelID: Transit] = [:]
    /// Blobs that are wanted of somebody, whatever parcel they are for.
    var blobsWanted: Set<BlobID> = []
    /// What waits to be handed on, by what it has in common.
    var groups: Set<ParcelGroup> = []
    var custodyDue: [ParcelID] = []
    /// Counts checks of complete parcels up, so that an outcome that came too late is known.
    var checksBegun: UInt64 = 0
    /// What stated custody of parcels that are about to go on, or to land.
    var custodyStated: [ParcelID: Digest] = [:]
    var drafts: [Draft] = []
    /// Records that must be durable together with the drafts' statements.
    var draftRecords: [LogRecord] = []
    var lastBatch: BatchPosition?
    var lastSequences: [FlowName: SequenceNumber] = [:]
    var routes: [NodeName: [NodeName]] = [:]
    /// Who will never take a parcel, and why; forgotten when the node stops.
    var refusals: [ParcelID: [NodeName: String]] = [:]
    /// Flows that the operator has wait here, and since when.
    var heldFlows: [FlowName: UnixMilliseconds] = [:]
    var sources = SourceState()
    /// Signatures of several small parcels, of which each is looked at once.
    var verifiedBatches = VerifiedBatches()
    var landings = LandingState()
    var sends: [UInt64: SendTask] = [:]
    var haveSendsChanged = false
    var quarantined = 0
    /// What was told last and may be told again: see `status`.
    var statusKnown: (report: StatusReport, until: ContinuousClock.Instant)?
    var life = LifeState()
    /// Parcels that were damaged and are being made whole.
    var healing: Set<ParcelID> = []
    var notes = NoteState()
    var accounts = AccountState()

    /// Joins an open spool with what the node is; see ``open(_:spool:disk:options:random:)``.
    init(
        _ parts: EngineParts,
        spool: Spool,
        store: Index,
        incarnation: Incarnation,
        random: any RandomSource,
        mailbox: EngineMailbox
    ) throws {
        self.parts = parts
        self.spool = spool
        self.store = store
        (self.firstIncarnation, self.incarnation) = (incarnation, incarnation)
        self.startedAt = parts.clock.now()
        self.signer = parts.signer(in: incarnation)
        self.random = random
        self.room = RoomUse(
            shares: RoomShares(
                limit: parts.view.spool.rawValue,
                collectors: Self.collectors(of: parts)
            )
        )
        self.mailbox = mailbox
        if let batch = try store.lastBatch(in: incarnation) {
            self.lastBatch = BatchPosition(number: batch.number, digest: batch.digest)
        }
    }

    /// Hands the engine an event; never blocks, keeps the order of one caller.
    package nonisolated func post(_ event: EngineEvent) { self.mailbox.yield(event) }

    /// Handles events until ``EngineEvent/stop`` or a failure of the disk.
    ///
    /// - Throws: The ``EngineError`` that stopped the node.
    package func run() async throws {
        self.begin()
        self.settleNow()
        for await event in self.mailbox.events {
            self.mailbox.took()
            self.handle(event)
            if self.isStopped { break }
            guard !self.isSettled else { continue }
            self.eventsUnsettled += 1
            guard self.mailbox.isEmpty || self.eventsUnsettled >= Self.burst else { continue }
            self.settleNow()
            // More may follow from what followed, and nobody come by.
            if !self.isSettled, self.mailbox.isEmpty { self.settleNow() }
        }
        self.mailbox.finish()
        for send in self.sends.values { send.finish(.stopped) }
        self.draining?.task.reply(.failure(.stopped))
        if let stopReason { throw stopReason }
    }

    private func handle(_ event: EngineEvent) {
        switch event {
        case .session(let event): self.heard(event)
        case .spool(.durable(let position)): self.becameDurable(position)
        case .spool(.crowded): self.makeRoom()
        case .spool(.failed(let error)): self.fail(EngineError(error))
        case .capture(let event): self.handle(event)
        case .landing(let event): self.handle(event)
        case .unreadable(let body, let parcel): self.isUnreadable(body, of: parcel)
        case .unread(let number, let parcel): self.isUnread(number, of: parcel)
        case .checked(let parcel, let check, let root, let bad):
            self.checked(parcel, by: check, root, bad)
        case .dial(let peer, let event): self.dial(peer, event)
        case .command(let command): self.handle(command)
        case .tick: self.tick()
        case .roomMade(let isMore):
            self.isMakingRoom = false
            if isMore {
                for call in self.calls.values { self.fillWants(call) }
                self.tick()
            }
        case .end: self.end()
        case .stop: self.isStopped = true
        }
    }

    // MARK: Durability

    /// Appends records and runs `action` once they are durable and the index knows them.
    ///
    /// Actions run in the order of the log. After a failure nothing runs any more.
    func log(_ records: @autoclosure () throws -> [LogRecord], then action: @escaping () -> Void) {
        guard !self.isStopped else { return }
        do {
            let records = try records()
            let position = try self.spool.append(records)
            self.afterDurable.append((position, action))
            // Nothing new becomes durable, and so nobody would come by.
            if records.isEmpty { self.becameDurable(self.spool.durablePosition) }
        } catch let error as SpoolError {
            self.fail(EngineError(error))
        } catch {
            self.fail(.broken("write a record", cause: error))
        }
    }

    /// Runs `action` once what a worker appended itself is durable.
    func after(_ position: LogPosition, _ action: @escaping () -> Void) {
        // A worker's position may lie before the engine's latest: the order of actions is kept.
        self.afterDurable.append((position, action))
        self.becameDurable(self.spool.durablePosition)
    }

    private func becameDurable(_ position: LogPosition) {
        while self.afterDurableHead < self.afterDurable.count,
            self.afterDurable[self.afterDurableHead].position <= position, !self.isStopped
        {
            let action = self.afterDurable[self.afterDurableHead].action
            self.afterDurableHead += 1
            action()
        }
        if self.afterDurableHead > 1_024 || self.afterDurableHead == self.afterDurable.count {
            self.afterDurable.removeFirst(self.afterDurableHead)
            self.afterDurableHead = 0
        }
        guard !self.isStopped else { return }
        self.settle()
    }

    /// How many events that came close together are settled together at most.
    private static let burst = 128

    /// Has what follows from this event done together with what follows from those that wait.
    func settle() { self.isSettled = false }

    /// What follows from everything that happened together: one batch, not one by one.
    private func settleNow() {
        self.isSettled = true
        self.eventsUnsettled = 0
        guard !self.standsStill, !self.isStopped else { return }
        self.stateCustody()
        self.signDrafts()
        if !self.transits.isEmpty { self.askOn() }
        for call in self.calls.values where !call.isQuiet {
            self.flushAcks(call)
            self.give(call)
        }
        self.flushOutboxes()
        self.land()
        self.capture()
        if self.haveSendsChanged { self.finishSends() }
    }

    /// Stops the node: nothing of the group that failed is acknowledged.
    func fail(_ error: EngineError) {
        guard !self.isStopped else { return }
        self.parts.logger.critical(
            "Node stops",
            metadata: ["error.code": "\(error.code)", "error": "\(error.message)"]
        )
        self.stopReason = error
        self.isStopped = true
        for call in self.calls.values { call.session.end(Bye(why: "stopped")) }
    }

    /// Reads the index; a failure there stops the node.
    func ask<T>(_ fallback: T, _ question: (Index) throws -> T) -> T {
        do { return try question(self.store) } catch {
            self.fail(.broken("read the index", cause: error))
            return fallback
        }
    }

    /// Whether the node lives on past a point of the walk-through; tests decide otherwise.
    func passes(_ point: CrashPoint) -> Bool {
        guard !self.isStopped else { return false }
        guard let crash = self.parts.crash, crash(self.parts.node, point) else { return true }
        self.isStopped = true
        self.mailbox.yield(.stop)
        return false
    }

    // MARK: Start, time, end

    private func begin() {
        self.resumeSources()
        self.recallLife()
        self.recallHolds()
        self.resume()
    }

    private func tick() {
        let now = self.parts.clock.now()
        self.watchCalls(now)
        guard !self.standsStill else { return }
        self.releaseHeldBack(now)
        self.lapseIdle(now)
        self.admitWaiting()
        self.fillWindows()
        self.lookAtSources(now)
        self.sendTallies(now)
        self.askForOverdue(now)
        self.settle()
        // Rate and time left change while nothing else does.
        self.reportSends()
        self.advanceDrain()
    }

    /// Ends calls in good manners; the daemon posts ``EngineEvent/stop`` when they are closed.
    private func end() {
        self.isEnding = true
        self.sources.cancellation.cancel()
        for call in self.calls.values { call.session.end(Bye(why: "stopping")) }
        for contender in self.contenders.values {
            contender.session.end(Bye(why: "stopping"))
        }
    }

    var now: UnixMilliseconds { self.parts.clock.now() }
}

extension EngineError {
    /// The spool failed: the node stops with its word.
    init(_ error: SpoolError) {
        self.init(code: error.code.rawValue, message: error.message, hint: error.hint)
    }

    /// A failure that leaves no sound way on.
    static func broken(_ action: String, cause: any Error) -> Self {
        Self(
            code: "broken",
            message: "Could not \(action) (\(cause)).",
            hint: "Start the node again; what it acknowledged is safe."
        )
    }
}
