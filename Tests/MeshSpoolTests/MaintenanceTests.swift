import MeshIdentity
import MeshModel
import MeshSpool
import MeshTesting
import Synchronization
import Testing

@Suite struct MaintenanceTests {
    private static func filled() throws -> (SpoolBench, Spool) {
        let bench = try SpoolBench(segmentBytes: 4 << 10)
        let (spool, _) = try bench.open()
        for number in 0..<40 {
            try spool.wait(
                for: spool.append([SpoolBench.record(number, bytes: 1_000, kind: .blob)])
            )
        }
        return (bench, spool)
    }

    @Test func aSegmentGoesWhenItIsDeadAndCoveredTwiceAndCheckpointed() throws {
        let (bench, spool) = try Self.filled()
        let all = bench.segments.count
        let bytes = spool.allocatedBytes
        try spool.snapshot()
        try spool.snapshot()
        try spool.maintain()
        #expect(bench.segments.count == all, "everything is in use")
        bench.index.state.withLock {
            $0.inUse = [SegmentNumber(3)]
            $0.isBusy = true
        }
        try spool.maintain()
        #expect(bench.segments.count == all, "the index may fall back behind them")
        bench.index.state.withLock { $0.isBusy = false }
        try spool.maintain()
        #expect(bench.segments.count == 2)
        #expect(bench.segments.first == SpoolBench.path(3))
        #expect(spool.allocatedBytes < bytes)
        try spool.close()
    }

    @Test func onlyWhatASnapshotWouldHoldAsksForOne() throws {
        let bench = try SpoolBench(segmentBytes: 16 << 20)
        let (spool, _) = try bench.open()
        func snapshots(after records: [LogRecord]) throws -> Int {
            try spool.wait(for: spool.append(records))
            try spool.maintain()
            return bench.disk.paths.filter { $0.contains("/snapshot/") }.count
        }
        let buoy = try Sample.node("buoy")
        let files = try (1...40 as ClosedRange<UInt64>).map { number in
            try LogRecord.small(
                Sample.small(number, bytes: 50_000),
                passage: .empty,
                from: .neighbour(buoy),
                at: Sample.at
            )
        }
        #expect(try snapshots(after: files) == 0)
        let notes = (0..<12).map { SpoolBench.record($0, bytes: 100_000) }
        #expect(try snapshots(after: notes) == 1)
        try spool.close()
    }

    @Test func oneSnapshotIsNotEnough() throws {
        let (bench, spool) = try Self.filled()
        let all = bench.segments.count
        bench.index.state.withLock { $0.inUse = [] }
        try spool.maintain()
        #expect(bench.segments.count == all)
        try spool.maintain()
        #expect(bench.segments.count == 1)
        try spool.close()
    }

    @Test func whoeverWantsRoomGetsItAtOnce() throws {
        let (bench, spool) = try Self.filled()
        bench.index.state.withLock { $0.inUse = [] }
        try spool.maintain(wantingRoom: true)
        #expect(bench.segments.count == 1)
        try spool.close()
        let rebuilt = try bench.crash(.nothing, seed: 1, losingIndex: true)
        let (again, recovery) = try rebuilt.open()
        #expect(recovery.rebuiltIndex && recovery.damage == [])
        #expect(rebuilt.index.records == bench.index.records)
        try again.close()
    }

    /// The reason why both snapshots must stand for a segment that goes.
    @Test func theOlderSnapshotIsAsGoodAsTheNewer() throws {
        let (bench, spool) = try Self.filled()
        bench.index.state.withLock { $0.inUse = [] }
        try spool.maintain(wantingRoom: true)
        for number in 40..<80 {
            try spool.wait(
                for: spool.append([SpoolBench.record(number, bytes: 1_000, kind: .blob)])
            )
        }
        try spool.maintain()
        try spool.close()
        let paths = bench.disk.paths.filter { $0.contains("/snapshot/") }
        #expect(paths.count == 2)
        for path in paths {
            let damaged = try bench.crash(.nothing, seed: 1, losingIndex: true)
            damaged.disk.flipByte(path, at: 1_000)
            let (again, recovery) = try damaged.open()
            #expect(recovery.rebuiltIndex && recovery.damage == [], "without \(path)")
            #expect(damaged.index.records == bench.index.records, "without \(path)")
            #expect(damaged.disk.paths.contains { $0.hasSuffix(".snapshot") })
            try again.close()
        }
    }

    @Test func aSnapshotThatTheDeviceSpoiltIsNotUsed() throws {
        let (bench, spool) = try Self.filled()
        bench.disk.failNextSync()
        #expect(throws: SpoolError.self) { try spool.snapshot() }
        try spool.snapshot()
        #expect(bench.disk.paths.filter { $0.contains("/snapshot/") }.count == 1)
        try spool.close()
    }
}
