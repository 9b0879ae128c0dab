import MeshContent
import MeshIdentity
import MeshLinks
import MeshModel
import MeshProtocol
import Synchronization
import Testing

/// Names and identities of a small mesh.
struct Mesh {
    static let now = UnixMilliseconds(1_750_000_000_000)
    let name: MeshName
    let authority: Authority

    init() throws {
        self.name = try #require(MeshName("coast"))
        self.authority = try Authority.create(mesh: self.name, at: Self.now)
    }

    func node(_ name: String) throws -> NodeName { try #require(NodeName(name)) }

    func hello(_ node: NodeName, smallGrant: Int = Limits.smallGrantBytes) -> Hello {
        Hello(
            mesh: self.name,
            node: node,
            runID: 1,
            incarnation: Incarnation(number: 1, random: 1),
            clock: Self.now,
            smallGrant: UInt64(smallGrant)
        )
    }

    func identity(_ name: String) throws -> TLSIdentity {
        try TLSIdentity.issue(
            node: self.node(name),
            mesh: self.name,
            by: self.authority,
            days: 30,
            at: Self.now
        )
    }

    func service(
        _ name: String,
        engine: Engine,
        trusting authority: Authority? = nil,
        mesh: MeshName? = nil,
        times: LinkTimes = LinkTimes(),
        now: UnixMilliseconds = Self.now,
        wires: WireBook = WireBook(),
        refused: @escaping @Sendable (any Error) -> Void = { _ in }
    ) throws -> LinkService {
        let node = try self.node(name)
        let check = try PeerCheck(
            authorityCertificatePEM: (authority ?? self.authority).certificatePEM,
            mesh: self.name
        )
        var hello = self.hello(node)
        hello.mesh = mesh ?? self.name
        var side = LinkSide(hello: { [hello] _ in hello }, events: engine.hear)
        side.times = times
        side.wires = wires
        side.line = { _ in LinkLine(keepalive: times.silence) }
        return try LinkService(
            identity: try self.identity(name),
            check: { try await check.check(chainDER: $0, at: now).name },
            side: side
        ) { _, error in refused(error) }
    }
}

/// Hears a session's events, answers them with `act`, and keeps them for the test to read.
final class Engine: Sendable {
    let events: AsyncStream<SessionEvent>
    private let continuation: AsyncStream<SessionEvent>.Continuation
    private let act: @Sendable (SessionEvent) -> Void
    private let isBusy: Bool

    /// One that is busy never gets round to what it hears.
    init(isBusy: Bool = false, _ act: @escaping @Sendable (SessionEvent) -> Void = { _ in }) {
        self.isBusy = isBusy
        (self.events, self.continuation) = AsyncStream.makeStream()
        self.act = act
    }

    var hear: @Sendable (SessionEvent) -> Void {
        { event in
            self.act(event)
            self.continuation.yield(event)
            if !self.isBusy { event.session.handled() }
        }
    }

    /// The next event that `pick` makes something of; earlier ones are dropped.
    func first<Value: Sendable>(_ pick: @Sendable (SessionEvent) -> Value?) async throws -> Value {
        for await event in self.events {
            if let value = pick(event) { return value }
        }
        throw CancellationError()
    }

    /// The session that opens next.
    func opened() async throws -> any Session {
        try await self.first { if case .opened(let session, _) = $0 { session } else { nil } }
    }

    /// Why the session that closes next did.
    func closed() async throws -> String {
        try await self.first { if case .closed(_, let reason, _) = $0 { reason } else { nil } }
    }
}

/// Blobs whose bytes anybody can tell from their number.
enum Blobs {
    static let length = 256 << 10
    static let parcel = ParcelID(.sha256([1]))

    static func bytes(_ number: UInt64) -> [UInt8] {
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: Self.length)
        bytes[7] = UInt8(truncatingIfNeeded: number >> 8)
        return bytes
    }

    static func wanted(_ number: UInt64) throws -> WantedBlob {
        let id = Self.bytes(number).withUnsafeBytes { BlobID(ofStored: $0) }
        let length = UInt32(Self.length)
        return WantedBlob(
            number: number,
            entry: try #require(
                Entry(blob: id, storedLength: length, plainLength: length, flags: [])
            )
        )
    }

    static func served(_ numbers: RunSet) -> [ServedBlob] {
        numbers.runs.flatMap { $0 }.map { number in
            ServedBlob(number: number, length: UInt32(Self.length)) { Self.bytes(number) }
        }
    }

    /// An engine that serves whatever is wanted.
    static func giver() -> Engine {
        Engine { event in
            if case .message(let session, .want(let parcel, let numbers)) = event {
                session.serve(parcel, class: 2, Self.served(numbers))
            }
        }
    }

    /// An engine that wants each of `blobs`, a window at a time, and says bye after the last.
    static func taker(_ blobs: [WantedBlob], window: Int = 32) -> Engine {
        let state = Mutex((next: 0, left: blobs.count))
        @Sendable func want(_ session: any Session, _ count: Int) {
            let part = state.withLock { state in
                let start = state.next
                state.next = min(start + count, blobs.count)
                return blobs[start..<state.next]
            }
            session.want(Self.parcel, Array(part))
        }
        return Engine { event in
            switch event {
            case .opened(let session, _): want(session, window)
            case .blob(let session, _, let number, let blob):
                // Comparing all would take longer than moving them: the link has hashed them.
                precondition(
                    blob.bytes.count == Self.length && blob.bytes[0] == UInt8(number & 255)
                )
                let left = state.withLock { state in
                    state.left -= 1
                    return state.left
                }
                if left == 0 { session.end(Bye(why: "done")) } else { want(session, 1) }
            default: break
            }
        }
    }
}
