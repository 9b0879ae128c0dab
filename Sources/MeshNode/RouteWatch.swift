import Dispatch
import Glibc
import Synchronization

/// Says when addresses, interfaces or routes of this machine change: a line may be back.
///
/// Listens to the kernel over netlink, which needs no privilege. Where that is not to be had,
/// nothing is said; whoever waits for a line looks for himself from time to time as well.
final class RouteWatch {
    private let source: (any DispatchSourceRead)?
    private static let queue = DispatchQueue(label: "tributary.routes")

    /// Changes come in bursts; they are told of once, after so many milliseconds.
    private static let settleMilliseconds = 200

    /// Tells of changes until ``stop()``.
    init(_ changed: @escaping @Sendable () -> Void) {
        guard let socket = Self.open() else {
            self.source = nil
            return
        }
        let source = DispatchSource.makeReadSource(fileDescriptor: socket, queue: Self.queue)
        let isDue = Due()
        source.setEventHandler {
            var bytes = [UInt8](repeating: 0, count: 16 << 10)
            // What they say is of no matter; a full buffer is a change too.
            while read(socket, &bytes, bytes.count) > 0 || errno == ENOBUFS || errno == EINTR {}
            guard isDue.begin() else { return }
            Self.queue.asyncAfter(deadline: .now() + .milliseconds(Self.settleMilliseconds)) {
                isDue.end()
                changed()
            }
        }
        source.setCancelHandler { close(socket) }
        source.activate()
        self.source = source
    }

    /// Says nothing any more.
    func stop() { self.source?.cancel() }

    private final class Due: Sendable {
        private let isDue = Atomic(false)

        func begin() -> Bool { !self.isDue.exchange(true, ordering: .relaxed) }
        func end() { self.isDue.store(false, ordering: .relaxed) }
    }

    /// The `sockaddr_nl` of linux/netlink.h, which Glibc does not have.
    private struct Address {
        var family = sa_family_t(AF_NETLINK)
        var padding: UInt16 = 0
        var process: UInt32 = 0
        /// RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV4_ROUTE, RTMGRP_IPV6_IFADDR, …_IPV6_ROUTE.
        var groups: UInt32 = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
    }

    private static func open() -> CInt? {
        let kind =
            CInt(SOCK_RAW.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
            | CInt(SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(AF_NETLINK, kind, 0)
        guard socket >= 0 else { return nil }
        var address = Address()
        let size = socklen_t(MemoryLayout<Address>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            // SAFETY: a `sockaddr` is read here as the family says, and `size` is that of all of it.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, size) }
        }
        guard result == 0 else {
            close(socket)
            return nil
        }
        return socket
    }
}
