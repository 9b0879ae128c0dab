import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Testing

/// Parcels from a node `buoy` to a node `harbour`, whose signatures verify nowhere.
enum Sample {
    static let at = UnixMilliseconds(1_700_000_000_000)

    static func node(_ name: String) throws -> NodeName { try #require(NodeName(name)) }

    static func opening(
        _ sequence: UInt64,
        size: Int64 = 1_000_000,
        modified: Int64 = 0
    ) throws -> SignedOpening {
        let opening = Opening(
            mesh: try #require(MeshName("coast")),
            origin: try Self.node("buoy"),
            flow: try #require(FlowName("readings")),
            collector: try Self.node("harbour"),
            incarnation: Incarnation(number: 1, random: 0x0123_4567_89AB_CDEF),
            sequence: SequenceNumber(sequence),
            size: ByteCount(size),
            keyID: [1, 2, 3, 4, 5, 6, 7, 8],
            opened: Self.at,
            path: Array("file-\(sequence)".utf8),
            modified: modified,
            mode: 0o640
        )
        return try SignedOpening(
            bytes: opening.encoded(),
            signature: [UInt8](repeating: 0xAB, count: 64)
        )
    }

    static func small(_ sequence: UInt64, bytes: Int = 100, modified: Int64 = 0) throws
        -> SmallParcel
    {
        let content = Self.noise(bytes, seed: sequence)
        let opening = try Self.opening(sequence, size: Int64(bytes), modified: modified)
        let closing = Closing(
            parcel: opening.id,
            entryCount: 0,
            root: MerkleTree.root([]),
            size: ByteCount(Int64(bytes)),
            digest: .sha256(content)
        )
        return try SmallParcel(
            parsingOpening: opening.bytes,
            closing: closing.encoded(),
            signature: opening.signature,
            codec: 0,
            content: content
        )
    }

    /// Opening and admission of a parcel that `buoy` gives.
    static func begin(_ opening: SignedOpening, _ mode: AdmissionMode = .whole) throws
        -> [LogRecord]
    {
        let buoy = try Self.node("buoy")
        return [
            try .opening(opening, from: .neighbour(buoy), at: Self.at),
            try .admission(
                opening.id,
                reserved: ByteCount(1),
                giver: buoy,
                mode: mode,
                nextHop: mode == .through ? try Self.node("harbour") : nil,
                at: Self.at
            ),
        ]
    }

    /// A blob's bytes follow from a number.
    static func blob(_ number: UInt64, bytes: Int = 10_000) -> StoredBlob {
        var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number) | 1, count: bytes)
        withUnsafeBytes(of: number) { bytes.replaceSubrange(0..<8, with: $0) }
        return StoredBlob(bytes)
    }

    /// A run of entries.
    static func entries(
        _ parcel: ParcelID,
        first: UInt64 = 0,
        _ blobs: [StoredBlob]
    ) throws -> LogRecord {
        let encoded = try blobs.flatMap { blob in
            let length = UInt32(blob.bytes.count)
            return try #require(
                Entry(blob: blob.id, storedLength: length, plainLength: length, flags: [])
            ).encoded()
        }
        return try .entries(parcel, first: first, encoded)
    }

    /// Somebody's custody of a parcel: this node's own, or that of the next hop.
    static func custody(of opening: SignedOpening, by node: NodeName, issued: Bool) throws
        -> LogRecord
    {
        let signer = StatementSigner(
            mesh: try #require(MeshName("coast")),
            node: node,
            incarnation: Incarnation(number: 1, random: 2),
            key: Self.key
        )
        let batch = try signer.sign(
            [
                StatementDraft(
                    kind: .custody,
                    stream: opening.opening.stream,
                    leaves: [
                        StatementLeaf(sequence: opening.opening.sequence, parcel: opening.id)
                    ]
                )
            ],
            after: nil,
            at: Self.at
        )
        return try .statement(
            try #require(batch.statements.first),
            issued: issued,
            neighbour: try Self.node(issued ? "buoy" : "harbour"),
            at: Self.at
        )
    }

    /// Something that concerns no parcel.
    static func task(_ id: UInt64) throws -> LogRecord {
        try .task(SpoolTask(id: id, kind: "send", body: []), finished: false, at: Self.at)
    }

    private static let key = StatementKey()

    static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return [UInt8](unsafeUninitializedCapacity: count + 8) { buffer, done in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            for offset in stride(from: 0, to: count, by: 8) {
                raw.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
            }
            done = count
        }
    }
}

extension Spool {
    /// Appends records and waits until they are durable and indexed.
    @discardableResult
    func commit(_ records: [LogRecord]) throws -> [BodyLocation] {
        let (position, locations) = try self.appendLocated(records)
        try self.wait(for: position)
        return locations
    }
}
