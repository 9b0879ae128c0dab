import MeshContent
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Synchronization

/// What three nodes wrote, synced, indexed and said, in order, and what of it was too early.
final class TracedRun: @unchecked Sendable {  // Its dictionaries are filled before the mesh runs.
    static let nodes = ["origin", "relay", "collector"]

    /// Something that a node asserted to a neighbour, and how far its index was at that moment.
    struct Assertion {
        let peer: NodeName
        let message: Message
        let indexed: LogPosition?
    }

    var disks: [String: FaultyDisk] = [:]
    let traces: [String: DiskTrace] = Dictionary(
        uniqueKeysWithValues: TracedRun.nodes.map { ($0, DiskTrace()) }
    )
    private let spools = Mutex<[String: Spool]>([:])
    private let said = Mutex<[String: [Assertion]]>([:])
    /// What each node heard from each neighbour, by the number that the neighbour gave it.
    private let heard = Mutex<[String: [NodeName: [UInt64: Digest]]]>([:])
    private let ignoresDirectorySyncs = Atomic<Bool>(false)

    func trace(of node: String) -> DiskTrace { self.traces[node] ?? DiskTrace() }

    /// A disk that notes, whenever a file is about to be synced, how far the index is.
    func watched(_ disk: FaultyDisk, _ node: String) -> WatchedDisk {
        WatchedDisk(disk: disk) {
            let spool = self.spools.withLock { $0[node] }
            guard let position = (try? spool?.index.position()) ?? nil else { return }
            self.trace(of: node).note("index \(position.segment.rawValue) \(position.offset)")
        }
    }

    func register(_ node: String, _ spool: Spool) { self.spools.withLock { $0[node] = spool } }

    func forgetDirectorySyncs() { self.ignoresDirectorySyncs.store(true, ordering: .relaxed) }

    func watch(_ node: NodeName, _ event: SessionEvent) -> SessionEvent {
        let name = node.text
        if case .message(let session, .note(let number, _, _, let body)) = event {
            let digest = Digest.sha256(body.bytes)
            self.heard.withLock {
                $0[name, default: [:]][session.peer, default: [:]][number] = digest
            }
        }
        return event.traced { peer, message in
            let spool = self.spools.withLock { $0[name] }
            let assertion = Assertion(
                peer: peer,
                message: message,
                indexed: (try? spool?.index.position()) ?? nil
            )
            let number = self.said.withLock { said in
                said[name, default: []].append(assertion)
                return (said[name]?.count ?? 1) - 1
            }
            self.traces[name]?.note("said \(number)")
        }
    }

    func checkedKinds() throws -> [RecordKind] {
        try self.disks.values.flatMap { try FoundRecord.all(on: $0).map(\.kind) }
    }

    func violations() throws -> [String] {
        try Self.nodes.flatMap { try self.violations(at: $0) }
    }

    private func violations(at node: String) throws -> [String] {
        guard let disk = self.disks[node], let trace = self.traces[node] else { return [] }
        let records = try FoundRecord.all(on: disk)
        let durable = self.durableAt(records, trace.events)
        let said = self.said.withLock { $0[node] ?? [] }
        var found: [String] = []
        for (time, event) in trace.events.enumerated() {
            guard case .note(let text) = event else { continue }
            let words = text.split(separator: " ")
            if words.first == "said", let number = words.last.flatMap({ Int($0) }) {
                let assertion = said[number]
                for (what, index) in try self.needed(for: assertion, records, node) {
                    guard let index else {
                        found.append("\(node): \(what) was never written")
                        continue
                    }
                    let record = records[index]
                    if durable[index].map({ $0 > time }) ?? true {
                        found.append("\(node): \(what) said before its sync")
                    }
                    let end = LogPosition(
                        segment: SegmentNumber(record.segment),
                        offset: record.end
                    )
                    if assertion.indexed.map({ $0 < end }) ?? true {
                        found.append("\(node): \(what) said before its row")
                    }
                }
            }
            if words.first == "index", let segment = UInt32(words[1]), let offset = UInt64(words[2])
            {
                let position = LogPosition(segment: SegmentNumber(segment), offset: offset)
                for (record, synced) in zip(records, durable) {
                    let end = LogPosition(
                        segment: SegmentNumber(record.segment),
                        offset: record.end
                    )
                    if end <= position, synced.map({ $0 > time }) ?? true {
                        found.append("\(node): \(record.kind) indexed before its sync")
                    }
                }
            }
            if text == "renamed", !self.isCovered(.intent, records, durable, by: time) {
                found.append("\(node): renamed before the intent's sync")
            }
        }
        return found
    }

    /// Whether at least one record of a kind was durable at a time.
    private func isCovered(
        _ kind: RecordKind,
        _ records: [FoundRecord],
        _ durable: [Int?],
        by time: Int
    ) -> Bool {
        zip(records, durable).contains { $0.kind == kind && ($1.map { $0 < time } ?? false) }
    }

    /// When each record's bytes, and its segment's name, had been synced.
    private func durableAt(_ records: [FoundRecord], _ events: [DiskTrace.Event]) -> [Int?] {
        let ignores = self.ignoresDirectorySyncs.load(ordering: .relaxed)
        return records.map { record in
            var isWritten = false
            var isSynced = false
            var isNamed = false
            for (time, event) in events.enumerated() {
                switch event {
                case .write(let path, let offset, let count)
                where path == record.path && offset <= record.start
                    && offset + UInt64(count) > record.start:
                    isWritten = true
                case .syncFile(let path) where path == record.path && isWritten: isSynced = true
                case .syncDirectory(let path) where !ignores && record.path.hasPrefix(path):
                    isNamed = true
                default: break
                }
                if isSynced, isNamed { return time }
            }
            return nil
        }
    }

    /// The records that must be durable before a message may be sent; `nil`: there is none such.
    private func needed(
        for assertion: Assertion,
        _ records: [FoundRecord],
        _ node: String
    ) throws -> [(String, Int?)] {
        func first(_ kind: RecordKind, _ id: Digest) -> Int? {
            records.firstIndex { $0.kind == kind && $0.id == id }
        }
        switch assertion.message {
        case .offer(let openings, _):
            return openings.map { ("offer", first(.opening, $0.id.digest)) }
        case .answer(let parcel, .admitted):
            return [
                ("admitted", first(.opening, parcel.digest)),
                ("admitted", first(.admission, parcel.digest)),
            ]
        case .answer(_, .statement(let bytes)):
            return [("answer", first(.statement, .sha256(bytes)))]
        case .entries(let parcel, let number, _):
            return [("entries", try self.run(holding: number, of: parcel, records))]
        case .ack(let parcel, let numbers):
            return try self.acked(numbers, of: parcel, records).map { ("ack", first(.blob, $0)) }
        case .closing(let closing, _):
            return [("closing", first(.closing, closing.closing.parcel.digest))]
        case .small(let small, _, _): return [("small", first(.small, small.id.digest))]
        case .smallAck: return [("smallAck", records.firstIndex { $0.kind == .small })]
        case .note(_, _, _, .statement(let bytes)):
            return [("statement", first(.statement, .sha256(bytes)))]
        case .note(_, _, _, let body):
            return [("word", first(.note, .sha256(body.bytes)))]
        case .noted(let cursor):
            let heard = self.heard.withLock { $0[node]?[assertion.peer] ?? [:] }
            return heard.filter { $0.key <= cursor }
                .map { ("noted", first(.statement, $0.value) ?? first(.note, $0.value)) }
        default: return []
        }
    }

    private func run(
        holding number: UInt64,
        of parcel: ParcelID,
        _ records: [FoundRecord]
    ) throws -> Int? {
        try records.firstIndex { record in
            guard record.kind == .entries, record.id == parcel.digest else { return false }
            return try record.entries().contains { $0.number == number }
        }
    }

    private func acked(
        _ numbers: RunSet,
        of parcel: ParcelID,
        _ records: [FoundRecord]
    ) throws -> [Digest] {
        try records.filter { $0.kind == .entries && $0.id == parcel.digest }
            .flatMap { try $0.entries() }
            .filter { numbers.contains($0.number) && !$0.entry.isHole }
            .map(\.entry.blob.digest)
    }
}
