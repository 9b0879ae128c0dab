import NIOCore

/// Counts what passes between the socket and TLS: the first handler of a link's pipeline.
final class WireMeter: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer

    private let counter: WireCounter

    init(_ counter: WireCounter) { self.counter = counter }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.counter.add(received: self.unwrapInboundIn(data).readableBytes)
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let count = self.unwrapOutboundIn(data).readableBytes
        // Once the system has them: on a thin line much may wait here for long.
        let done = promise ?? context.eventLoop.makePromise(of: Void.self)
        done.futureResult.whenSuccess { [counter] in counter.add(sent: count) }
        context.write(data, promise: done)
    }
}
