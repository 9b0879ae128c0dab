import Glibc
import MeshModel
import MeshProtocol
import NIOCore
import NIOSSL
import NIOTLS

/// Runs a session over one TLS connection: the last handler of its pipeline.
///
///     handshaking ── TLS done, peer named ──▶ greeting ── hello ──▶ open ──▶ closed
///          └───────────── 30 seconds, or any failure ──────────────────────────▲
final class LinkHandler: ChannelInboundHandler, SessionTransport {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let side: LinkSide
    private let verdict: PeerVerdict
    private let isDialler: Bool
    private let registry: LinkRegistry
    private let counter: WireCounter
    private var opened: ((Result<any Session, any Error>) -> Void)?

    private var context: ChannelHandlerContext?
    private var core: SessionCore?
    private var deadline: Scheduled<Void>?
    private var lastWrite: EventLoopFuture<Void>?
    private var writesUnderWay = 0
    private var fault: (any Error)?

    /// Prepares for a call; `opened` is told once how it came out.
    init(
        side: LinkSide,
        verdict: PeerVerdict,
        isDialler: Bool,
        counter: WireCounter,
        registry: LinkRegistry,
        opened: @escaping (Result<any Session, any Error>) -> Void
    ) {
        self.side = side
        self.verdict = verdict
        self.isDialler = isDialler
        self.counter = counter
        self.registry = registry
        self.opened = opened
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        self.deadline = context.eventLoop.scheduleTask(
            in: TimeAmount(self.side.times.handshake)
        ) { bound.value.giveUp() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end()
        self.context = nil
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let negotiated)? = event as? TLSUserEvent {
            self.greet(context: context, negotiated: negotiated)
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func greet(context: ChannelHandlerContext, negotiated: String?) {
        guard negotiated == LinkTLS.applicationProtocol, let peer = self.verdict.name else {
            self.tell(
                .failure(
                    LinkError(
                        .incompatible,
                        "The peer does not speak \(LinkTLS.applicationProtocol)."
                    )
                )
            )
            context.close(promise: nil)
            return
        }
        self.side.wires.opened(self.counter, by: peer)
        do {
            let core = try SessionCore(
                peer: peer,
                isDialler: self.isDialler,
                counter: self.counter,
                side: self.side,
                eventLoop: context.eventLoop,
                transport: self
            ) { [weak self] in self?.tell($0) }
            self.core = core
            let pace = SessionPace(self.side.times, self.side.line(peer))
            LinkOptions.set(
                pace,
                connections: self.registry.connectionCount,
                on: context.channel
            )
            self.registry.add(core.session, on: context.channel)
            core.start()
        } catch {
            self.tell(.failure(LinkError(.incompatible, "Our hello is too long.", cause: error)))
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.core?.received(self.unwrapInboundIn(data))
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        self.core?.pump()
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A close without TLS's goodbye is a cut like any other.
        if self.fault == nil { self.fault = error }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        context.fireChannelInactive()
    }

    private func giveUp() {
        guard self.opened != nil else { return }
        self.tell(
            .failure(
                LinkError(
                    .timedOut,
                    "Handshake and hello took more than \(self.side.times.handshake)."
                )
            )
        )
        self.context?.close(promise: nil)
    }

    private func end() {
        if let peer = self.verdict.name { self.side.wires.closed(self.counter, by: peer) }
        self.tell(.failure(self.verdict.failure ?? Self.refusal(self.fault)))
        if let core = self.core {
            self.core = nil
            let isSilent = (self.fault as? IOError)?.errnoCode == ETIMEDOUT
            core.lost(
                reason: isSilent ? "silent" : "cut",
                detail: self.fault.map { "\($0)" } ?? "The peer closed the line."
            )
        }
    }

    private static func refusal(_ cause: (any Error)?) -> LinkError {
        LinkError(
            .refused,
            "The peer closed before it said hello.",
            hint: "Its log says why; often it does not trust this node's certificate.",
            cause: cause
        )
    }

    private func tell(_ result: Result<any Session, any Error>) {
        self.deadline?.cancel()
        let opened = self.opened
        self.opened = nil
        opened?(result)
    }
}

extension LinkHandler {
    var isWritable: Bool { self.context?.channel.isWritable ?? false }

    var isFlushed: Bool { self.writesUnderWay == 0 }

    func makeBuffer(capacity: Int) -> ByteBuffer {
        self.context?.channel.allocator.buffer(capacity: capacity) ?? ByteBuffer()
    }

    func write(_ bytes: ByteBuffer) {
        guard let context = self.context else { return }
        let done = context.eventLoop.makePromise(of: Void.self)
        self.lastWrite = done.futureResult
        self.writesUnderWay += 1
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        done.futureResult.whenComplete { _ in bound.value.writesUnderWay -= 1 }
        context.writeAndFlush(self.wrapOutboundOut(bytes), promise: done)
    }

    func close() {
        guard let context = self.context else { return }
        // Closing drops what is not written yet, so wait for it; but not for ever.
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let written = self.lastWrite ?? context.eventLoop.makeSucceededVoidFuture()
        let timeout = context.eventLoop.scheduleTask(in: .seconds(5)) {
            bound.value.context?.close(promise: nil)
        }
        written.whenComplete { _ in
            timeout.cancel()
            bound.value.context?.close(promise: nil)
        }
    }
}
