import Synchronization

/// What waits for the engine, in order; anybody may add to it, from any thread, and never waits.
package final class EngineMailbox: Sendable {
    let events: AsyncStream<EngineEvent>
    private let continuation: AsyncStream<EngineEvent>.Continuation
    private let count = Atomic<Int>(0)

    init() { (self.events, self.continuation) = AsyncStream.makeStream() }

    /// Whether nothing waits at this moment.
    var isEmpty: Bool { self.count.load(ordering: .relaxed) == 0 }

    func yield(_ event: EngineEvent) {
        self.count.add(1, ordering: .relaxed)
        self.continuation.yield(event)
    }

    /// An event was taken out.
    func took() { self.count.subtract(1, ordering: .relaxed) }

    func finish() { self.continuation.finish() }
}
