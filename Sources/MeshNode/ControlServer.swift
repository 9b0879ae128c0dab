package import Logging
import MeshModel
import NIOCore
import NIOPosix
import ServiceLifecycle
import Synchronization

/// Answers commands on the home's Unix socket until it is cancelled or shut down.
///
/// Each connection sends a line, gets lines back up to a result or an error, and may then send the
/// next. A client that hangs up cancels its handler; so does shutting down, which the client hears
/// as `stopping`.
package final class ControlServer: Service {
    /// Performs one request.
    ///
    /// What it passes to `emit` goes to the client at once, or is dropped when the client does not
    /// read: events are for people who watch. Cancelled when the client hangs up.
    package typealias Handler =
        @Sendable (_ request: ControlRequest, _ emit: @escaping @Sendable (JSONValue) -> Void)
        async throws -> JSONValue

    private let handler: Handler
    private let logger: Logger
    private let idleSeconds: Int64
    private let socket: Mutex<CInt?>
    private let connections = Mutex(0)

    /// The most connections at a time; more are told to try later.
    package static let connectionsMax = 64

    /// Binds the socket: from here on clients can connect, and wait until ``run()`` is called.
    ///
    /// - Parameters:
    ///   - path: Where; a socket that is there is replaced, so hold the home's lock.
    ///   - idleSeconds: How long a connection may take to send a line or to read one.
    ///   - logger: Hears of broken connections, at debug.
    ///   - handler: Performs the requests.
    /// - Throws: ``NodeError`` if the socket cannot be made.
    package init(
        socketPath path: String,
        idleSeconds: Int64 = 60,
        logger: Logger,
        handler: @escaping Handler
    ) throws {
        self.handler = handler
        self.logger = logger
        self.idleSeconds = idleSeconds
        self.socket = Mutex(try ControlSocket.listen(at: path))
    }

    deinit {
        if let socket = self.socket.withLock({ $0 }) { ControlSocket.discard(socket) }
    }

    /// Serves; call it once.
    package func run() async throws {
        guard let socket = self.socket.withLock({ $0.take() }) else {
            preconditionFailure("A control server runs once.")
        }
        let accepted = AcceptedChannels()
        defer { accepted.closeAll() }
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .childChannelOption(.autoRead, value: false)
            .bind(socket) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let lines = ByteToMessageHandler(
                        ControlLineDecoder(),
                        maximumBufferSize: Limits.controlLineBytesMax
                    )
                    try channel.pipeline.syncOperations.addHandler(lines)
                    accepted.add(channel)
                    return channel
                }
            }
        do {
            try await cancelWhenGracefulShutdown {
                try await withThrowingDiscardingTaskGroup { group in
                    try await server.executeThenClose { clients in
                        for try await channel in clients {
                            accepted.remove(channel)
                            group.addTask { await self.serve(channel) }
                        }
                    }
                }
            }
        } catch is CancellationError {
            // Being told to stop is no failure.
        }
    }

    private func serve(_ channel: any Channel) async {
        let isOneTooMany = self.connections.withLock { count in
            count += 1
            return count > Self.connectionsMax
        }
        defer { self.connections.withLock { $0 -= 1 } }
        do {
            let client = try await Self.wrap(channel)
            try await client.executeThenClose { lines, _ in
                let connection = ControlConnection(channel, idleSeconds: self.idleSeconds)
                if isOneTooMany {
                    let error = ControlError(
                        code: "try_later",
                        message: "Too many commands are connected.",
                        hint: "Try again in a moment."
                    )
                    return try await connection.answer(.failure(error))
                }
                await withTaskGroup { group in
                    group.addTask { try? await channel.closeFuture.get() }
                    group.addTask { await self.converse(lines, connection) }
                    await group.next()
                    group.cancelAll()
                    channel.close(promise: nil)
                }
            }
        } catch {
            channel.close(promise: nil)
            self.logger.debug("Control connection ended", metadata: ["error": "\(error)"])
        }
    }

    /// Begins to read.
    ///
    /// Only now: what is wrapped has to be served, and a server that stops may have accepted
    /// channels that it never gets to see.
    private static func wrap(_ channel: any Channel) async throws -> ControlChannel {
        try await channel.eventLoop.submit {
            let client = try ControlChannel(wrappingChannelSynchronously: channel)
            try channel.syncOptions?.setOption(.autoRead, value: true)
            return client
        }.get()
    }

    private func converse(
        _ lines: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ connection: ControlConnection
    ) async {
        do {
            var deadline = connection.deadline()
            defer { deadline.cancel() }
            for try await line in lines {
                deadline.cancel()
                try await connection.answer(self.perform(line, connection))
                deadline = connection.deadline()
            }
        } catch is ControlLineDecoder.LineTooLong {
            let error = ControlError(
                code: "line_too_long",
                message: "A line may have \(Limits.controlLineBytesMax) bytes."
            )
            try? await connection.answer(.failure(error))
        } catch {
            self.logger.debug("Control connection broke", metadata: ["error": "\(error)"])
        }
    }

    private func perform(_ line: ByteBuffer, _ connection: ControlConnection) async -> ControlAnswer
    {
        do {
            let request = try JSONValue(json: Array(line.readableBytesView))
                .decode(ControlRequest.self)
            let emitter = ControlEmitter(connection)
            defer { emitter.end() }
            return .result(try await self.handler(request) { emitter.emit($0) })
        } catch {
            return .failure(ControlError(wording: error))
        }
    }
}

/// Clients that are connected and that nobody serves yet.
private final class AcceptedChannels: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]?>([:])

    func add(_ channel: any Channel) {
        let isOver = self.channels.withLock { channels in
            channels?[ObjectIdentifier(channel)] = channel
            return channels == nil
        }
        if isOver { channel.close(promise: nil) }
    }

    func remove(_ channel: any Channel) {
        self.channels.withLock { $0?[ObjectIdentifier(channel)] = nil }
    }

    /// Hangs up on all of them, and on those that come yet.
    func closeAll() {
        let rest = self.channels.withLock { $0.take() } ?? [:]
        for channel in rest.values { channel.close(promise: nil) }
    }
}

private typealias ControlChannel = NIOAsyncChannel<ByteBuffer, ByteBuffer>

/// Splits at line feeds, and gives up on what exceeds the longest line.
private struct ControlLineDecoder: ByteToMessageDecoder {
    typealias InboundOut = ByteBuffer

    struct LineTooLong: Error {}

    /// What is before it has no line feed: a long line is searched once.
    private var searched = 0

    mutating func decode(
        context: ChannelHandlerContext,
        buffer: inout ByteBuffer
    ) throws -> DecodingState {
        let rest = buffer.readableBytesView.dropFirst(self.searched)
        guard let end = rest.firstIndex(of: UInt8(ascii: "\n")) else {
            self.searched = buffer.readableBytes
            guard self.searched <= Limits.controlLineBytesMax else { throw LineTooLong() }
            return .needMoreData
        }
        self.searched = 0
        let length = end - buffer.readableBytesView.startIndex
        guard length <= Limits.controlLineBytesMax, let line = buffer.readSlice(length: length)
        else { throw LineTooLong() }
        buffer.moveReaderIndex(forwardBy: 1)
        context.fireChannelRead(self.wrapInboundOut(line))
        return .continue
    }

    mutating func decodeLast(
        context: ChannelHandlerContext,
        buffer: inout ByteBuffer,
        seenEOF: Bool
    ) throws -> DecodingState {
        // Half a line is no request.
        .needMoreData
    }
}

/// The writing side of one client.
private struct ControlConnection: Sendable {
    private let channel: any Channel
    private let idleSeconds: Int64

    init(_ channel: any Channel, idleSeconds: Int64) {
        self.channel = channel
        self.idleSeconds = idleSeconds
    }

    /// Writes a last line and waits until it is on its way.
    func answer(_ answer: ControlAnswer) async throws {
        let line = try answer.line()
        let deadline = self.deadline()
        defer { deadline.cancel() }
        try await self.channel.writeAndFlush(self.buffer(line)).get()
    }

    /// Writes an event, unless the client is behind with reading.
    func emit(_ event: JSONValue) {
        guard self.channel.isWritable, let line = try? ControlAnswer.event(event).line()
        else { return }
        self.channel.writeAndFlush(self.buffer(line), promise: nil)
    }

    /// Hangs up when the client takes longer than it may, unless cancelled before.
    func deadline() -> Scheduled<Void> {
        let channel = self.channel
        return channel.eventLoop.scheduleTask(in: .seconds(self.idleSeconds)) {
            channel.close(promise: nil)
        }
    }

    private func buffer(_ line: String) -> ByteBuffer { ByteBuffer(string: line + "\n") }
}

/// Passes events on until the request is answered: a late one would land in the next answer.
private final class ControlEmitter: Sendable {
    private let connection: Mutex<ControlConnection?>

    init(_ connection: ControlConnection) { self.connection = Mutex(connection) }

    func emit(_ event: JSONValue) {
        self.connection.withLock { $0?.emit(event) }
    }

    func end() { self.connection.withLock { $0 = nil } }
}
