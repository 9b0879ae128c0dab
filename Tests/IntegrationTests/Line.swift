import Foundation
import Glibc
import MeshIdentity
import MeshModel
import MeshTopology
import Synchronization

/// A line in the test's own hand: it passes TCP connections on, counts their bytes, and is cut.
final class Line: Sendable {
    /// Where to dial, on loopback.
    let port: UInt16
    private let target: UInt16
    private let listener: Int32
    private let state = Mutex(State())

    private struct State {
        var isEnded = false
        var made = 0
        /// Both sockets of each connection that is up, by its number.
        var connections: [Int: (Int32, Int32)] = [:]
        var towards: Int64 = 0
        var back: Int64 = 0
    }

    init(to target: UInt16) throws {
        self.target = target
        self.listener = Self.socket()
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = self.listener
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 16) == 0
                    ? getsockname(listener, $0, &length) : -1
            }
        }
        guard result == 0 else { throw Failure("no line: errno \(errno)") }
        self.port = UInt16(bigEndian: address.sin_port)
        Thread { self.accept() }.start()
    }

    /// The bytes that have gone to the listener, and those that came from it.
    var bytes: (towards: Int64, back: Int64) {
        self.state.withLock { ($0.towards, $0.back) }
    }

    /// Resets every connection, whatever is under way.
    ///
    /// - Returns: How many there were.
    @discardableResult func cut() -> Int {
        self.state.withLock { state in
            for (one, other) in state.connections.values {
                for socket in [one, other] {
                    // Closed with this, a socket says RST; the pumps close once they have woken.
                    var linger = Glibc.linger(l_onoff: 1, l_linger: 0)
                    setsockopt(
                        socket,
                        SOL_SOCKET,
                        SO_LINGER,
                        &linger,
                        socklen_t(MemoryLayout<Glibc.linger>.size)
                    )
                    shutdown(socket, Int32(SHUT_RD))
                }
            }
            return state.connections.count
        }
    }

    /// Lets no more connections through.
    func end() {
        let isFirst = self.state.withLock { state in
            defer { state.isEnded = true }
            return !state.isEnded
        }
        guard isFirst else { return }
        self.cut()
        shutdown(self.listener, Int32(SHUT_RDWR))
    }

    /// A daemon that is started meanwhile must not inherit a socket: it would keep the line up.
    private static func socket() -> Int32 {
        Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        address.sin_port = port.bigEndian
        return address
    }

    private func accept() {
        while true {
            let near = Glibc.accept(self.listener, nil, nil)
            guard near >= 0 else { break }
            _ = fcntl(near, F_SETFD, FD_CLOEXEC)
            let far = Self.socket()
            var address = Self.loopback(self.target)
            let connected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(far, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            guard connected == 0 else {
                close(near)
                close(far)
                continue
            }
            let number = self.state.withLock { state in
                state.made += 1
                state.connections[state.made] = (near, far)
                return state.made
            }
            let pumps = DispatchGroup()
            for (from, to, isTowards) in [(near, far, true), (far, near, false)] {
                pumps.enter()
                Thread {
                    self.pump(from, to, isTowards)
                    pumps.leave()
                }.start()
            }
            pumps.notify(queue: .global()) {
                self.state.withLock { $0.connections[number] = nil }
                close(near)
                close(far)
            }
        }
        close(self.listener)
    }

    private func pump(_ from: Int32, _ to: Int32, _ isTowards: Bool) {
        let size = 64 << 10
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(from, buffer.baseAddress, size)
            guard count > 0 else { break }
            self.state.withLock { state in
                if isTowards { state.towards += Int64(count) } else { state.back += Int64(count) }
            }
            var sent = 0
            while sent < count {
                let more = send(
                    to,
                    buffer.baseAddress?.advanced(by: sent),
                    count - sent,
                    Int32(MSG_NOSIGNAL)
                )
                guard more > 0 else { break }
                sent += more
            }
            guard sent == count else { break }
        }
        // Nothing more comes from there: the other way ends with it, as sessions end both at once.
        shutdown(from, Int32(SHUT_RD))
        shutdown(to, Int32(SHUT_RD))
    }
}

extension Line {
    /// Which node listens behind each line.
    static func byListener(_ lines: [UInt16: Line], in text: String) throws -> [String: Line] {
        var found: [String: Line] = [:]
        for node in try Topology.parse(text, file: "mesh.yaml").nodes {
            if let port = node.listens?.port, let line = lines[port] {
                found[node.name.text] = line
            }
        }
        return found
    }

    /// Has nodes listen where `text` says, behind the lines that their neighbours dial.
    static func place(_ nodes: [String], of text: String, in homes: String) throws {
        guard !nodes.isEmpty else { return }
        func content(_ file: String) throws -> String {
            try String(contentsOfFile: "\(homes)/authority/\(file)", encoding: .utf8)
        }
        let authority = try Authority(
            keyPEM: try content("authority.key"),
            certificatePEM: try content("authority.crt")
        )
        let topology = try Topology.parse(text, file: "mesh.yaml")
        for name in nodes {
            guard let node = topology.nodes.first(where: { $0.name.text == name }) else { continue }
            let view = try View(of: node.name, in: topology, serial: 1).signed(by: authority)
            try Data(view).write(to: URL(fileURLWithPath: "\(homes)/\(name)/view.signed"))
        }
    }
}
