import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Synchronization
import Testing

/// A spool with the real index: the log on a disk in memory, SQLite in a directory of its own.
final class IndexBench: Sendable {
    let disk: FaultyDisk
    let directory: TemporaryDirectory
    let options: SpoolOptions
    private let made = Mutex<(count: Int, index: Index?)>((0, nil))

    init(
        disk: FaultyDisk = FaultyDisk(),
        segmentBytes: UInt64 = 64 << 10,
        options change: (inout SpoolOptions) -> Void = { _ in }
    ) throws {
        self.disk = disk
        self.directory = try TemporaryDirectory()
        var options = SpoolOptions(
            limit: .mebibytes(64),
            segmentBytes: segmentBytes,
            node: try Sample.node("relay-1"),
            random: FixedRandom()
        )
        change(&options)
        self.options = options
    }

    /// The index that the spool opened last uses.
    var index: Index {
        get throws { try #require(self.made.withLock { $0.index }) }
    }

    /// Opens the spool with a new index, which is then built from snapshot and log.
    func open(on disk: (any Disk)? = nil) throws -> (Spool, Recovery) {
        try Spool.open(
            SpoolBench.directory,
            disk: disk ?? self.disk,
            index: { _ in
                let number = self.made.withLock { made in
                    made.count += 1
                    return made.count
                }
                let index = try Index(
                    path: "\(self.directory.path)/index-\(number).sqlite",
                    node: self.options.node
                )
                self.made.withLock { $0.index = index }
                return index
            },
            options: self.options,
            events: { _ in }
        )
    }

    /// Every row of an index, to compare two.
    func rows() throws -> [[UInt8]] {
        var rows: [[UInt8]] = []
        _ = try self.index.exportRows { rows.append($0) }
        return rows
    }
}

/// Parcels of a node `buoy`, whose signatures verify nowhere.
enum Sample {
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
            opened: UnixMilliseconds(1_700_000_000_000),
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

    static let at = UnixMilliseconds(1_700_000_000_000)

    static func noise(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return (0..<(count + 7) / 8).flatMap { _ in
            withUnsafeBytes(of: generator.next()) { Array($0) }
        }.prefix(count).map { $0 }
    }
}
