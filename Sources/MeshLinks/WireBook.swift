package import MeshModel
import Synchronization

/// Bytes that crossed a wire.
package struct WireBytes: Hashable, Sendable {
    /// What left this process, TLS included.
    package var sent: UInt64 = 0
    /// What came, TLS included.
    package var received: UInt64 = 0
    /// What of ``sent`` was files, as pieces are stored: mostly compressed.
    package var payloadSent: UInt64 = 0

    /// None yet.
    package init() {}

    static func + (a: Self, b: Self) -> Self {
        var sum = a
        sum.sent += b.sent
        sum.received += b.received
        sum.payloadSent += b.payloadSent
        return sum
    }
}

/// Counts the bytes of one connection; whoever moves them adds, and anybody may look.
final class WireCounter: Sendable {
    private let sent = Atomic<UInt64>(0)
    private let received = Atomic<UInt64>(0)
    private let payloadSent = Atomic<UInt64>(0)

    func add(sent count: Int) { self.sent.wrappingAdd(UInt64(count), ordering: .relaxed) }
    func add(received count: Int) { self.received.wrappingAdd(UInt64(count), ordering: .relaxed) }
    func add(payloadSent count: Int) {
        self.payloadSent.wrappingAdd(UInt64(count), ordering: .relaxed)
    }

    var bytes: WireBytes {
        var bytes = WireBytes()
        bytes.sent = self.sent.load(ordering: .relaxed)
        bytes.received = self.received.load(ordering: .relaxed)
        bytes.payloadSent = self.payloadSent.load(ordering: .relaxed)
        return bytes
    }
}

/// What has crossed the wire to each neighbour since the book was begun.
///
/// A connection counts from its first byte, for the neighbour that it proves to be; those that
/// prove nothing count for nobody.
package final class WireBook: Sendable {
    private struct Page {
        /// Of connections that are over.
        var closed = WireBytes()
        /// Those that are up, the newest last.
        var open: [WireCounter] = []
    }

    private let pages = Mutex<[NodeName: Page]>([:])

    /// Begins with nothing.
    package init() {}

    /// All that went to a neighbour and came from it; `nil` if no connection ever was its.
    package func total(of peer: NodeName) -> WireBytes? {
        self.pages.withLock { pages in
            pages[peer].map { page in page.open.reduce(page.closed) { $0 + $1.bytes } }
        }
    }

    /// What went and came on the newest connection that is up.
    package func call(with peer: NodeName) -> WireBytes? {
        self.pages.withLock { $0[peer]?.open.last?.bytes }
    }

    func opened(_ counter: WireCounter, by peer: NodeName) {
        self.pages.withLock { $0[peer, default: Page()].open.append(counter) }
    }

    func closed(_ counter: WireCounter, by peer: NodeName) {
        self.pages.withLock { pages in
            guard var page = pages[peer],
                let index = page.open.firstIndex(where: { $0 === counter })
            else { return }
            page.open.remove(at: index)
            page.closed = page.closed + counter.bytes
            pages[peer] = page
        }
    }
}
