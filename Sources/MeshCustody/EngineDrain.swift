import Dispatch
import Logging
package import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

/// A command that wants the spool empty.
package struct DrainTask: Sendable {
    /// Names the command, so that it can be ended.
    package let id: UInt64
    /// Only what this neighbour leads to, and all of that by this neighbour.
    package let to: NodeName?
    /// How long nothing may move before the command gives up, in milliseconds.
    package let patience: Int64
    /// Whether the node goes on refusing parcels when all is gone.
    package let staysShut: Bool
    let progress: @Sendable (DrainReport) -> Void
    let reply: @Sendable (Result<DrainReport, EngineError>) -> Void

    /// Takes a command in.
    package init(
        id: UInt64,
        to: NodeName?,
        patience: Int64,
        staysShut: Bool,
        progress: @escaping @Sendable (DrainReport) -> Void,
        reply: @escaping @Sendable (Result<DrainReport, EngineError>) -> Void
    ) {
        self.id = id
        self.to = to
        self.patience = patience
        self.staysShut = staysShut
        self.progress = progress
        self.reply = reply
    }
}

/// A drain that goes on.
struct Draining {
    let task: DrainTask
    let begunWith: UInt64
    var last: DrainReport
    var movedAt: UnixMilliseconds
    var reportedAt: UnixMilliseconds
}

// Emptying the spool: new parcels are refused, back-off and order are ignored, until nothing is
// left in custody, in the outbox and in the cache.
extension Engine {
    private static let reportsEvery: Int64 = 500
    private static let listedMax = 100
    /// What whoever offers something is told to wait, in milliseconds.
    private static let refusesFor: Int64 = 15_000

    /// Whether new parcels are refused, be they offered or captured.
    var isShut: Bool { self.draining != nil || self.staysShut }

    func drain(_ task: DrainTask) {
        guard !self.isEnding else { return task.reply(.failure(.stopped)) }
        guard !self.standsStill else {
            return task.reply(.failure(self.standingStill))
        }
        guard self.draining == nil else {
            return task.reply(
                .failure(
                    EngineError(
                        code: "try_later",
                        message: "This node is being drained already.",
                        hint: "Wait for the other command, or end it with Ctrl-C."
                    )
                )
            )
        }
        if let to = task.to, !self.parts.view.neighbours.contains(where: { $0.name == to }) {
            return task.reply(
                .failure(
                    EngineError(
                        code: "not_found",
                        message: "\(to) is no neighbour of this node.",
                        hint: "`tributary status` lists them."
                    )
                )
            )
        }
        self.staysShut = false
        for offer in self.waitingOffers {
            self.calls[offer.giver].map { self.putOffWhileShut(offer.opening.id, by: $0) }
        }
        self.waitingOffers = []
        let report = self.left(for: task, since: nil)
        self.draining = Draining(
            task: task,
            begunWith: report.parcels,
            last: report,
            movedAt: self.now,
            reportedAt: UnixMilliseconds(0)
        )
        self.parts.logger.notice(
            "Drain begins",
            metadata: ["drain.parcels": "\(report.parcels)", "drain.bytes": "\(report.bytes)"]
        )
        self.forgetWaits()
        self.reroute()
        self.advanceDrain()
        self.settle()
    }

    /// The one who waited has gone, or the node opens again.
    func endDrain(_ id: UInt64?) {
        if let draining = self.draining, id == nil || draining.task.id == id {
            self.draining = nil
            draining.task.reply(.failure(.stopped))
        }
        if id == nil { self.staysShut = false }
        self.reroute()
    }

    /// Tries at once what waits for its time.
    private func forgetWaits() {
        self.refusals = [:]
        for parcel in self.landings.waiting.keys {
            self.landings.waiting[parcel]?.retryAt = self.now
        }
        for call in self.calls.values {
            call.fullFor = [:]
            for (parcel, gift) in call.gifts where gift.offerAgainAt != nil {
                call.gifts[parcel]?.offerAgainAt = self.now
            }
        }
    }

    /// Looks how far the drain is; ends it when nothing is left, or nothing moves any more.
    func advanceDrain() {
        guard var draining = self.draining else { return }
        let now = self.now
        guard now.rawValue - draining.reportedAt.rawValue >= Self.reportsEvery else { return }
        draining.reportedAt = now
        var report = self.left(for: draining.task, since: draining.begunWith)
        if report.parcels == 0, report.arriving == 0, report.cached > 0 { self.dropCache() }
        if report != draining.last || self.lastMoveAt > draining.movedAt {
            draining.movedAt = now
        }
        draining.last = report
        self.draining = draining
        if report.isEmpty {
            self.draining = nil
            self.staysShut = draining.task.staysShut
            self.parts.logger.notice("Drain ends", metadata: ["drain.gone": "\(report.gone)"])
            return draining.task.reply(.success(report))
        }
        if now.rawValue - draining.movedAt.rawValue >= draining.task.patience {
            self.draining = nil
            report.left = self.listLeft(for: draining.task)
            self.parts.logger.warning(
                "Drain leaves something",
                metadata: ["drain.parcels": "\(report.parcels)"]
            )
            return draining.task.reply(.success(report))
        }
        report.event = "progress"
        draining.task.progress(report)
    }

    /// Has a worker give up what is kept in case somebody sends it again.
    private func dropCache() {
        let (spool, mailbox, logger) = (self.spool, self.mailbox, self.parts.logger)
        EngineWorkers.checks.async {
            do { try spool.evictCache() } catch {
                logger.error("Cache not given up", metadata: ["error": "\(error)"])
            }
            mailbox.yield(.roomMade(isMore: true))
        }
    }

    private func left(for task: DrainTask, since begun: UInt64?) -> DrainReport {
        var parcels: UInt64 = 0
        var bytes: Int64 = 0
        var arriving: UInt64 = 0
        for lot in self.ask([], { try $0.liveLots() }) {
            guard self.concerns(task, lot.collector, origin: lot.origin, giver: lot.giver) else {
                continue
            }
            if lot.state == .held || lot.giver == nil {
                parcels += lot.count
                bytes += lot.bytes
            } else if lot.giver.map({ self.calls[$0] != nil }) ?? false {
                arriving += lot.count
            }
        }
        return DrainReport(
            parcels: parcels,
            bytes: bytes,
            arriving: arriving,
            statements: task.to == nil ? UInt64(self.ask(0) { try $0.outboxCount() }) : 0,
            cached: task.to == nil ? self.spool.cachedBytes.rawValue : 0,
            gone: begun.map { $0 > parcels ? $0 - parcels : 0 } ?? 0
        )
    }

    private func concerns(
        _ task: DrainTask,
        _ collector: NodeName,
        origin: NodeName,
        giver: NodeName?
    ) -> Bool {
        guard let to = task.to else { return true }
        return collector != self.parts.node && to != giver && to != origin
            && self.ways(to: collector).contains(to)
    }

    private func listLeft(for task: DrainTask) -> [DrainReport.Left] {
        var left: [DrainReport.Left] = []
        for isHere in [true, false] {
            for row in self.ask(
                [],
                {
                    try $0.live(after: 0, isHere: isHere, limit: Self.listedMax)
                }
            )
            where self.concerns(
                task,
                row.collector,
                origin: row.stream.origin,
                giver: row.giver
            ) && left.count < Self.listedMax {
                left.append(
                    DrainReport.Left(
                        id: row.id,
                        path: row.path,
                        flow: row.stream.flow,
                        size: row.size,
                        state: ([row.word] + self.reasons(row).prefix(1).map(\.brief))
                            .joined(separator: ", ")
                    )
                )
            }
        }
        return left
    }

    /// Refuses an offer while the node is shut; whether it did.
    func refuseWhileShut(_ parcel: ParcelID, by call: Call) -> Bool {
        guard self.isShut else { return false }
        self.putOffWhileShut(parcel, by: call)
        return true
    }

    private func putOffWhileShut(_ parcel: ParcelID, by call: Call) {
        let until = self.now.adding(milliseconds: Self.refusesFor)
        call.session.send(.answer(parcel, .later(until: until, why: "draining")))
    }
}
