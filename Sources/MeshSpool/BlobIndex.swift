import MeshModel
import SwiftProtobuf
import Synchronization

/// Where blobs lie, in memory: the index of a ``BlobSpool``.
///
/// It is empty when it is made, and so the log is told to it as a whole, from the newest snapshot on.
final class BlobIndex: LogIndex {
    private struct State: Sendable {
        var position: LogPosition?
        var blobs: [BlobID: BodyLocation] = [:]
    }

    private let state = Mutex(State())

    var count: Int { self.state.withLock { $0.blobs.count } }

    func location(of id: BlobID) -> BodyLocation? { self.state.withLock { $0.blobs[id] } }

    func position() throws -> LogPosition? { self.state.withLock { $0.position } }

    func apply(_ records: [LoggedRecord], reaching position: LogPosition) throws {
        let given = try records.filter { $0.kind == .evict }.reduce(into: [:]) { given, record in
            given[record.location] = try ProtoEvictRecord(serializedBytes: record.body ?? [])
        }
        self.state.withLock { state in
            for record in records {
                if record.kind == .blob {
                    let id = BlobID(record.id)
                    // Of several records of one blob the latest that verifies counts.
                    if record.isIntact || state.blobs[id] == nil {
                        state.blobs[id] = record.location
                    }
                } else if let evicted = given[record.location] {
                    for id in evicted.blobIds.compactMap({ BlobID(bytes: $0) }) {
                        state.blobs[id] = nil
                    }
                }
            }
            state.position = position
        }
    }

    // A row: the name, then segment, offset and length, big-endian.

    func exportRows(_ row: ([UInt8]) throws -> Void) throws -> LogPosition {
        let state = self.state.withLock { $0 }
        for (id, location) in state.blobs.sorted(by: { $0.key < $1.key }) {
            let numbers = [
                UInt64(location.segment.rawValue), location.offset, UInt64(location.length),
            ]
            try row(id.bytes + numbers.flatMap { withUnsafeBytes(of: $0.bigEndian, Array.init) })
        }
        return state.position ?? LogPosition(segment: SegmentNumber(0), offset: 0)
    }

    func importRows(_ next: () throws -> [UInt8]?, reaching position: LogPosition) throws {
        var blobs: [BlobID: BodyLocation] = [:]
        while let row = try next() {
            guard row.count == 56, let id = BlobID(bytes: row.prefix(32)) else {
                throw SpoolError.unsupported("a snapshot of another program")
            }
            let numbers = (0..<3).map { number in
                row[(32 + number * 8)...].prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            }
            blobs[id] = BodyLocation(
                segment: SegmentNumber(UInt32(truncatingIfNeeded: numbers[0])),
                offset: numbers[1],
                length: UInt32(truncatingIfNeeded: numbers[2])
            )
        }
        self.state.withLock { $0 = State(position: position, blobs: blobs) }
    }

    func checkpoint() throws -> Bool { true }

    func usage() throws -> [SegmentNumber: SegmentUse] {
        self.state.withLock { state in
            state.blobs.values.reduce(into: [:]) { usage, location in
                usage[location.segment, default: SegmentUse()].live += UInt64(location.length)
            }
        }
    }

    func bodies(in segment: SegmentNumber, includingCached: Bool) throws -> Set<UInt64> {
        self.state.withLock { state in
            Set(state.blobs.values.filter { $0.segment == segment }.map(\.offset))
        }
    }

    func close() throws {}
}
