import MeshModel
import MeshProtocol
import Synchronization

/// How a call ended.
struct CallEnd: Hashable, Sendable {
    /// A stable code.
    var reason: String
    /// For people.
    var detail: String
    /// The earliest time to call again, if the peer has said one.
    var callAgain: UnixMilliseconds?
}

/// Passes session events on, and lets whoever dialled wait for the end of a call.
final class CallBook: Sendable {
    private struct OpenCall {
        var peer: NodeName
        var callAgain: UnixMilliseconds?
        var waiting: [AsyncStream<CallEnd>.Continuation] = []
    }

    private struct State {
        var open: [UInt64: OpenCall] = [:]
        /// Ends of calls that were dialled here, until whoever dialled asks.
        var ended: [UInt64: CallEnd] = [:]
    }

    private let state = Mutex(State())
    private let next: @Sendable (SessionEvent) -> Void

    init(_ next: @escaping @Sendable (SessionEvent) -> Void) { self.next = next }

    func heard(_ event: SessionEvent) {
        switch event {
        case .opened(let session, _):
            self.state.withLock { $0.open[session.id] = OpenCall(peer: session.peer) }
        case .message(let session, .bye(let bye)):
            self.state.withLock { $0.open[session.id]?.callAgain = bye.callAgain }
        case .closed(let session, let reason, let detail):
            self.closed(session, reason, detail)
        case .message, .blob, .badBlob, .alive: break
        }
        self.next(event)
    }

    private func closed(_ session: any Session, _ reason: String, _ detail: String) {
        let (waiting, end) = self.state.withLock { state in
            let call = state.open.removeValue(forKey: session.id)
            let end = CallEnd(reason: reason, detail: detail, callAgain: call?.callAgain)
            let waiting = call?.waiting ?? []
            if session.isDialler, waiting.isEmpty { state.ended[session.id] = end }
            return (waiting, end)
        }
        for one in waiting {
            one.yield(end)
            one.finish()
        }
    }

    /// Any open call with a neighbour, whoever dialled.
    func openCall(with peer: NodeName) -> UInt64? {
        self.state.withLock { $0.open.first { $0.value.peer == peer }?.key }
    }

    /// Returns once a session is closed; `nil` if the task is cancelled, or the end was told before.
    func waitForEnd(of session: UInt64) async -> CallEnd? {
        let (ends, continuation) = AsyncStream<CallEnd>.makeStream()
        self.state.withLock { state in
            if let end = state.ended.removeValue(forKey: session) {
                continuation.yield(end)
                continuation.finish()
            } else if state.open[session] != nil {
                state.open[session]?.waiting.append(continuation)
            } else {
                continuation.finish()
            }
        }
        for await end in ends { return end }
        return nil
    }
}
