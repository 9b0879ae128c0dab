import MeshContent
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Testing

/// What was released serves other parcels until its room is wanted.
@Suite struct CacheTests {
    /// Takes custody of a parcel with these blobs and passes it on.
    private static func pass(
        _ sequence: UInt64,
        _ numbers: Range<UInt64>,
        _ spool: Spool
    ) throws {
        let opening = try Sample.opening(sequence)
        let blobs = numbers.map { Sample.blob($0) }
        try spool.commit(Sample.begin(opening) + [Sample.entries(opening.id, blobs)])
        for blob in blobs { try spool.commit([.blob(blob)]) }
        let harbour = try Sample.node("harbour")
        try spool.commit([Sample.custody(of: opening, by: harbour, issued: false)])
    }

    private static func bench(cache: Int64, limit: ByteCount = .mebibytes(64)) throws
        -> (IndexBench, Spool)
    {
        let bench = try IndexBench(limit: limit, cacheBytes: ByteCount(cache))
        return (bench, try bench.open().0)
    }

    @Test func aReleasedBlobServesTheNextParcelThatNamesIt() throws {
        let (bench, spool) = try Self.bench(cache: 1 << 20)
        try Self.pass(1, 0..<10, spool)
        try spool.maintain()
        let blob = Sample.blob(3)
        #expect(try bench.index.blob(blob.id) == nil, "it belongs to nobody")
        #expect(try bench.index.hasBlob(blob.id))
        #expect(try !bench.index.hasBlob(Sample.blob(10).id), "nobody ever had it")
        #expect(spool.cachedBytes.rawValue == 100_000)
        let next = try Sample.opening(2)
        try spool.commit(Sample.begin(next) + [Sample.entries(next.id, [blob])])
        let location = try #require(try bench.index.blob(blob.id))
        #expect(try spool.read(location, verify: true) == blob.bytes)
        try spool.maintain()
        #expect(spool.cachedBytes.rawValue == 90_000)
        // It is needed now: the cache may go, it stays.
        try spool.evictCache()
        #expect(spool.cachedBytes.rawValue == 0)
        #expect(try !bench.index.hasBlob(Sample.blob(4).id))
        #expect(try bench.index.hasBlob(blob.id))
        try spool.maintain(wantingRoom: true)
        #expect(try spool.read(location, verify: true) == blob.bytes)
        let rows = try bench.rows().rows
        try spool.close()
        let (again, recovery) = try bench.open()
        #expect(try recovery.damage == [] && bench.rows().rows == rows)
        try again.close()
    }

    @Test func theOldestGoFirstByWholeSegments() throws {
        let (bench, spool) = try Self.bench(cache: 150_000)
        for sequence in 0..<UInt64(10) {
            try Self.pass(sequence + 1, sequence * 10..<sequence * 10 + 10, spool)
        }
        try spool.maintain()
        let kept = spool.cachedBytes.rawValue
        #expect(kept <= 150_000 + 64 << 10 && kept > 50_000)
        // What is left is the newest.
        let next = try Sample.opening(99)
        let all = (0..<UInt64(100)).map { Sample.blob($0) }
        try spool.commit(Sample.begin(next) + [Sample.entries(next.id, all)])
        let had = try all.map { try bench.index.blob($0.id) != nil }
        let first = try #require(had.firstIndex(of: true))
        #expect(had[first...].allSatisfy { $0 } && first > 50)
        try spool.close()
    }

    @Test func withoutACacheNothingIsKept() throws {
        let (bench, spool) = try Self.bench(cache: 0)
        for sequence in 0..<UInt64(10) {
            try Self.pass(sequence + 1, sequence * 10..<sequence * 10 + 10, spool)
        }
        let before = bench.segments.count
        try spool.maintain(wantingRoom: true)
        #expect(bench.segments.count < before && bench.segments.count <= 2)
        try spool.close()
    }

    /// Room that the cache fills is free: it is given back before the limit is reached.
    @Test func theCacheGivesWayToWhatArrives() throws {
        let limit = ByteCount.mebibytes(1)
        let (bench, spool) = try Self.bench(cache: 1 << 20, limit: limit)
        try Self.pass(1, 0..<60, spool)
        try spool.maintain()
        let free = spool.freeRoom
        #expect(spool.cachedBytes.rawValue == 600_000)
        #expect(free.rawValue > 900_000)
        let opening = try Sample.opening(2)
        try spool.commit(Sample.begin(opening))
        var most: Int64 = 0
        for number in 100..<UInt64(170) {
            let blob = Sample.blob(number)
            try spool.commit([
                Sample.entries(opening.id, first: number - 100, [blob]),
                .blob(blob),
            ])
            if bench.takeCrowded() { try spool.maintain(wantingRoom: true) }
            most = max(most, spool.allocatedBytes.rawValue)
        }
        #expect(most <= limit.rawValue)
        #expect(try bench.index.blob(Sample.blob(169).id) != nil)
        try spool.close()
    }

    /// A record says so before a byte goes, whoever reads the log afterwards.
    @Test func nothingIsPunchedOrRemovedBeforeTheEvictionIsDurable() throws {
        let trace = DiskTrace()
        let bench = try IndexBench()
        let (spool, _) = try bench.open(on: TracingDisk(bench.disk, trace))
        for sequence in 0..<UInt64(4) {
            try Self.pass(sequence + 1, sequence * 10..<sequence * 10 + 10, spool)
        }
        let before = trace.events.count
        try spool.maintain(wantingRoom: true)
        let events = Array(trace.events[before...])
        let destroys = try #require(
            events.firstIndex { event in
                switch event {
                case .punch: true
                case .unlink(let path): path.hasSuffix(".seg")
                default: false
                }
            }
        )
        let written = try #require(
            events.firstIndex { event in
                if case .write(let path, _, _) = event { path.hasSuffix(".seg") } else { false }
            }
        )
        let synced = try #require(
            events[written...].firstIndex { event in
                if case .syncFile(let path) = event { path.hasSuffix(".seg") } else { false }
            }
        )
        #expect(written < synced && synced < destroys)
        try spool.close()
    }
}
