import MeshContent
import MeshModel
import MeshProtocol

extension HotLoops {
    /// Writes and reads the control frames of a parcel of 1,024 entries.
    static func frames() throws -> Round {
        let entries = try Self.someEntries(1_024, storedLength: 200_000)
        let parcel = ParcelID(ofOpening: [1])
        var every = RunSet()
        for number in stride(from: UInt64(0), to: 1_024, by: 2) { every.insert(number...number) }
        let messages: [Message] = [
            .entries(parcel, first: 0, entries), .want(parcel, every), .ack(parcel, every),
        ]
        let hello = try Self.hello()
        return { _ in
            var machine = try Self.machine()
            try Self.receive(hello, by: &machine)
            for message in messages {
                machine.sending(message)
                for frame in try message.frames() { try Self.receive(frame, by: &machine) }
            }
        }
    }

    /// Takes 15 slices of a blob, and not the last, after which hashing would be most of it.
    static func slices() throws -> Round {
        let length = 16 * 60_000
        let entry = try Self.someEntries(1, storedLength: UInt32(length))[0]
        let parcel = ParcelID(ofOpening: [1])
        let payload = Self.noise(60_000)
        let frames = (0..<15).map { number in
            let head = SliceHead(parcel: parcel, entry: 0, offset: UInt32(number * payload.count))
            let body = head.encoded + payload
            return FrameHeader(.slice, length: body.count).encoded + body
        }
        let hello = try Self.hello()
        return { _ in
            var machine = try Self.machine()
            try Self.receive(hello, by: &machine)
            guard machine.want(parcel, [WantedBlob(number: 0, entry: entry)]) != nil else {
                throw Unmade()
            }
            for frame in frames { try Self.receive(frame, by: &machine) }
            guard machine.wantedBytes == payload.count else { throw Unmade() }
        }
    }

    private static func receive(_ bytes: [UInt8], by machine: inout SessionMachine) throws {
        try bytes.withUnsafeBytes { try machine.receive($0) { _ in } }
    }

    private static func machine() throws -> SessionMachine {
        guard let mesh = MeshName("bench"), let peer = NodeName("origin") else { throw Unmade() }
        return SessionMachine(mesh: mesh, peer: peer, smallGrant: 1 << 20)
    }

    private static func hello() throws -> [UInt8] {
        guard let mesh = MeshName("bench"), let node = NodeName("origin") else { throw Unmade() }
        let hello = Hello(
            mesh: mesh,
            node: node,
            runID: 1,
            incarnation: Incarnation(number: 1, random: 1),
            clock: UnixMilliseconds(1)
        )
        return try Message.hello(hello).frames().flatMap { $0 }
    }
}
