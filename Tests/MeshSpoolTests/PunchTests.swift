import MeshContent
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Testing

/// Dead bodies give their blocks back, and no replay takes them for damage or for the log's end.
@Suite struct PunchTests {
    /// Two parcels whose blobs lie side by side: the first passes on, the second stays.
    private struct Pair {
        let bench: IndexBench
        let spool: Spool
        let passing: SignedOpening
        let staying: SignedOpening
        let blobs: [StoredBlob]
        let locations: [BodyLocation]

        static let count = 24

        init(_ disk: FaultyDisk = FaultyDisk()) throws {
            let bench = try IndexBench(disk: disk)
            let spool = try bench.open().0
            let passing = try Sample.opening(1)
            let staying = try Sample.opening(2)
            let blobs = (0..<Self.count).map { Sample.blob(UInt64($0)) }
            let even = blobs.indices.filter { $0.isMultiple(of: 2) }.map { blobs[$0] }
            let odd = blobs.indices.filter { !$0.isMultiple(of: 2) }.map { blobs[$0] }
            try spool.commit(Sample.begin(passing) + Sample.begin(staying))
            try spool.commit([
                Sample.entries(passing.id, even), Sample.entries(staying.id, odd),
            ])
            self.locations = try blobs.map { try spool.commit([.blob($0)])[0] }
            (self.bench, self.spool, self.blobs) = (bench, spool, blobs)
            (self.passing, self.staying) = (passing, staying)
        }

        /// The next hop takes custody of the first parcel.
        func passOn() throws {
            let harbour = try Sample.node("harbour")
            try self.spool.commit([
                Sample.custody(of: self.passing, by: harbour, issued: false)
            ])
        }

        /// The numbers of blobs whose bodies lie in full segments.
        var full: [Int] {
            get throws {
                let last = try #require(self.bench.segments.last)
                return self.locations.indices.filter {
                    SpoolBench.path(self.locations[$0].segment.rawValue) != last
                }
            }
        }
    }

    @Test func deadBodiesArePunchedAndLiveOnesStay() throws {
        let pair = try Pair()
        try pair.passOn()
        let before = pair.spool.allocatedBytes
        try pair.spool.maintain(wantingRoom: true)
        let full = try pair.full
        #expect(full.count > 10)
        // A body of 10,000 bytes has at least one whole block inside.
        let dead = full.filter { $0.isMultiple(of: 2) }.count
        #expect(pair.spool.allocatedBytes.rawValue <= before.rawValue - Int64(dead) * 4_096)
        for number in full {
            if number.isMultiple(of: 2) {
                #expect(throws: SpoolError.self) {
                    try pair.spool.read(pair.locations[number], verify: true)
                }
            } else {
                let read = try pair.spool.read(pair.locations[number], verify: true)
                #expect(read == pair.blobs[number].bytes)
            }
        }
        try pair.spool.close()
    }

    @Test func littleDeadIsLeftAloneUntilRoomIsWanted() throws {
        let pair = try Pair()
        try pair.passOn()
        try pair.spool.maintain()
        for (blob, location) in zip(pair.blobs, pair.locations) {
            #expect(try pair.spool.read(location, verify: true) == blob.bytes)
        }
        try pair.spool.close()
    }

    @Test func aFileSystemThatCannotPunchLosesNothing() throws {
        let disk = FaultyDisk()
        disk.refusePunching()
        let pair = try Pair(disk)
        try pair.passOn()
        try pair.spool.maintain(wantingRoom: true)
        for (blob, location) in zip(pair.blobs, pair.locations) {
            #expect(try pair.spool.read(location, verify: true) == blob.bytes)
        }
        try pair.spool.close()
    }

    /// When the snapshot was taken that a rebuild begins with.
    enum SnapshotTime: CaseIterable { case never, beforeTheRelease, before, after }

    @Test(arguments: SnapshotTime.allCases)
    func aRebuildTellsPunchedFromDamaged(snapshot: SnapshotTime) throws {
        let pair = try Pair()
        if snapshot == .beforeTheRelease { try pair.spool.snapshot() }
        try pair.passOn()
        if snapshot == .before { try pair.spool.snapshot() }
        // Evicts the cache, punches; segments with live bodies stay.
        try pair.spool.maintain(wantingRoom: true)
        if snapshot == .after { try pair.spool.snapshot() }
        let rows = try pair.bench.rows()
        try pair.spool.close()
        let disk = pair.bench.disk
        let rebuilt = try IndexBench(disk: disk.crash(.everything, seed: 1))
        if snapshot == .never { rebuilt.loseSnapshots(keeping: 0) }
        let (again, recovery) = try rebuilt.open()
        #expect(recovery.rebuiltIndex && recovery.damage == [] && !recovery.isHistoryDamaged)
        #expect(try rebuilt.rows().rows == rows.rows)
        try again.close()
    }

    @Test func aPunchedBodyThatIsNeededIsDamage() throws {
        let pair = try Pair()
        let harbour = try Sample.node("relay-1")
        try pair.spool.commit([
            Sample.custody(of: pair.staying, by: harbour, issued: true)
        ])
        try pair.spool.close()
        let victim = pair.locations[1]
        let file = try pair.bench.disk.open(SpoolBench.path(victim.segment.rawValue))
        let block = (victim.offset + 4_095) / 4_096 * 4_096
        try file.punch(block, count: 4_096)
        try file.syncAll()
        let rebuilt = try pair.bench.crash(.everything, seed: 1)
        let (again, recovery) = try rebuilt.open()
        #expect(recovery.isHistoryDamaged)
        #expect(recovery.damage.map(\.what) == [.body])
        #expect(recovery.damage.first?.id == pair.blobs[1].id.digest)
        #expect(recovery.damage.first?.kind == .blob)
        // Not had any more, and known to be missed.
        #expect(try rebuilt.index.blob(pair.blobs[1].id) == nil)
        #expect(try rebuilt.index.parcel(pair.staying.id)?.isDamaged == true)
        try again.close()
    }

    /// The older copy is as good as the newer one was.
    @Test func theLatestCopyThatVerifiesCounts() throws {
        let pair = try Pair()
        let blob = pair.blobs[1]
        let copy = try pair.spool.commit([.blob(blob)])[0]
        #expect(try pair.bench.index.blob(blob.id) == copy)
        try pair.spool.commit([Sample.task(1)])
        try pair.spool.close()
        pair.bench.disk.flipByte(SpoolBench.path(copy.segment.rawValue), at: copy.offset + 5)
        let rebuilt = try pair.bench.crash(.everything, seed: 1)
        let (again, recovery) = try rebuilt.open()
        #expect(recovery.damage == [])
        #expect(try rebuilt.index.blob(blob.id) == pair.locations[1])
        try again.close()
    }

    /// A body that may be the torn end of the log must stay as it is until a durable header says
    /// that it was durable: only then is its segment punched.
    @Test func onlyWhatALaterHeaderVouchesForIsPunched() throws {
        let bench = try IndexBench()
        let (spool, _) = try bench.open()
        let opening = try Sample.opening(1, size: 1 << 20)
        let blobs = (0..<12).map { Sample.blob(UInt64($0)) }
        // One group, over two segments: nothing in it knows that it is durable.
        var records = try Sample.begin(opening, .through) + [Sample.entries(opening.id, blobs)]
        records += blobs.map { .blob($0) }
        records.append(try .release(opening.id, RunSet([1...11]), at: Sample.at))
        try spool.commit(records)
        #expect(bench.segments.count > 1)
        let before = spool.allocatedBytes
        try spool.maintain(wantingRoom: true)
        let rows = try bench.rows().rows
        let first = try bench.crash(.everything, seed: 1)
        first.loseSnapshots(keeping: 0)
        let (rebuilt, recovery) = try first.open()
        #expect(recovery.damage == [] && recovery.cutBytes == 0)
        #expect(try first.rows().rows == rows)
        try rebuilt.close()

        try spool.commit([Sample.task(1)])
        try spool.maintain(wantingRoom: true)
        #expect(spool.allocatedBytes < before)
        let later = try bench.rows().rows
        try spool.close()
        let second = try bench.crash(.everything, seed: 1)
        second.loseSnapshots(keeping: 0)
        let (again, found) = try second.open()
        #expect(found.damage == [] && found.cutBytes == 0)
        #expect(try second.rows().rows == later)
        try again.close()
    }

    /// Blobs that come and go again cost no more room than the window that they pass through.
    @Test func whatGoesThroughLeavesLittleBehind() throws {
        let bench = try IndexBench(segmentBytes: 8 << 20)
        let path = bench.directory.path + "/spool"
        let (spool, _) = try bench.open(on: RealDisk(), at: path)
        let opening = try Sample.opening(1, size: 256 << 20)
        try spool.commit(Sample.begin(opening, .through))
        var most: Int64 = 0
        let window: UInt64 = 16
        for number in 0..<UInt64(1_024) {
            let blob = Sample.blob(number, bytes: 256 << 10)
            let entries = try Sample.entries(opening.id, first: number, [blob])
            var records = [entries, .blob(blob)]
            if number >= window {
                let acked = RunSet([number - window...number - window])
                records.append(try .release(opening.id, acked, at: Sample.at))
            }
            try spool.commit(records)
            if spool.allocatedBytes > .mebibytes(32) { try spool.maintain(wantingRoom: true) }
            most = max(most, spool.allocatedBytes.rawValue)
        }
        #expect(most < ByteCount.mebibytes(64).rawValue)
        let row = try #require(try bench.index.parcel(opening.id))
        #expect(row.state == .arriving && !row.isDamaged && row.entriesKnown == 1_024)
        let located = try bench.index.entries(of: row.number, from: 0, limit: 2_000)
        #expect(located.count == 1_024)
        #expect(located.filter { $0.location != nil }.map(\.number) == Array(1_008..<1_024))
        try spool.close()
        let (again, recovery) = try bench.open(on: RealDisk(), at: path)
        #expect(recovery.damage == [])
        let rebuilt = try bench.index.entries(of: row.number, from: 1_008, limit: 100)
        for (number, entry) in zip(UInt64(1_008)..., rebuilt) {
            let location = try #require(entry.location)
            #expect(
                try again.read(location, verify: true)
                    == Sample.blob(number, bytes: 256 << 10).bytes
            )
        }
        try again.close()
    }

    /// What a landing writes in its place is needed again only when it is lost.
    @Test func whatAFileHasIsNotNeededWhoeverGoesOnToGiveIt() throws {
        let bench = try IndexBench()
        let (spool, _) = try bench.open()
        let opening = try Sample.opening(1)
        let blobs = (0..<4).map { Sample.blob(UInt64($0)) }
        let landing = OpenLanding(
            parcel: opening.id,
            temporary: try #require(PathBytes("o/f/.tributary-1.part")),
            device: 1,
            inode: .max
        )
        try spool.commit(Sample.begin(opening) + [Sample.entries(opening.id, blobs)])
        let number = try #require(try bench.index.parcel(opening.id)?.number)
        #expect(try bench.index.placedEntries(of: number) == 0)
        // The third came through the log, before its turn.
        try spool.commit([.blob(blobs[2])])
        try spool.commit([
            .begun(landing, at: Sample.at),
            .release(opening.id, RunSet([0...2]), why: .placed, at: Sample.at),
        ])
        #expect(try bench.index.blob(blobs[2].id) == nil)
        #expect(try bench.index.openLandings() == [landing])
        #expect(try bench.index.intents() == [])
        try spool.commit([
            .admission(
                opening.id,
                reserved: .zero,
                giver: Sample.node("other"),
                at: Sample.at
            )
        ])
        #expect(try bench.index.placedEntries(of: number) == 3)
        try spool.commit([.lost(opening.id, at: Sample.at)])
        #expect(try bench.index.placedEntries(of: number) == 0)
        #expect(try bench.index.openLandings() == [])
        try spool.commit([
            .begun(landing, at: Sample.at),
            .release(opening.id, RunSet([0...3]), why: .placed, at: Sample.at),
        ])
        try spool.commit([.lapse(opening.id, why: "lapsed", at: Sample.at)])
        #expect(try bench.index.openLandings() == [])
        try spool.close()
    }

    /// A blob that two parcels need is dead when neither does.
    @Test func aSharedBlobStaysWhileOneParcelNeedsIt() throws {
        let bench = try IndexBench()
        let (spool, _) = try bench.open()
        let through = try Sample.opening(1)
        let whole = try Sample.opening(2)
        let blob = Sample.blob(1)
        try spool.commit(Sample.begin(through, .through) + Sample.begin(whole))
        try spool.commit([
            Sample.entries(through.id, [blob]), Sample.entries(whole.id, [blob]),
            .blob(blob),
        ])
        try spool.commit([.release(through.id, RunSet([0...0]), at: Sample.at)])
        #expect(try bench.index.blob(blob.id) != nil)
        let relay = try Sample.node("relay-1")
        try spool.commit([Sample.custody(of: whole, by: relay, issued: true)])
        #expect(try bench.index.parcel(whole.id)?.isDamaged == false)
        // It comes once more, because the next hop has lost it.
        try spool.commit([.release(whole.id, RunSet([0...0]), at: Sample.at)])
        #expect(try bench.index.blob(blob.id) == nil)
        try spool.commit([.blob(blob)])
        #expect(try bench.index.blob(blob.id) != nil)
        try spool.close()
    }
}
