import Glibc
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool

extension HotLoops {
    private static let parcelsPerRound = 128

    /// Tells the index of 128 small parcels, and asks for each.
    static func index() throws -> Round {
        var template = Array("/tmp/tributary-hot-loops-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil, let node = NodeName("relay") else { throw Unmade() }
        let directory = String(
            decoding: template.dropLast().map(UInt8.init(bitPattern:)),
            as: UTF8.self
        )
        let index = try Index(path: directory + "/index.sqlite", node: node)
        let rounds = try (0..<Self.roundsMax).map { try Self.parcels(round: $0) }
        return { number in
            let (records, parcels) = rounds[number]
            guard let last = records.last?.location else { throw Unmade() }
            try index.apply(
                records,
                reaching: LogPosition(segment: last.segment, offset: last.offset)
            )
            for parcel in parcels {
                guard try index.parcel(parcel) != nil else { throw Unmade() }
            }
            guard number == 0 else { return }
            // Gone with the last descriptor, whatever happens now.
            for name in ["", "-wal", "-shm"] { unlink(directory + "/index.sqlite" + name) }
            rmdir(directory)
        }
    }

    private static func parcels(round: Int) throws -> ([LoggedRecord], [ParcelID]) {
        guard let giver = NodeName("origin") else { throw Unmade() }
        var records: [LoggedRecord] = []
        var parcels: [ParcelID] = []
        for place in 0..<Self.parcelsPerRound {
            let number = round * Self.parcelsPerRound + place
            let small = try Self.small(number)
            let record = try LogRecord.small(
                small,
                passage: .empty,
                from: .neighbour(giver),
                at: UnixMilliseconds(Int64(number))
            )
            parcels.append(small.id)
            records.append(
                LoggedRecord(
                    kind: record.kind,
                    id: record.id,
                    location: BodyLocation(
                        segment: SegmentNumber(1),
                        offset: UInt64(number + 1) << 12,
                        length: UInt32(record.body.count)
                    ),
                    body: record.body
                )
            )
        }
        return (records, parcels)
    }

    private static func small(_ number: Int) throws -> SmallParcel {
        guard let mesh = MeshName("bench"), let origin = NodeName("origin"),
            let flow = FlowName("files"), let collector = NodeName("collector")
        else { throw Unmade() }
        let content = Self.noise(1_000, seed: UInt64(number + 1))
        let opening = Opening(
            mesh: mesh,
            origin: origin,
            flow: flow,
            collector: collector,
            incarnation: Incarnation(number: 1, random: 1),
            sequence: SequenceNumber(UInt64(number + 1)),
            size: ByteCount(content.count),
            keyID: Self.noise(StatementPublicKey.keyIDByteCount),
            opened: UnixMilliseconds(Int64(number)),
            path: Array("directory/file-\(number)".utf8),
            modified: Int64(number),
            mode: 0o644
        ).encoded()
        let closing = Closing(
            parcel: ParcelID(ofOpening: opening),
            entryCount: 0,
            root: MerkleTree.root([]),
            size: ByteCount(content.count),
            digest: .sha256(content)
        )
        // The index believes the log: nobody looks at this signature.
        return try SmallParcel(
            parsingOpening: opening,
            closing: closing.encoded(),
            signature: Self.noise(SignedOpening.signatureByteCount),
            codec: 0,
            content: content
        )
    }
}
