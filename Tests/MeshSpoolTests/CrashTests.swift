import MeshModel
import MeshSpool
import MeshTesting
import Synchronization
import Testing

/// Wherever the power goes: what was announced is there, in order, and nothing is called damage.
@Suite struct CrashTests {
    @Test(arguments: 0..<48 as Range<UInt64>)
    func everythingAnnouncedSurvivesPowerCuts(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var bench = try SpoolBench(segmentBytes: 4 << 10)
        var number = 0
        var appended: [Digest] = []
        var announced = 0
        for round in 0..<6 {
            let (spool, recovery) = try bench.open()
            let found = bench.index.records.map(\.id)
            #expect(recovery.damage == [], "seed \(seed), round \(round)")
            #expect(found == Array(appended.prefix(found.count)), "seed \(seed), round \(round)")
            #expect(found.count >= announced, "seed \(seed), round \(round)")
            appended = found
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                let records = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                    number += 1
                    return SpoolBench.record(
                        number,
                        bytes: Int.random(in: 0...1_500, using: &random),
                        kind: Bool.random(using: &random) ? .blob : .note
                    )
                }
                let position = try spool.append(records)
                appended += records.map(\.id)
                if Bool.random(using: &random) { try spool.wait(for: position) }
                if Int.random(in: 0..<12, using: &random) == 0 {
                    bench.index.state.withLock { $0.inUse = [] }
                    try spool.maintain(wantingRoom: true)
                }
            }
            // Announced, then the index, then the disk: each may only be ahead of the one before.
            let durable = spool.durablePosition
            announced = bench.index.records.count { $0.place < durable }
            let kept = FaultyDisk.Kept.allCases.randomElement(using: &random) ?? .nothing
            let after = try bench.crash(
                kept,
                seed: random.next(),
                losingIndex: Bool.random(using: &random)
            )
            try spool.close()
            bench = after
        }
        let (spool, recovery) = try bench.open()
        #expect(recovery.damage == [] && bench.index.records.count >= announced, "seed \(seed)")
        try spool.close()
    }

    /// Recovery itself may be interrupted, and changes nothing that matters.
    @Test(arguments: 0..<24 as Range<Int>, [false, true])
    func aPowerCutDuringRecoveryIsHarmless(changes: Int, losingIndex: Bool) throws {
        let bench = try SpoolBench(segmentBytes: 4 << 10)
        let (spool, _) = try bench.open()
        for number in 0..<8 {
            try spool.wait(for: spool.append([SpoolBench.record(number, bytes: 1_000)]))
        }
        // A group over three segments, torn in the first.
        let torn = bench.index.afterNothing()
        let (_, locations) = try spool.appendLocated(
            (8..<16).map { SpoolBench.record($0, bytes: 1_000) }
        )
        try spool.close()
        let disk = bench.disk.crash(.everything, seed: 1)
        let victim = locations[1]
        disk.flipByte(SpoolBench.path(victim.segment.rawValue), at: victim.offset)

        disk.stop(after: changes)
        let index = losingIndex ? FakeIndex() : torn
        let first = try SpoolBench(disk: disk, index: index, segmentBytes: 4 << 10)
        if let (spool, _) = try? first.open() { try? spool.close() }
        for kept in FaultyDisk.Kept.allCases {
            let after = try SpoolBench(
                disk: disk.crash(kept, seed: UInt64(changes)),
                index: losingIndex ? FakeIndex() : torn.afterNothing(),
                segmentBytes: 4 << 10
            )
            let (spool, recovery) = try after.open()
            #expect(recovery.damage == [])
            #expect(after.index.records.map(\.id) == (0..<9).map { Digest.sha256(of: $0) })
            try spool.close()
        }
    }
}

extension FakeIndex {
    /// A copy as it is now.
    func afterNothing() -> FakeIndex { FakeIndex(self.state.withLock { $0 }) }
}
