import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import Testing

/// Values that tests send about; the same in every run, but for signatures made with `key`.
enum Sample {
    static let key = StatementKey()
    static let signature = [UInt8](repeating: 0xAB, count: 64)

    static func mesh() throws -> MeshName { try #require(MeshName("coast")) }
    static func node(_ name: String = "buoy") throws -> NodeName { try #require(NodeName(name)) }

    static func opening(_ sequence: UInt64 = 7, path: [UInt8] = Array("2026/a.bin".utf8)) throws
        -> Opening
    {
        Opening(
            mesh: try Self.mesh(),
            origin: try Self.node(),
            flow: try #require(FlowName("readings")),
            collector: try Self.node("harbour"),
            incarnation: Incarnation(number: 1, random: 0x0123_4567_89AB_CDEF),
            sequence: SequenceNumber(sequence),
            size: ByteCount(1_000_000),
            keyID: [1, 2, 3, 4, 5, 6, 7, 8],
            opened: UnixMilliseconds(1_700_000_000_000),
            path: path,
            modified: 1_699_999_999_123_456_789,
            mode: 0o640,
            series: Array("a".utf8),
            tags: ["kind": "wave", "area": "north"]
        )
    }

    /// Signed with bytes that are always the same, and verify nowhere.
    static func signedOpening(_ sequence: UInt64 = 7) throws -> SignedOpening {
        try SignedOpening(bytes: Self.opening(sequence).encoded(), signature: Self.signature)
    }

    static func closing() throws -> Closing {
        Closing(
            parcel: try Self.signedOpening().id,
            entryCount: 4,
            root: .sha256([1]),
            size: ByteCount(1_000_000),
            digest: .sha256([2])
        )
    }

    static func small(content: [UInt8] = Array("tide 2.4 m\n".utf8)) throws -> SmallParcel {
        let opening = try Self.opening().encoded()
        let closing = Closing(
            parcel: ParcelID(ofOpening: opening),
            entryCount: 0,
            root: MerkleTree.root([]),
            size: ByteCount(content.count),
            digest: .sha256(content)
        )
        return try SmallParcel(
            parsingOpening: opening,
            closing: closing.encoded(),
            signature: Self.signature,
            codec: 0,
            content: content
        )
    }

    static func hello(_ name: String = "buoy") throws -> Hello {
        var hello = Hello(
            mesh: try Self.mesh(),
            node: try Self.node(name),
            runID: 0xFEED,
            incarnation: Incarnation(number: 2, random: 9),
            indexSerial: 3,
            clock: UnixMilliseconds(1_700_000_000_000),
            lastBatch: 12,
            lastOpenings: [try #require(FlowName("readings")): SequenceNumber(7)],
            heldBatch: 4,
            heldIncarnation: Incarnation(number: 1, random: 8),
            heldOpenings: [:]
        )
        hello.life = .rolledBack
        hello.heldBatchDigest = .sha256([4])
        hello.keptLives = [KeptLife(incarnation: Incarnation(number: 2, random: 7), batch: 12)]
        return hello
    }

    static func blob(_ count: Int, seed: UInt8 = 1) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ Int(seed) &+ $0 >> 8) }
    }

    static func entry(of bytes: [UInt8]) throws -> Entry {
        try #require(
            Entry(
                blob: bytes.withUnsafeBytes { BlobID(ofStored: $0) },
                storedLength: UInt32(bytes.count),
                plainLength: UInt32(bytes.count),
                flags: []
            )
        )
    }

    /// One message of each kind, with the name of its vector.
    static func messages() throws -> [(name: String, message: Message)] {
        let parcel = try Self.signedOpening().id
        let ranges = RunSet([0...2, 9...9])
        let line = PassageLine(
            node: try Self.node(),
            arrived: UnixMilliseconds(1),
            held: UnixMilliseconds(2)
        )
        let passage = try #require(Passage.empty.appending(line))
        let closing = try SignedClosing(
            bytes: Self.closing().encoded(),
            signature: Self.signature
        )
        return [
            ("hello", .hello(try Self.hello())),
            ("offer", .offer([try Self.signedOpening()], again: false)),
            ("admitted", .answer(parcel, .admitted(.whole, has: ranges, entriesKnown: 10))),
            ("later", .answer(parcel, .later(until: UnixMilliseconds(5), why: "full"))),
            ("never", .answer(parcel, .never(why: "too_large", detail: "1 GiB"))),
            ("statement", .answer(parcel, .statement([1, 2, 3]))),
            ("passed", .answer(parcel, .passed([4, 5]))),
            ("needs-index", .answer(parcel, .needsIndex(serial: 3))),
            ("entries", .entries(parcel, first: 4, [try Self.entry(of: [1]), .hole(65_536)])),
            ("want", .want(parcel, ranges)),
            ("ack", .ack(parcel, ranges)),
            ("small-ack", .smallAck(4_096)),
            ("closing", .closing(closing, passage)),
            ("small", .small(try Self.small(), passage, again: true)),
            ("withdrawn", .withdrawn(parcel, why: "route")),
            (
                "note",
                .note(
                    number: 1,
                    destination: try Self.node("harbour"),
                    hops: 31,
                    .statement([7, 7, 7])
                )
            ),
            ("noted", .noted(cursor: 0)),
            ("evidence-wanted", .evidence(.wanted)),
            ("evidence", .evidence(.statement([1, 2, 3]))),
            ("evidence-opening", .evidence(.opening([1], closing: [2], signature: [3]))),
            ("index", .index([9, 9])),
            ("ping", .ping(77)),
            ("pong", .pong(77)),
            ("bye", .bye(Bye(why: "stopping", detail: "update", callAgain: UnixMilliseconds(8)))),
        ]
    }
}

/// Repeats the same sequence from a seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
