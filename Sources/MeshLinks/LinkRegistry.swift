import MeshModel
import MeshProtocol
import NIOCore
import Synchronization

/// What a link service must close when it stops, and how many strangers it lets in at a time.
final class LinkRegistry: Sendable {
    private struct Connection {
        var channel: any Channel
        var session: (any Session)?
    }

    private struct State {
        var isStopped = false
        var handshakes = 0
        var listeners: [any Channel] = []
        var connections: [ObjectIdentifier: Connection] = [:]
    }

    private let state = Mutex(State())

    /// Counts an accepted connection that has not proved anything yet; false if there are too many.
    func beginHandshake() -> Bool {
        self.state.withLock { state in
            guard !state.isStopped, state.handshakes < Limits.handshakesMax else { return false }
            state.handshakes += 1
            return true
        }
    }

    /// The connection has said hello or is gone.
    func endHandshake() { self.state.withLock { $0.handshakes -= 1 } }

    /// Remembers a listener; false if the service is stopped.
    func add(listener channel: any Channel) -> Bool {
        self.state.withLock { state in
            guard !state.isStopped else { return false }
            state.listeners.append(channel)
            return true
        }
    }

    /// Remembers a connection until it closes; false if the service is stopped.
    func add(connection channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdded = self.state.withLock { state in
            guard !state.isStopped else { return false }
            state.connections[id] = Connection(channel: channel)
            return true
        }
        guard isAdded else { return false }
        channel.closeFuture.whenComplete { _ in
            self.state.withLock { $0.connections[id] = nil }
        }
        return true
    }

    /// How many connections there are.
    var connectionCount: Int { self.state.withLock { $0.connections.count } }

    /// Remembers what a connection carries, so that it ends in good manners.
    func add(_ session: any Session, on channel: any Channel) {
        let isStopped = self.state.withLock { state in
            state.connections[ObjectIdentifier(channel)]?.session = session
            return state.isStopped
        }
        if isStopped { channel.close(promise: nil) }
    }

    /// Lets nothing new in and ends all there is; returns when every socket is closed.
    func stop() async {
        let (listeners, connections) = self.state.withLock { state in
            state.isStopped = true
            return (state.listeners, Array(state.connections.values))
        }
        for listener in listeners { listener.close(promise: nil) }
        for connection in connections {
            if let session = connection.session {
                session.end(Bye(why: "stopping"))
            } else {
                connection.channel.close(promise: nil)
            }
        }
        for connection in connections { try? await connection.channel.closeFuture.get() }
    }
}
