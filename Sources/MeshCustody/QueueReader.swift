import Dispatch
package import MeshModel
import MeshSpool

/// Answers questions about what is here, a page at a time, so that the engine is never kept long.
package struct QueueReader: Sendable {
    private let engine: Engine
    private let page: Int

    private static let queue = DispatchQueue(label: "tributary.questions")
    /// How many parcels a question looks at before it answers with what it found.
    private static let lookedAtMax = 10_000

    /// Asks an engine; `page` is how many parcels it explains at a time.
    package init(_ engine: Engine, page: Int = 256) { (self.engine, self.page) = (engine, page) }

    /// The parcels that a question is about, with why they are here.
    ///
    /// - Throws: What reading the index throws; `CancellationError` when the daemon stops.
    package func list(_ question: QueueQuestion) async throws -> QueueReport {
        var found: [QueueReport.Parcel] = []
        var after = question.after
        var looked = 0
        while looked < Self.lookedAtMax {
            let cursor = after
            let rows = try await self.read {
                try $0.queue(question.filter, after: cursor, limit: self.page)
            }
            let parcels: [QueueReport.Parcel] = try await self.engine.answer {
                .queue(.explain(rows, $0))
            }
            for (row, parcel) in zip(rows, parcels) where question.isAbout(parcel) {
                guard found.count < question.limit else {
                    return QueueReport(parcels: found, more: after)
                }
                found.append(parcel)
                after = row.number
            }
            guard rows.count == self.page, let last = rows.last else {
                return QueueReport(parcels: found, more: nil)
            }
            after = last.number
            looked += rows.count
        }
        return QueueReport(parcels: found, more: after)
    }

    /// What is here, added up by flow, next hop and age.
    ///
    /// - Throws: As ``list(_:)``.
    package func ages(at now: UnixMilliseconds) async throws -> QueueAgeReport {
        let sums = try await self.read { try $0.ages(at: now, upTo: QueueAgeReport.ages) }
        return try await self.engine.answer { .queue(.ways(sums, $0)) }
    }

    private func read<T: Sendable>(
        _ question: @escaping @Sendable (Index) throws -> T
    ) async throws -> T {
        let store = self.engine.store
        return try await withCheckedThrowingContinuation { continuation in
            Self.queue.async { continuation.resume(with: Result { try question(store) }) }
        }
    }
}

extension QueueQuestion {
    func isAbout(_ parcel: QueueReport.Parcel) -> Bool {
        let reasons = parcel.reasons
        if let code, !reasons.contains(where: { $0.code == code.rawValue }) { return false }
        guard let neighbour else { return true }
        return reasons.contains { $0.node == neighbour.text && $0.isOnTheWayOn }
    }
}

extension WhyReport.Reason {
    /// Whether its node is one that the parcel goes to.
    var isOnTheWayOn: Bool {
        switch WhyCode(rawValue: self.code) {
        case .queued, .offered, .behind, .sending, .awaitingCustody, .neighbourFull,
            .neighbourLater, .nextHopAsked, .refusedBy, .noCall:
            true
        default: false
        }
    }
}

extension Engine {
    /// Waits for the engine's answer to a command, or until this task is cancelled.
    ///
    /// - Throws: `CancellationError`.
    package nonisolated func answer<T: Sendable>(
        _ command: (@escaping @Sendable (T) -> Void) -> EngineCommand
    ) async throws -> T {
        let (answers, continuation) = AsyncStream<T>.makeStream()
        self.post(.command(command { continuation.yield($0) }))
        for await answer in answers { return answer }
        throw CancellationError()
    }
}
