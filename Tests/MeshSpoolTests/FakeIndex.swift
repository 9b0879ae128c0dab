import MeshModel
import MeshSpool
import Synchronization

/// An index that remembers what it was told, and can be found as an older one after a crash.
final class FakeIndex: LogIndex {
    struct State: Sendable {
        var position: LogPosition?
        var records: [LoggedRecord] = []
        /// Segments with a live body; `nil` for all that were ever named.
        var inUse: Set<SegmentNumber>?
        var isBusy = false
        var isUnreadable = false
        /// Earlier states since the last checkpoint, the oldest first.
        var earlier: [(LogPosition?, Int)] = [(nil, 0)]
    }

    let state: Mutex<State>
    /// Hears of every commit.
    let committed: @Sendable (LogPosition) -> Void

    init(
        _ state: State = State(),
        committed: @escaping @Sendable (LogPosition) -> Void = { _ in }
    ) {
        self.state = Mutex(state)
        self.committed = committed
    }

    var records: [LoggedRecord] { self.state.withLock { $0.records } }

    /// As a crash may leave it: any state since the last checkpoint.
    func afterCrash(_ random: inout some RandomNumberGenerator) -> FakeIndex {
        var state = self.state.withLock { $0 }
        let kept = Int.random(in: 0...state.earlier.count, using: &random)
        if kept < state.earlier.count {
            let (position, count) = state.earlier[kept]
            state.position = position
            state.records = Array(state.records.prefix(count))
            state.earlier = Array(state.earlier.prefix(kept + 1))
        }
        return FakeIndex(state, committed: self.committed)
    }

    func position() throws -> LogPosition? {
        try self.state.withLock { state in
            if state.isUnreadable { throw Unreadable() }
            return state.position
        }
    }

    func apply(_ records: [LoggedRecord], reaching position: LogPosition) throws {
        self.state.withLock { state in
            state.earlier.append((state.position, state.records.count))
            for record in records where !state.records.contains(where: { $0 == record }) {
                state.records.append(record)
            }
            state.position = position
        }
        self.committed(position)
    }

    func exportRows(_ row: ([UInt8]) throws -> Void) throws -> LogPosition {
        let state = self.state.withLock { $0 }
        for record in state.records { try row(Self.encode(record)) }
        return state.position ?? LogPosition(segment: SegmentNumber(0), offset: 0)
    }

    func importRows(_ next: () throws -> [UInt8]?, reaching position: LogPosition) throws {
        var records: [LoggedRecord] = []
        while let row = try next() { records.append(try Self.decode(row)) }
        self.state.withLock { state in
            state.records = records
            state.position = position
        }
    }

    func checkpoint() throws -> Bool {
        self.state.withLock { state in
            guard !state.isBusy else { return false }
            state.earlier = [(state.position, state.records.count)]
            return true
        }
    }

    func usage() throws -> [SegmentNumber: SegmentUse] {
        self.state.withLock { state in
            var usage: [SegmentNumber: SegmentUse] = [:]
            for record in state.records
            where state.inUse?.contains(record.location.segment) ?? true {
                usage[record.location.segment, default: SegmentUse()].live += UInt64(
                    record.location.length
                )
            }
            return usage
        }
    }

    func bodies(in segment: SegmentNumber, includingCached: Bool) throws -> Set<UInt64> {
        self.state.withLock { state in
            guard state.inUse?.contains(segment) ?? true else { return [] }
            return Set(
                state.records.filter { $0.location.segment == segment }.map(\.location.offset)
            )
        }
    }

    func close() throws {}

    struct Unreadable: Error {}

    private static func encode(_ record: LoggedRecord) -> [UInt8] {
        let numbers = [
            UInt64(record.kind.rawValue), UInt64(record.location.segment.rawValue),
            record.location.offset, UInt64(record.location.length), record.body == nil ? 0 : 1,
        ]
        let head = numbers.flatMap { number in (0..<8).map { UInt8(number >> ($0 * 8) & 255) } }
        return head + record.id.bytes + (record.body ?? [])
    }

    private static func decode(_ row: [UInt8]) throws -> LoggedRecord {
        let numbers = (0..<5).map { index in
            (0..<8).reduce(UInt64(0)) { $0 | UInt64(row[index * 8 + $1]) << ($1 * 8) }
        }
        guard let kind = RecordKind(rawValue: UInt8(numbers[0])), let id = Digest(row[40..<72])
        else { throw Unreadable() }
        return LoggedRecord(
            kind: kind,
            id: id,
            location: BodyLocation(
                segment: SegmentNumber(UInt32(numbers[1])),
                offset: numbers[2],
                length: UInt32(numbers[3])
            ),
            body: numbers[4] == 1 ? Array(row[72...]) : nil
        )
    }
}
