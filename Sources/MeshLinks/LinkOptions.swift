import Glibc
import MeshModel
import NIOCore
import NIOPosix

/// Socket options of a link.
enum LinkOptions {
    /// Linux's TCP_NOTSENT_LOWAT and TCP_USER_TIMEOUT.
    private static let notSentLowWater = NIOBSDSocket.Option(rawValue: 25)
    private static let userTimeout = NIOBSDSocket.Option(rawValue: 18)

    /// Before anything is known of the peer.
    static func set(on channel: any Channel) {
        guard let options = channel.syncOptions else { return }
        try? options.setOption(.writeBufferWaterMark, value: .init(low: 256 << 10, high: 1 << 20))
        try? options.setOption(.tcpOption(.tcp_nodelay), value: 1)
    }

    /// Once the peer, and so the line, is known; `connections` there are by now.
    ///
    /// What fails here costs quickness, never soundness: it is left at that.
    static func set(_ pace: SessionPace, connections: Int, on channel: any Channel) {
        guard let options = channel.syncOptions else { return }
        let read = Self.read(connections: connections)
        try? options.setOption(
            .recvAllocator,
            value: AdaptiveRecvByteBufferAllocator(
                minimum: 16 << 10,
                initial: 64 << 10,
                maximum: read.bytes
            )
        )
        try? options.setOption(.maxMessagesPerRead, value: UInt(read.times))
        // Bytes that the peer's system does not acknowledge: dead, whatever the session thinks.
        try? options.setOption(
            .tcpOption(Self.userTimeout),
            value: Int(pace.silence.nanoseconds / 1_000_000)
        )
        guard let unsent = pace.unsentBytes else { return }
        // What is queued below cannot be overtaken any more: little of it on a slow line.
        try? options.setOption(.tcpOption(Self.notSentLowWater), value: unsent)
        let high = min(max(unsent, pace.writeBytes), 1 << 20)
        try? options.setOption(.writeBufferWaterMark, value: .init(low: high / 4, high: high))
    }

    /// How much is read at a time, in bytes, and how many times before what was read is handled.
    ///
    /// Large reads are quick: at 64 KiB, once, a GiB takes 15 % longer. But a connection that once
    /// read so much keeps twice the room until it closes: the more there are, the less a new one
    /// has. NIO rounds up to a power of two.
    static func read(connections: Int) -> (bytes: Int, times: Int) {
        let share = Limits.readBytesPerNode / max(1, connections)
        let bytes = min(max(share, 64 << 10), 256 << 10)
        return (bytes, min(max(1, share / bytes), 4))
    }
}
