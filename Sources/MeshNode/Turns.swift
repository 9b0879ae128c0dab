import ServiceLifecycle
import Synchronization
import UnixSignals

/// Decides how long a daemon goes on: signals end it, a changed home has it begin anew.
final class Turns: Sendable {
    private struct State {
        var group: ServiceGroup?
        var isEnding = false
        var mustReload = false
    }

    private let state = Mutex(State())
    private let wishes: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation

    init() {
        (self.wishes, self.wish) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Listens for signals, and passes on what is wished for, until it is cancelled.
    func watch() async {
        await withTaskGroup { group in
            group.addTask {
                for await _ in await UnixSignalsSequence(trapping: .sigterm, .sigint) {
                    self.state.withLock { $0.isEnding = true }
                    self.wish.yield()
                }
            }
            group.addTask {
                for await _ in self.wishes {
                    await self.state.withLock { $0.group }?.triggerGracefulShutdown()
                }
            }
        }
    }

    /// Takes up the services that now run.
    func begin(_ group: ServiceGroup) async {
        let mustStop = self.state.withLock { state in
            state.group = group
            return state.isEnding || state.mustReload
        }
        if mustStop { await group.triggerGracefulShutdown() }
    }

    /// Has the daemon begin anew; comes back at once.
    func reload() {
        self.state.withLock { $0.mustReload = true }
        self.wish.yield()
    }

    /// Forgets the services of a turn that did not come about.
    func retry() {
        self.state.withLock { state in
            state.group = nil
            state.mustReload = false
        }
    }

    /// Whether there is another turn, now that one has ended.
    var goesOn: Bool {
        self.state.withLock { state in
            state.group = nil
            defer { state.mustReload = false }
            return state.mustReload && !state.isEnding
        }
    }
}
