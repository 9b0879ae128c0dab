import MeshIdentity
import MeshModel
import MeshProtocol
import NIOCore
import NIOPosix
import NIOSSL

/// A peer with a good certificate and bad manners: it writes what the test writes.
final class RawPeer: Sendable {
    private let channel: any Channel

    /// Connects, and comes back once the handshake is over on this side.
    static func connect(as identity: TLSIdentity, port: Int, reads: Bool = true) async throws
        -> RawPeer
    {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none
        tls.minimumTLSVersion = .tlsv13
        tls.applicationProtocols = ["tributary/1"]
        tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(
            Array(identity.certificatePEM.utf8)
        ).map { .certificate($0) }
        tls.privateKey = .privateKey(
            try NIOSSLPrivateKey(bytes: Array(identity.keyPEM.utf8), format: .pem)
        )
        let context = try NIOSSLContext(configuration: tls)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    let handler = try NIOSSLClientHandler(context: context, serverHostname: nil)
                    try pipeline.addHandler(handler)
                    try pipeline.addHandler(Ignore())
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        if !reads { try await channel.setOption(.autoRead, value: false).get() }
        return RawPeer(channel)
    }

    private init(_ channel: any Channel) { self.channel = channel }

    /// Writes, and does not mind when the other end has had enough.
    func write(_ bytes: [UInt8]) async {
        try? await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func write(_ message: Message) async throws {
        await self.write(try message.frames().flatMap { $0 })
    }

    /// Reads nothing from now on.
    func stopReading() async throws {
        try await self.channel.setOption(.autoRead, value: false).get()
    }

    /// Comes back when the other end has closed.
    func closed() async throws { try await self.channel.closeFuture.get() }

    func close() { self.channel.close(promise: nil) }

    private final class Ignore: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}
