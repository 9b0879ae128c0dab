import MeshContent
import MeshModel
import MeshSpool
import MeshTesting
import Synchronization
import Testing

@Suite struct LogRecoveryTests {
    /// A closed log of records of 500 bytes, told to an index, and where they lie.
    private static func log(
        records count: Int,
        segmentBytes: UInt64 = 16 << 10
    ) throws -> (SpoolBench, [BodyLocation]) {
        let bench = try SpoolBench(segmentBytes: segmentBytes)
        let (spool, _) = try bench.open()
        var locations: [BodyLocation] = []
        for number in 0..<count {
            let (position, more) = try spool.appendLocated([
                SpoolBench.record(number, bytes: 500)
            ])
            try spool.wait(for: position)
            locations += more
        }
        try spool.close()
        return (bench, locations)
    }

    private static func ids(_ numbers: some Sequence<Int>) -> [Digest] {
        numbers.map { Digest.sha256(of: $0) }
    }

    @Test func aTornRecordIsCutOffAtEveryByte() throws {
        let (bench, locations) = try Self.log(records: 3)
        let last = try #require(locations.last)
        let start = last.offset - 64
        let whole = try #require(bench.disk.contents(SpoolBench.path(1)))
        // The whole header byte by byte, then the body in strides.
        let ends =
            Array(start..<last.offset + 8)
            + stride(from: last.offset, to: last.offset + 500, by: 61)
        for end in ends {
            let disk = bench.disk.crash(.everything, seed: 1)
            let zeros = [UInt8](repeating: 0, count: whole.count - Int(end))
            disk.overwrite(SpoolBench.path(1), at: end, with: zeros)
            let torn = try SpoolBench(disk: disk)
            let (spool, recovery) = try torn.open()
            #expect(recovery.damage == [] && recovery.replayed == 2, "cut at \(end)")
            #expect(torn.index.records.map(\.id) == Self.ids(0..<2))
            #expect(disk.contents(SpoolBench.path(1))?.count == Int(start))
            try spool.wait(for: spool.append([SpoolBench.record(9)]))
            try spool.close()
            let (again, second) = try torn.crash(.nothing, seed: 1, losingIndex: true).open()
            #expect(second.damage == [] && second.replayed == 3)
            try again.close()
        }
    }

    @Test(arguments: [-64, -40, -1, 0, 250, 499])
    func damageInTheMiddleIsSkippedAndReported(byte: Int) throws {
        let (bench, locations) = try Self.log(records: 100)
        let victim = locations[50]
        bench.disk.flipByte(
            SpoolBench.path(victim.segment.rawValue),
            at: UInt64(Int(victim.offset) + byte)
        )
        // With its index the node goes on: the index knows the record.
        let (spool, fine) = try bench.open()
        #expect(fine.replayed == 0 && !fine.isHistoryDamaged)
        try spool.close()
        // Without, one record is lost, and only that one.
        let rebuilt = try bench.crash(.nothing, seed: 1, losingIndex: true)
        let (other, recovery) = try rebuilt.open()
        #expect(recovery.rebuiltIndex && recovery.isHistoryDamaged)
        #expect(recovery.damage.map(\.what) == [byte < 0 ? .header : .body])
        #expect(recovery.damage.first?.segment == victim.segment)
        #expect(recovery.damage.first?.offset == victim.offset - 64)
        #expect(rebuilt.index.records.map(\.id) == Self.ids((0..<100).filter { $0 != 50 }))
        try other.close()
    }

    @Test func aDamagedHeadCostsNoRecord() throws {
        let (bench, _) = try Self.log(records: 100)
        bench.disk.flipByte(SpoolBench.path(2), at: 70)
        bench.disk.flipByte(SpoolBench.path(1), at: 3)
        let rebuilt = try bench.crash(.nothing, seed: 1, losingIndex: true)
        let (spool, recovery) = try rebuilt.open()
        #expect(recovery.damage.map(\.what) == [.head, .head])
        #expect(rebuilt.index.records.count == 100)
        try spool.close()
    }

    @Test func aMissingSegmentIsReported() throws {
        let (bench, _) = try Self.log(records: 100)
        try bench.disk.unlink(SpoolBench.path(2))
        try bench.disk.syncDirectory(SpoolBench.directory + "/log")
        let rebuilt = try bench.crash(.nothing, seed: 1, losingIndex: true)
        let (spool, recovery) = try rebuilt.open()
        #expect(recovery.damage.map(\.what) == [.missing] && recovery.isHistoryDamaged)
        #expect(rebuilt.index.records.count > 60)
        try spool.close()
        let (again, _) = try rebuilt.open()
        try again.close()
    }

    @Test func aMissingBeginningIsReported() throws {
        let (bench, _) = try Self.log(records: 100)
        try bench.disk.unlink(SpoolBench.path(1))
        try bench.disk.syncDirectory(SpoolBench.directory + "/log")
        let (spool, recovery) = try bench.crash(.nothing, seed: 1, losingIndex: true).open()
        #expect(recovery.damage.map(\.what) == [.historyMissing] && recovery.isHistoryDamaged)
        try spool.close()
    }

    /// A stranger's blob may hold anything, also what looks like records of a log.
    @Test func bytesInsideABlobNeverPassForARecord() throws {
        var forged: [UInt8] = []
        let body = Array("forged!!".utf8)
        for mark in [0, 1, 0xA1B2_C3D5] as [UInt32] {
            LogHeader(
                kind: RecordKind.landed.rawValue,
                bodyLength: 8,
                id: .sha256(of: 666),
                mark: mark,
                synced: .max,
                bodyChecksum: Checksum.crc32c(body)
            ).encode(into: &forged)
            forged += body
        }
        let bench = try SpoolBench()
        let (spool, _) = try bench.open()
        let (_, locations) = try spool.appendLocated([
            SpoolBench.record(1), LogRecord(kind: .blob, id: .sha256(of: 2), body: forged),
            SpoolBench.record(3),
        ])
        try spool.wait(for: spool.append([SpoolBench.record(4)]))
        try spool.wait(for: spool.append([SpoolBench.record(5)]))
        try spool.close()
        // Damage just before the blob's body makes the scanner search through it.
        bench.disk.flipByte(SpoolBench.path(1), at: locations[1].offset - 20)
        let rebuilt = try bench.crash(.nothing, seed: 1, losingIndex: true)
        let (again, recovery) = try rebuilt.open()
        #expect(rebuilt.index.records.map(\.id) == Self.ids([1, 3, 4, 5]))
        #expect(recovery.damage.map(\.what) == [.header])
        try again.close()
    }

    @Test func aRebuiltIndexEqualsTheOneBefore() throws {
        let (bench, _) = try Self.log(records: 100)
        let before = bench.index.records
        let (spool, _) = try bench.open()
        try spool.snapshot()
        try spool.wait(for: spool.append([SpoolBench.record(100)]))
        try spool.close()
        let rebuilt = try bench.crash(.nothing, seed: 1, losingIndex: true)
        let (again, recovery) = try rebuilt.open()
        #expect(recovery.rebuiltIndex && recovery.damage == [] && !recovery.isHistoryDamaged)
        #expect(recovery.replayed == 1)
        #expect(rebuilt.index.records.dropLast() == before[...])
        #expect(rebuilt.index.records == bench.index.records)
        try again.close()
    }

    @Test func anUnreadableIndexIsKeptAsideAndBuiltAnew() throws {
        let (bench, _) = try Self.log(records: 10)
        let path = SpoolBench.directory + "/index.sqlite"
        for suffix in ["", "-wal"] { _ = try bench.disk.create(path + suffix) }
        bench.index.state.withLock { $0.isUnreadable = true }
        let (spool, recovery) = try bench.open()
        #expect(recovery.rebuiltIndex && recovery.damage == [] && recovery.replayed == 10)
        let aside = bench.disk.paths.filter { $0.contains("/quarantine/index-") }
        #expect(aside.count == 2 && !bench.disk.paths.contains(path))
        try spool.close()
    }

    @Test func anIndexAheadOfTheLogIsNotBelieved() throws {
        let (bench, locations) = try Self.log(records: 20)
        let torn = bench.disk
        torn.cut(SpoolBench.path(1), to: locations[15].offset + 100)
        let (spool, recovery) = try bench.open()
        #expect(recovery.rebuiltIndex && recovery.isHistoryDamaged && !recovery.isEmptyLog)
        #expect(recovery.damage.map(\.what) == [.indexAhead])
        #expect(bench.index.records.map(\.id) == Self.ids(0..<15))
        let position = try spool.append([SpoolBench.record(99)])
        try spool.wait(for: position)
        #expect(position.segment > SegmentNumber(1))
        try spool.close()
        let (again, second) = try bench.open()
        #expect(second.damage == [] && !second.rebuiltIndex)
        try again.close()
    }

    @Test func aWipedLogIsEmptyWhateverItsIndexSays() throws {
        let (bench, _) = try Self.log(records: 20)
        let fresh = try SpoolBench(disk: FaultyDisk(), index: bench.index)
        let (spool, recovery) = try fresh.open()
        #expect(recovery.isEmptyLog && recovery.isHistoryDamaged)
        #expect(fresh.index.records.isEmpty)
        try spool.close()
    }

    @Test func whatWasNotDurableIsMadeSoBeforeItIsReplayed() throws {
        let (bench, _) = try Self.log(records: 3)
        // A killed process: the bytes are in the cache only.
        let file = try bench.disk.open(SpoolBench.path(1))
        let size = try file.size()
        let bytes = try #require(bench.disk.contents(SpoolBench.path(1)))
        try bytes[192..<192 + 568].withUnsafeBytes { try file.write($0, at: size) }
        let (spool, recovery) = try bench.open()
        #expect(recovery.replayed == 1)
        let after = try bench.crash(.nothing, seed: 1, losingIndex: true)
        let (again, second) = try after.open()
        #expect(second.replayed == 4)
        try again.close()
        try spool.close()
    }
}
