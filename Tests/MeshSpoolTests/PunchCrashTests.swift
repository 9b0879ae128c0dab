import MeshContent
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Testing

/// Wherever the power goes while bodies are released, evicted and punched: the index comes back the
/// same, nothing is called damage, and what it says is here can be read.
@Suite struct PunchCrashTests {
    /// A node's work with parcels that share blobs, from a seed.
    private struct Work {
        var random: SeededGenerator
        var sequence: UInt64 = 0
        var underWay: [(opening: SignedOpening, mode: AdmissionMode, blobs: [UInt64])] = []

        init(seed: UInt64) { self.random = SeededGenerator(seed: seed) }

        mutating func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }

        /// A parcel that brings those of its blobs that are not here.
        mutating func begin(_ bench: IndexBench, _ spool: Spool) throws {
            self.sequence += 1
            let opening = try Sample.opening(self.sequence)
            let mode: AdmissionMode = Bool.random(using: &self.random) ? .whole : .through
            let numbers = (0..<self.number(1..<6)).map { _ in UInt64(self.number(0..<40)) }
            let blobs = numbers.map { Sample.blob($0, bytes: 6_000 + Int($0) * 100) }
            try spool.commit(Sample.begin(opening, mode) + [Sample.entries(opening.id, blobs)])
            for blob in blobs where try bench.index.blob(blob.id) == nil {
                try spool.commit([.blob(blob)])
            }
            self.underWay.append((opening, mode, numbers))
        }

        mutating func step(_ bench: IndexBench, _ spool: Spool) throws {
            guard !self.underWay.isEmpty, self.number(0..<3) > 0 else {
                return try self.begin(bench, spool)
            }
            let index = self.number(0..<self.underWay.count)
            let parcel = self.underWay[index]
            switch (parcel.mode, self.number(0..<3)) {
            case (_, 0):
                let harbour = try Sample.node("harbour")
                try spool.commit([
                    Sample.custody(of: parcel.opening, by: harbour, issued: false)
                ])
                self.underWay.remove(at: index)
            case (.whole, _):
                let relay = try Sample.node("relay-1")
                try spool.commit([Sample.custody(of: parcel.opening, by: relay, issued: true)])
            case (.through, _):
                var some = RunSet()
                for number in UInt64(0)..<UInt64(parcel.blobs.count)
                where Bool.random(using: &self.random) { some.insert(number) }
                try spool.commit([.release(parcel.opening.id, some, at: Sample.at)])
            }
        }
    }

    @Test(arguments: 0..<12 as Range<UInt64>)
    func theIndexComesBackAndWhatItNamesCanBeRead(seed: UInt64) throws {
        var work = Work(seed: seed)
        let cache = ByteCount(Int64(work.number(0..<3) * 100_000))
        var bench = try IndexBench(cacheBytes: cache)
        var fallback: (rows: [[UInt8]], position: LogPosition)?
        for round in 0..<6 {
            let note = Comment(rawValue: "seed \(seed), round \(round)")
            let (spool, recovery) = try bench.open(index: fallback)
            #expect(recovery.damage == [] && recovery.lostBlobs == [], note)
            try Self.checkBodies(bench, spool, note)
            fallback = try bench.rows()
            for _ in 0..<work.number(10..<40) {
                try work.step(bench, spool)
                switch work.number(0..<16) {
                case 0...2:
                    try spool.maintain(wantingRoom: work.number(0..<2) == 0)
                    // The index's own file cannot fall back behind its last checkpoint.
                    fallback = try bench.rows()
                case 3: try spool.snapshot()
                case 4: fallback = try bench.rows()
                default: break
                }
            }
            let before = try bench.rows()
            try Self.checkBodies(bench, spool, note)
            let kept = FaultyDisk.Kept.allCases.randomElement(using: &work.random) ?? .nothing
            let after = try bench.crash(kept, seed: work.random.next())
            try spool.close()
            bench = after
            if work.number(0..<2) == 0 {
                fallback = nil
                if work.number(0..<2) == 0 { bench.loseSnapshots(keeping: 1) }
            }

            let (again, _) = try bench.open(index: fallback)
            #expect(try bench.rows().rows == before.rows, note)
            try again.close()
            fallback = nil
        }
    }

    private static func checkBodies(
        _ bench: IndexBench,
        _ spool: Spool,
        _ note: Comment?
    ) throws {
        for number in 0..<UInt64(40) {
            let blob = Sample.blob(number, bytes: 6_000 + Int(number) * 100)
            guard let location = try bench.index.blob(blob.id) else { continue }
            let read = try? spool.read(location, verify: true)
            #expect(read == blob.bytes, note)
        }
    }
}
