package import MeshModel
import MeshProtocol
package import NIOCore
import Synchronization

/// Two sessions joined in memory, for meshes within one process.
///
/// Each end runs on an event loop of its own, so everything but sockets and TLS is as on a line.
package final class PipeLink: Sendable {
    private let ends: Mutex<[NIOLoopBound<PipeEnd>]>

    private init(_ ends: [NIOLoopBound<PipeEnd>]) { self.ends = Mutex(ends) }

    /// Joins `a`, as the dialler, with `b`; each hears `opened` once the other's hello fits.
    ///
    /// `group` gives each end an event loop, perhaps the same; at most about `window` bytes are
    /// under way in each direction.
    ///
    /// - Returns: What cuts the line.
    /// - Throws: When a hello does not fit a frame.
    package static func connect(
        _ a: NodeName,
        _ aSide: LinkSide,
        _ b: NodeName,
        _ bSide: LinkSide,
        on group: any EventLoopGroup,
        window: Int = 1 << 20
    ) async throws -> PipeLink {
        let first = try await PipeEnd.make(
            peer: b,
            isDialler: true,
            side: aSide,
            on: group.next(),
            window: window
        )
        let second = try await PipeEnd.make(
            peer: a,
            isDialler: false,
            side: bSide,
            on: group.next(),
            window: window
        )
        let link = PipeLink([first, second])
        for (end, other) in [(first, second), (second, first)] {
            try await end.eventLoop.submit { end.value.join(other) }.get()
        }
        for end in [first, second] {
            try await end.eventLoop.submit { end.value.start() }.get()
        }
        return link
    }

    /// Cuts the line: what is under way is lost, and both ends hear `closed` with `cut`.
    package func cut() {
        let ends = self.ends.withLock { ends in
            defer { ends = [] }
            return ends
        }
        for end in ends {
            end.eventLoop.execute { end.value.cut() }
        }
    }
}

/// One end of a pipe; confined to its event loop.
private final class PipeEnd: SessionTransport {
    private let eventLoop: any EventLoop
    private let window: Int
    private var core: SessionCore?
    private var other: NIOLoopBound<PipeEnd>?
    private var bytesUnderWay = 0
    private let peer: NodeName
    private let wires: WireBook
    private let counter = WireCounter()

    private init(
        eventLoop: any EventLoop,
        window: Int,
        peer: NodeName,
        wires: WireBook
    ) {
        self.eventLoop = eventLoop
        self.window = window
        self.peer = peer
        self.wires = wires
        wires.opened(self.counter, by: peer)
    }

    static func make(
        peer: NodeName,
        isDialler: Bool,
        side: LinkSide,
        on eventLoop: any EventLoop,
        window: Int
    ) async throws -> NIOLoopBound<PipeEnd> {
        try await eventLoop.submit {
            let end = PipeEnd(
                eventLoop: eventLoop,
                window: window,
                peer: peer,
                wires: side.wires
            )
            end.core = try SessionCore(
                peer: peer,
                isDialler: isDialler,
                counter: end.counter,
                side: side,
                eventLoop: eventLoop,
                transport: end
            ) { _ in }
            return NIOLoopBound(end, eventLoop: eventLoop)
        }.get()
    }

    func join(_ other: NIOLoopBound<PipeEnd>) { self.other = other }

    func start() { self.core?.start() }

    func cut() {
        self.other = nil
        self.wires.closed(self.counter, by: self.peer)
        self.core?.lost(reason: "cut", detail: "The pipe was cut.")
        self.core = nil
    }

    var isWritable: Bool { self.other != nil && self.bytesUnderWay < self.window }

    var isFlushed: Bool { self.bytesUnderWay == 0 }

    func makeBuffer(capacity: Int) -> ByteBuffer {
        ByteBufferAllocator().buffer(capacity: capacity)
    }

    func write(_ bytes: ByteBuffer) {
        guard let other = self.other else { return }
        self.bytesUnderWay += bytes.readableBytes
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let count = bytes.readableBytes
        self.counter.add(sent: count)
        other.eventLoop.execute {
            other.value.counter.add(received: count)
            other.value.core?.received(bytes)
            bound.eventLoop.execute { bound.value.took(count) }
        }
    }

    private func took(_ count: Int) {
        self.bytesUnderWay -= count
        self.core?.pump()
    }

    func close() {
        guard let other = self.other else { return }
        self.other = nil
        self.core = nil
        self.wires.closed(self.counter, by: self.peer)
        // After all that was written, as the end of a stream is.
        other.eventLoop.execute { other.value.cut() }
    }
}
