import MeshIdentity
import MeshModel
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import MeshLinks
@testable import MeshProtocol

/// Takes bytes and gives nothing back: a line that has gone dead.
private final class DeadLine: SessionTransport {
    var isWritable: Bool { true }
    var isFlushed: Bool { true }
    private let taken: @Sendable ([UInt8]) -> Void

    init(_ taken: @escaping @Sendable ([UInt8]) -> Void) { self.taken = taken }

    func makeBuffer(capacity: Int) -> ByteBuffer { ByteBuffer() }
    func write(_ bytes: ByteBuffer) { self.taken(Array(bytes.readableBytesView)) }
    func close() {}
}

@Suite(.timeLimit(.minutes(5))) struct SessionCoreTests {
    /// Opens a session over a dead line and gives why it closed, and every byte that it sent.
    static func run(
        isDialler: Bool,
        keepaliveMilliseconds: Int64,
        byeMilliseconds: Int64 = 5_000,
        _ act: @escaping @Sendable (any Session) -> Void = { _ in }
    ) async throws -> (reason: String, sent: [UInt8]) {
        let mesh = try Mesh()
        let (buoy, harbour) = (try mesh.node("buoy"), try mesh.node("harbour"))
        let engine = Engine { if case .opened(let session, _) = $0 { act(session) } }
        let hello = mesh.hello(buoy)
        var side = LinkSide(hello: { _ in hello }, events: engine.hear)
        side.line = { _ in LinkLine(keepalive: .milliseconds(keepaliveMilliseconds)) }
        side.times.silence = .milliseconds(keepaliveMilliseconds)
        side.times.bye = .milliseconds(byeMilliseconds)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let greeting = try Message.hello(mesh.hello(harbour)).frames()[0]
        let sent = Sent()
        let ends = try await eventLoop.submit { [side] in
            let line = DeadLine { sent.add($0) }
            let core = try SessionCore(
                peer: harbour,
                isDialler: isDialler,
                counter: WireCounter(),
                side: side,
                eventLoop: eventLoop,
                transport: line
            ) { _ in }
            core.start()
            core.received(ByteBuffer(bytes: greeting))
            return NIOLoopBound((core, line), eventLoop: eventLoop)
        }.get()
        let reason = try await engine.closed()
        return try await eventLoop.submit {
            withExtendedLifetime(ends.value) { (reason, sent.bytes) }
        }.get()
    }

    private final class Sent: Sendable {
        private let box = Mutex<[UInt8]>([])
        var bytes: [UInt8] { self.box.withLock { $0 } }
        func add(_ bytes: [UInt8]) { self.box.withLock { $0 += bytes } }
    }

    @Test func theDiallerPingsADeadLineAndGivesUp() async throws {
        let (reason, sent) = try await Self.run(isDialler: true, keepaliveMilliseconds: 40)
        #expect(reason == "silent")
        let ping = try Message.ping(1).frames()[0]
        #expect(sent.suffix(ping.count).elementsEqual(ping))
    }

    @Test func theListenerGivesUpWithoutAPing() async throws {
        let mesh = try Mesh()
        let (reason, sent) = try await Self.run(isDialler: false, keepaliveMilliseconds: 40)
        #expect(reason == "silent")
        #expect(try sent == Message.hello(mesh.hello(mesh.node("buoy"))).frames()[0])
    }

    @Test func aByeWithoutAnswerEndsAllTheSame() async throws {
        let (reason, _) = try await Self.run(
            isDialler: true,
            keepaliveMilliseconds: 60_000,
            byeMilliseconds: 20
        ) { $0.end(Bye(why: "window")) }
        #expect(reason == "window")
    }

    @Test func aMessageThatFitsNoFrameIsLeftOutAndTheSessionGoesOn() async throws {
        let (reason, sent) = try await Self.run(
            isDialler: true,
            keepaliveMilliseconds: 60_000,
            byeMilliseconds: 20
        ) { session in
            session.send(.index([UInt8](repeating: 0, count: Limits.indexBytesMax + 1)))
            session.send(.smallAck(7))
            session.end(Bye(why: "window"))
        }
        let rest = try [Message.smallAck(7), .bye(Bye(why: "window"))].flatMap {
            try $0.frames()
        }.flatMap { $0 }
        #expect(reason == "window")
        #expect(sent.suffix(rest.count).elementsEqual(rest))
    }
}
