import MeshModel
import MeshSpool
import MeshTesting
import Synchronization
import Testing

/// A spool on a disk in memory with a fake index, which can be opened again and again.
final class SpoolBench: Sendable {
    let disk: FaultyDisk
    let options: SpoolOptions
    private let current: Mutex<FakeIndex>
    private let heard = Mutex<[SpoolEvent]>([])

    static let node = NodeName("relay-1")
    static let directory = "/home/spool"

    init(
        disk: FaultyDisk = FaultyDisk(),
        index: FakeIndex = FakeIndex(),
        segmentBytes: UInt64 = 16 << 10,
        steps: [SpoolOptions.CommitStep] = [.sync, .index, .publish],
        freshBytes: Int = 0
    ) throws {
        self.disk = disk
        self.current = Mutex(index)
        var options = SpoolOptions(
            limit: .mebibytes(64),
            segmentBytes: segmentBytes,
            node: try #require(Self.node),
            incarnation: Incarnation(number: 3, random: 0x0102_0304_0506_0708),
            commitSteps: steps,
            random: FixedRandom()
        )
        options.freshBytes = freshBytes
        self.options = options
    }

    var index: FakeIndex { self.current.withLock { $0 } }
    var events: [SpoolEvent] { self.heard.withLock { $0 } }

    /// The log's segments that are there.
    var segments: [String] { self.disk.paths.filter { $0.hasSuffix(".seg") } }

    static func path(_ segment: UInt32) -> String {
        let digits = String(segment)
        let zeros = String(repeating: "0", count: 8 - digits.count)
        return "\(Self.directory)/log/\(zeros)\(digits).seg"
    }

    /// Opens the spool; an index that is asked for a second time is a new one.
    func open(
        on disk: (any Disk)? = nil,
        event: @escaping @Sendable (SpoolEvent) -> Void = { _ in }
    ) throws -> (Spool, Recovery) {
        let isFirst = Mutex(true)
        return try Spool.open(
            Self.directory,
            disk: disk ?? self.disk,
            index: { _ in
                let reuse = isFirst.withLock { first in
                    defer { first = false }
                    return first
                }
                return self.current.withLock { index in
                    if !reuse { index = FakeIndex() }
                    return index
                }
            },
            options: self.options,
            events: { heard in
                self.heard.withLock { $0.append(heard) }
                event(heard)
            }
        )
    }

    /// The bench as it is after a power cut.
    func crash(_ kept: FaultyDisk.Kept, seed: UInt64, losingIndex: Bool = false) throws
        -> SpoolBench
    {
        var random = SeededGenerator(seed: seed)
        // The index first: it may be behind the log, never ahead.
        let index = losingIndex ? FakeIndex() : self.index.afterCrash(&random)
        return try SpoolBench(
            disk: self.disk.crash(kept, seed: seed),
            index: index,
            segmentBytes: self.options.segmentBytes ?? 0,
            steps: self.options.commitSteps
        )
    }

    /// A record whose body tells its number.
    static func record(_ number: Int, bytes: Int = 100, kind: RecordKind = .note) -> LogRecord {
        var generator = SeededGenerator(seed: UInt64(number))
        let body = (0..<bytes).map { _ in UInt8.random(in: 1...255, using: &generator) }
        return LogRecord(kind: kind, id: .sha256(of: number), body: body)
    }
}

struct FixedRandom: RandomSource {
    func next() -> UInt64 { 0xA1B2_C3D4 }
}

extension Digest {
    static func sha256(of number: Int) -> Digest { .sha256(Array("\(number)".utf8)) }
}
