import MeshModel
import MeshProtocol
import Synchronization

/// Passes session events on, and lets whoever dialled wait for the end of its call.
final class CallBook: Sendable {
    private struct State {
        var open: Set<UInt64> = []
        var peers: [NodeName: Int] = [:]
        var waiting: [UInt64: AsyncStream<Never>.Continuation] = [:]
    }

    private let state = Mutex(State())
    private let next: @Sendable (SessionEvent) -> Void

    init(_ next: @escaping @Sendable (SessionEvent) -> Void) { self.next = next }

    func heard(_ event: SessionEvent) {
        switch event {
        case .opened(let session, _):
            self.state.withLock { state in
                state.open.insert(session.id)
                state.peers[session.peer, default: 0] += 1
            }
        case .closed(let session, _, _):
            let waiting = self.state.withLock { state in
                if state.open.remove(session.id) != nil {
                    state.peers[session.peer, default: 1] -= 1
                }
                return state.waiting.removeValue(forKey: session.id)
            }
            waiting?.finish()
        case .message, .blob, .badBlob: break
        }
        self.next(event)
    }

    /// Whether any call with a neighbour is open, whoever dialled.
    func isOpen(_ peer: NodeName) -> Bool {
        self.state.withLock { ($0.peers[peer] ?? 0) > 0 }
    }

    /// Returns once a session is closed, or the task is cancelled.
    func waitForEnd(of session: any Session) async {
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        let isOpen = self.state.withLock { state in
            guard state.open.contains(session.id) else { return false }
            state.waiting[session.id] = continuation
            return true
        }
        guard isOpen else { return }
        for await _ in stream {}
    }
}
