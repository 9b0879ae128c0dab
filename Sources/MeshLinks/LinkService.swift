package import MeshIdentity
package import MeshModel
package import MeshProtocol
import NIOCore
import NIOPosix
import NIOSSL

/// Calls neighbours over mutual TLS 1.3 and lets them call.
///
/// Sessions are told through ``LinkSide/events``. Stop it with ``shutdown()``.
package final class LinkService: Sendable {
    private let side: LinkSide
    private let tls: LinkTLS
    private let group: MultiThreadedEventLoopGroup
    private let registry = LinkRegistry()
    private let refused: @Sendable (_ address: String, _ error: any Error) -> Void

    /// Takes up a node's identity.
    ///
    /// - Parameters:
    ///   - identity: What this node shows to its peers.
    ///   - check: Judges what they show; it must check chain, time, mesh and the index.
    ///   - side: What this node brings to each call.
    ///   - threads: Threads that sessions are spread over.
    ///   - refused: Hears of calls that came in and did not become sessions.
    /// - Throws: ``LinkError`` with code ``LinkError/Code/badIdentity``.
    package init(
        identity: TLSIdentity,
        check: @escaping LinkPeerCheck,
        side: LinkSide,
        threads: Int = 1,
        refused: @escaping @Sendable (_ address: String, _ error: any Error) -> Void = { _, _ in }
    ) throws {
        self.tls = try LinkTLS(identity, check: check)
        self.side = side
        self.refused = refused
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
    }

    /// Lets neighbours call at an address until the service is shut down.
    ///
    /// Port 0 takes any that is free.
    ///
    /// - Returns: The port.
    /// - Throws: ``LinkError`` with code ``LinkError/Code/cannotListen`` or `stopped`.
    package func listen(host: String, port: Int) async throws -> Int {
        let channel: any Channel
        do {
            channel = try await ServerBootstrap(group: self.group)
                .serverChannelOption(.backlog, value: Int32(Limits.handshakesMax))
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelInitializer { [self] channel in self.accept(channel) }
                .bind(host: host, port: port).get()
        } catch {
            throw LinkError(
                .cannotListen,
                "Cannot listen at \(host):\(port).",
                hint: "Another program may use the port, or the host is not this machine's.",
                cause: error
            )
        }
        guard self.registry.add(listener: channel), let bound = channel.localAddress?.port else {
            try? await channel.close()
            throw Self.stopped
        }
        return bound
    }

    /// Calls a neighbour.
    ///
    /// It must be the very `node` that answers. Cancellation gives the call up.
    ///
    /// - Returns: The session, after its `opened` event.
    /// - Throws: ``LinkError``.
    package func dial(
        host: String,
        port: Int,
        expecting node: NodeName
    ) async throws -> any Session {
        let eventLoop = self.group.next()
        let verdict = PeerVerdict()
        let opened = eventLoop.makePromise(of: (any Session).self)
        let channel: any Channel
        do {
            channel = try await ClientBootstrap(group: eventLoop)
                .connectTimeout(TimeAmount(self.side.times.handshake))
                .channelInitializer { [self] channel in
                    channel.eventLoop.makeCompletedFuture {
                        try self.configure(channel)
                        let pipeline = channel.pipeline.syncOperations
                        let counter = WireCounter()
                        try pipeline.addHandler(WireMeter(counter))
                        try pipeline.addHandler(
                            self.tls.clientHandler(expecting: node, verdict: verdict)
                        )
                        try pipeline.addHandler(
                            LinkHandler(
                                side: self.side,
                                verdict: verdict,
                                isDialler: true,
                                counter: counter,
                                registry: self.registry
                            ) { opened.completeWith($0) }
                        )
                    }
                }
                .connect(host: host, port: port).get()
        } catch {
            opened.fail(error)
            throw LinkError.unreached(node, host: host, port: port, error)
        }
        return try await withTaskCancellationHandler {
            try await opened.futureResult.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    /// Says bye on every call, closes them all within some seconds and lets nothing new in.
    ///
    /// Call it once; the service is of no use afterwards.
    package func shutdown() async {
        await self.registry.stop()
        try? await self.group.shutdownGracefully()
    }
}

extension LinkService {
    private static let stopped = LinkError(.stopped, "Links are being shut down.")

    private func accept(_ channel: any Channel) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            try self.configure(channel)
            let address = channel.remoteAddress?.description ?? "unknown"
            let verdict = PeerVerdict()
            let pipeline = channel.pipeline.syncOperations
            let counter = WireCounter()
            try pipeline.addHandler(WireMeter(counter))
            try pipeline.addHandler(self.tls.serverHandler(verdict: verdict))
            guard self.registry.beginHandshake() else {
                let error = LinkError(.tooManyHandshakes, "Too many calls are in their handshakes.")
                self.refused(address, error)
                throw error
            }
            let handler = LinkHandler(
                side: self.side,
                verdict: verdict,
                isDialler: false,
                counter: counter,
                registry: self.registry
            ) { [refused, registry] result in
                registry.endHandshake()
                if case .failure(let error) = result { refused(address, error) }
            }
            try pipeline.addHandler(handler)
        }
    }

    private func configure(_ channel: any Channel) throws {
        guard self.registry.add(connection: channel) else { throw Self.stopped }
        LinkOptions.set(on: channel)
    }
}
