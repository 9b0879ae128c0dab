import Dispatch
import Glibc
import Synchronization

/// A line between two nodes that a test can make forget its calls: nothing goes over them any
/// more, and nobody is told.
///
/// Calls that come in later go over as before.
final class Proxy: Sendable {
    let port: UInt16
    private let listener: Int32
    private let target: UInt16
    private static let queue = DispatchQueue(label: "proxy", attributes: .concurrent)

    private struct State {
        var sockets: [Int32] = []
        var calls = 0
        /// Calls up to this one are forgotten.
        var forgotten = 0
    }

    private let state = Mutex(State())

    /// Listens at a free port of its own for what is to go to `target`.
    init(to target: UInt16) throws {
        self.target = target
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.address(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0
                    ? getsockname(listener, $0, &length) : -1
            }
        }
        guard result == 0 else { throw ProxyFailed() }
        self.listener = listener
        self.port = UInt16(bigEndian: address.sin_port)
        Self.queue.async { self.accept() }
    }

    /// How many calls have come in.
    var calls: Int { self.state.withLock { $0.calls } }

    /// Lets nothing more through on the calls that there are.
    func forget() { self.state.withLock { $0.forgotten = $0.calls } }

    /// Ends everything.
    func stop() {
        shutdown(self.listener, Int32(SHUT_RDWR))
        for socket in self.state.withLock({ $0.sockets }) { shutdown(socket, Int32(SHUT_RDWR)) }
    }

    private func accept() {
        while true {
            let inner = Glibc.accept(self.listener, nil, nil)
            guard inner >= 0 else { return }
            let outer = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = Self.address(self.target)
            let result = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(outer, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard result == 0 else {
                close(inner)
                close(outer)
                continue
            }
            let call = self.state.withLock { state in
                state.calls += 1
                state.sockets += [inner, outer]
                return state.calls
            }
            self.forward(inner, outer, of: call)
            self.forward(outer, inner, of: call)
        }
    }

    private func forward(_ from: Int32, _ to: Int32, of call: Int) {
        let source = DispatchSource.makeReadSource(fileDescriptor: from, queue: Self.queue)
        source.setEventHandler {
            // What comes stays where it is, the end of a stream too.
            guard self.state.withLock({ call > $0.forgotten }) else { return source.cancel() }
            var bytes = [UInt8](repeating: 0, count: 64 << 10)
            let count = read(from, &bytes, bytes.count)
            guard count > 0 else {
                source.cancel()
                shutdown(to, Int32(SHUT_WR))
                return
            }
            var sent = 0
            while sent < count {
                let rest = Array(bytes[sent..<count])
                let some = send(to, rest, rest.count, Int32(MSG_NOSIGNAL))
                guard some > 0 else { return source.cancel() }
                sent += some
            }
        }
        source.activate()
    }

    private static func address(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = port.bigEndian
        return address
    }
}

struct ProxyFailed: Error {}
