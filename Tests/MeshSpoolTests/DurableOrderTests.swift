import MeshModel
import MeshSpool
import MeshTesting
import Testing

/// Nothing is announced, and nothing told to the index, before its bytes and names are durable.
@Suite struct DurableOrderTests {
    typealias Step = SpoolOptions.CommitStep

    @Test func bytesAreDurableBeforeTheIndexAndTheIndexBeforeTheFrame() throws {
        let events = try Self.run([.sync, .index, .publish])
        #expect(Self.violations(in: events) == [])
        #expect(events.contains { Self.note("frame", $0) != nil })
    }

    @Test(arguments: [
        [Step.index, .sync, .publish], [.index, .publish, .sync], [.sync, .publish, .index],
        [.publish, .sync, .index], [.publish, .index, .sync], [.index, .publish],
        [.sync, .publish], [.publish],
    ])
    func everyOtherOrderIsNoticed(steps: [Step]) throws {
        #expect(Self.violations(in: try Self.run(steps)) != [])
    }

    @Test func aSegmentWhoseNameWasNeverSyncedIsNoticed() throws {
        let events = try Self.run([.sync, .index, .publish]).filter { event in
            if case .syncDirectory(let path) = event { return !path.hasSuffix("/log") }
            return true
        }
        #expect(Self.violations(in: events) != [])
    }

    /// What a node does in a moment, over several segments, recorded.
    private static func run(_ steps: [Step]) throws -> [DiskTrace.Event] {
        let trace = DiskTrace()
        let index = FakeIndex(committed: { trace.note("index \($0.text)") })
        let bench = try SpoolBench(index: index, segmentBytes: 4 << 10, steps: steps)
        let (spool, _) = try bench.open(on: TracingDisk(bench.disk, trace)) { event in
            if case .durable(let position) = event { trace.note("frame \(position.text)") }
        }
        for round in 0..<12 {
            let records = (0..<3).map { SpoolBench.record(round * 3 + $0, bytes: 300) }
            let position = try spool.append(records)
            if round.isMultiple(of: 3) { try spool.wait(for: position) }
        }
        try spool.close()
        return trace.events
    }

    /// What the trace shows being asserted too early.
    private static func violations(in events: [DiskTrace.Event]) -> [String] {
        var unsynced: [(path: String, end: LogPosition)] = []
        var unnamed: [(path: String, segment: SegmentNumber)] = []
        var indexed = LogPosition(segment: SegmentNumber(0), offset: 0)
        var found: [String] = []
        func check(_ what: String, _ position: LogPosition) {
            // A write that ends behind the position may belong to the next group.
            if let early = unsynced.first(where: { $0.end <= position }) {
                found.append("\(what) before the sync of \(early)")
            }
            if let early = unnamed.first(where: { $0.segment <= position.segment }) {
                found.append("\(what) before the name of \(early)")
            }
        }
        for event in events {
            switch event {
            case .create(let path):
                if let segment = Self.segment(path) { unnamed.append((path, segment)) }
            case .write(let path, let offset, let count):
                guard let segment = Self.segment(path) else { continue }
                let end = LogPosition(segment: segment, offset: offset + UInt64(count))
                unsynced.append((path, end))
            case .syncFile(let path):
                unsynced.removeAll { $0.path == path }
            case .syncDirectory(let path):
                unnamed.removeAll { $0.path.hasPrefix(path) }
            case .note:
                if let position = Self.note("index", event) {
                    check("index", position)
                    indexed = position
                }
                if let position = Self.note("frame", event) {
                    check("frame", position)
                    if indexed < position { found.append("frame before the index") }
                }
            case .truncate, .punch, .rename, .unlink: continue
            }
        }
        return found
    }

    private static func segment(_ path: String) -> SegmentNumber? {
        guard path.hasSuffix(".seg") else { return nil }
        return UInt32(path.dropLast(4).suffix(8)).map { SegmentNumber($0) }
    }

    private static func note(_ word: String, _ event: DiskTrace.Event) -> LogPosition? {
        guard case .note(let text) = event else { return nil }
        let parts = text.split(separator: " ")
        guard parts.count == 3, parts[0] == word, let segment = UInt32(parts[1]),
            let offset = UInt64(parts[2])
        else { return nil }
        return LogPosition(segment: SegmentNumber(segment), offset: offset)
    }
}

extension LogPosition {
    var text: String { "\(self.segment.rawValue) \(self.offset)" }
}
