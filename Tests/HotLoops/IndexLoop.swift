import Glibc
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool

extension HotLoops {
    private static let parcelsPerRound = 128

    /// Tells the index of 128 small parcels that a neighbour gave, as a replay does, and asks for each.
    static func index() throws -> Round {
        guard let giver = NodeName("origin") else { throw Unmade() }
        return try self.index { small, number in
            let record = try Self.record(small, number, from: .neighbour(giver))
            return LoggedRecord(
                kind: record.kind,
                id: record.id,
                location: Self.location(of: record, number),
                body: record.body
            )
        }
    }

    /// Tells the index of 128 small parcels that were captured here, and asks for each.
    static func captures() throws -> Round {
        try self.index { small, number in
            let stamp = FileStamp(
                device: 1,
                inode: UInt64(number),
                size: 1_000,
                modifiedNanoseconds: Int64(number),
                changedNanoseconds: Int64(number)
            )
            let source = ParcelGiver.source(SourceOfParcel(stamp: stamp))
            let record = try Self.record(small, number, from: source)
            return LoggedRecord(record, at: Self.location(of: record, number))
        }
    }

    private static func index(
        _ record: (SmallParcel, _ number: Int) throws -> LoggedRecord
    ) throws -> Round {
        var template = Array("/tmp/tributary-hot-loops-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil, let node = NodeName("relay") else { throw Unmade() }
        let directory = String(
            decoding: template.dropLast().map(UInt8.init(bitPattern:)),
            as: UTF8.self
        )
        let index = try Index(path: directory + "/index.sqlite", node: node)
        let rounds = try (0..<Self.roundsMax).map { try Self.parcels(round: $0, record) }
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

    private static func parcels(
        round: Int,
        _ record: (SmallParcel, _ number: Int) throws -> LoggedRecord
    ) throws -> ([LoggedRecord], [ParcelID]) {
        let numbers = (0..<Self.parcelsPerRound).map { round * Self.parcelsPerRound + $0 }
        let parcels = try numbers.map { try Self.small($0) }
        return (try zip(parcels, numbers).map { try record($0, $1) }, parcels.map(\.id))
    }

    private static func record(
        _ small: SmallParcel,
        _ number: Int,
        from giver: ParcelGiver
    ) throws -> LogRecord {
        let at = UnixMilliseconds(Int64(number))
        return try LogRecord.small(small, passage: .empty, from: giver, at: at)
    }

    private static func location(of record: LogRecord, _ number: Int) -> BodyLocation {
        BodyLocation(
            segment: SegmentNumber(1),
            offset: UInt64(number + 1) << 12,
            length: UInt32(record.body.count)
        )
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
