import MeshModel
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
    private let heard = Mutex<[SpoolEvent]>([])

    init(
        disk: FaultyDisk = FaultyDisk(),
        segmentBytes: UInt64 = 64 << 10,
        limit: ByteCount = .mebibytes(64),
        cacheBytes: ByteCount = ByteCount(0)
    ) throws {
        self.disk = disk
        self.directory = try TemporaryDirectory()
        self.options = SpoolOptions(
            limit: limit,
            cacheBytes: cacheBytes,
            segmentBytes: segmentBytes,
            node: try Sample.node("relay-1"),
            random: FixedRandom()
        )
    }

    /// The index that the spool opened last uses.
    var index: Index {
        get throws { try #require(self.made.withLock { $0.index }) }
    }

    /// Whether the spool has said so since the last time.
    func takeCrowded() -> Bool {
        self.heard.withLock { events in
            defer { events = [] }
            return events.contains { if case .crowded = $0 { true } else { false } }
        }
    }

    /// The log's segments that are there.
    var segments: [String] { self.disk.paths.filter { $0.hasSuffix(".seg") } }

    /// Opens the spool with a new index, which is then built from snapshot and log.
    ///
    /// With rows it is filled before: an older one, that a power cut left.
    func open(
        on disk: (any Disk)? = nil,
        at path: String = SpoolBench.directory,
        index fill: (rows: [[UInt8]], position: LogPosition)? = nil
    ) throws -> (Spool, Recovery) {
        try Spool.open(
            path,
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
                if let fill {
                    var rows = fill.rows[...]
                    try index.importRows({ rows.popFirst() }, reaching: fill.position)
                }
                self.made.withLock { $0.index = index }
                return index
            },
            options: self.options,
            events: { event in self.heard.withLock { $0.append(event) } }
        )
    }

    /// The bench as it is after a power cut, its index lost.
    func crash(_ kept: FaultyDisk.Kept, seed: UInt64) throws -> IndexBench {
        try IndexBench(
            disk: self.disk.crash(kept, seed: seed),
            segmentBytes: self.options.segmentBytes ?? 0,
            limit: self.options.limit,
            cacheBytes: self.options.cacheBytes
        )
    }

    /// Damages the newest snapshots.
    func loseSnapshots(keeping count: Int) {
        let names = self.disk.paths.filter { $0.contains("/snapshot/") && !$0.hasSuffix(".part") }
        let sorted = names.sorted { ($0.count, $0) < ($1.count, $1) }
        for path in sorted.dropFirst(count) { self.disk.flipByte(path, at: 100) }
    }

    /// Every row of the index, to compare with another's.
    func rows() throws -> (rows: [[UInt8]], position: LogPosition) {
        var rows: [[UInt8]] = []
        let position = try self.index.exportRows { rows.append($0) }
        return (rows, position)
    }
}
