import Glibc
import MeshModel
import MeshSpool
import MeshTesting
import Synchronization
import Testing

@Suite struct SpoolTests {
    @Test func whatWasAppendedIsToldAndCanBeRead() throws {
        let bench = try SpoolBench()
        let (spool, recovery) = try bench.open()
        #expect(recovery.isEmptyLog && !recovery.rebuiltIndex && recovery.damage.isEmpty)
        let records = [
            SpoolBench.record(1), SpoolBench.record(2, bytes: 0),
            SpoolBench.record(3, bytes: 40_000, kind: .blob),
        ]
        let (position, locations) = try spool.appendLocated(records)
        // As soon as the committer has written it.
        #expect(try spool.readRecord(locations[0]) == records[0])
        try spool.wait(for: position)
        let told = bench.index.records
        #expect(told.map(\.id) == records.map(\.id))
        #expect(told.map(\.location) == locations)
        #expect(told.map(\.body) == [records[0].body, [], nil])
        for (record, location) in zip(records, locations) {
            #expect(try spool.readRecord(location) == record)
            #expect(try spool.read(location, verify: false) == record.body)
            #expect(location.offset.isMultiple(of: 8))
        }
        #expect(spool.durablePosition == position)
        try spool.close()
        #expect(throws: SpoolError.self) { try spool.append(records) }
    }

    @Test func onlyTheBlobsThatWereWrittenLastAreKnownByHeart() throws {
        let bench = try SpoolBench(freshBytes: 10_000)
        let (spool, _) = try bench.open()
        let records = (1...4).map { SpoolBench.record($0, bytes: 3_000, kind: .blob) }
        let (position, locations) = try spool.appendLocated(records)
        try spool.wait(for: position)
        for (record, location) in zip(records, locations) {
            #expect(try spool.blob(BlobID(record.id), at: location) == record.body)
            bench.disk.flipByte(SpoolBench.path(location.segment.rawValue), at: location.offset)
        }
        // The first has made room for the last: it is read, and damaged.
        let error = #expect(throws: SpoolError.self) {
            try spool.blob(BlobID(records[0].id), at: locations[0])
        }
        #expect(error?.code == .damaged)
        for (record, location) in zip(records, locations).dropFirst() {
            #expect(try spool.blob(BlobID(record.id), at: location) == record.body)
            #expect(throws: SpoolError.self) { try spool.read(location, verify: true) }
        }
        try spool.close()
    }

    @Test func whoWritesIsPacedByWhoReadsWhatItWrote() throws {
        let bench = try SpoolBench(freshBytes: 10_000)
        let (spool, _) = try bench.open()
        let records = (1...9).map { SpoolBench.record($0, bytes: 3_000, kind: .blob) }
        var places: [BodyLocation] = []
        func write(_ count: Int) throws {
            let next = records[places.count..<places.count + count]
            places += try spool.appendLocated(Array(next)).locations
        }
        try write(2)
        #expect(spool.pace(atMost: .zero), "nobody reads")
        _ = try spool.blob(BlobID(records[0].id), at: places[0])
        #expect(spool.pace(atMost: .zero), "the reader is close behind")
        try write(1)
        #expect(!spool.pace(atMost: .zero), "the reader would soon come too late")
        let paced = Gate(count: 1)
        let isPaced = Mutex(false)
        try TestThread.start {
            isPaced.withLock { $0 = spool.pace(atMost: .seconds(600)) }
            paced.arrive()
        }
        _ = try spool.blob(BlobID(records[2].id), at: places[2])
        paced.wait()
        #expect(isPaced.withLock { $0 }, "the reader has caught up")
        try write(4)
        #expect(spool.pace(atMost: .zero), "the reader is too late already")
        try spool.close()
    }

    @Test func whoAppendsWaitsWhileTooMuchIsUnwritten() throws {
        let bench = try SpoolBench()
        let held = Gate(count: 1)
        // The committer is held up after its first group.
        let isFirst = Mutex(true)
        let (spool, _) = try bench.open { _ in
            let isHeld = isFirst.withLock { first in
                defer { first = false }
                return first
            }
            if isHeld { held.wait() }
        }
        let position = try spool.append([SpoolBench.record(0)])
        while bench.index.records.isEmpty {}
        let blobs = (1...24).map { SpoolBench.record($0, bytes: 1 << 20, kind: .blob) }
        let places = Mutex<[BodyLocation]>([])
        let done = Gate(count: 1)
        try TestThread.start {
            for blob in blobs {
                if let placed = try? spool.appendLocated([blob]) {
                    places.withLock { $0 += placed.locations }
                }
            }
            done.arrive()
        }
        let most = Limits.unwrittenBytesMax >> 20
        while places.withLock({ $0.count }) <= most {}
        // Time enough for all of the others, if nothing kept them.
        for _ in 0..<10_000 { sched_yield() }
        #expect(places.withLock { $0.count } == most + 1)
        #expect(spool.durablePosition <= position)
        held.arrive()
        done.wait()
        let all = places.withLock { $0 }
        #expect(all.count == blobs.count)
        // The last of them may not be written yet.
        for (blob, place) in zip(blobs, all).reversed() {
            #expect(try spool.read(place, verify: true) == blob.body)
        }
        try spool.close()
    }

    @Test func fourThreadsAppendWithoutLosingAnything() throws {
        let bench = try SpoolBench()
        let (spool, _) = try bench.open()
        let done = Gate(count: 4)
        let last = Mutex(LogPosition(segment: SegmentNumber(0), offset: 0))
        for thread in 0..<4 {
            try TestThread.start {
                for round in 0..<100 {
                    let records = (0..<3).map {
                        SpoolBench.record(thread * 1_000 + round * 10 + $0, bytes: 50 + round)
                    }
                    if let position = try? spool.append(records) {
                        last.withLock { $0 = max($0, position) }
                    }
                }
                done.arrive()
            }
        }
        done.wait()
        try spool.wait(for: last.withLock { $0 })
        let told = bench.index.records
        #expect(told.count == 1_200)
        #expect(Set(told.map(\.id)).count == 1_200)
        // Told in the order of the log, and what was appended together lies together.
        #expect(told.map(\.place) == told.map(\.place).sorted())
        for start in stride(from: 0, to: told.count, by: 3) {
            #expect(told[start].body?.count == told[start + 2].body?.count)
        }
        #expect(bench.segments.count > 5)
        try spool.close()
        let (again, recovery) = try bench.open()
        #expect(recovery.damage.isEmpty && recovery.replayed == 0)
        #expect(spool.allocatedBytes == again.allocatedBytes)
        try again.close()
    }

    @Test func aFullDiskRefusesAllOrNothing() throws {
        let bench = try SpoolBench(segmentBytes: 4 << 10)
        let (spool, _) = try bench.open()
        try spool.wait(for: spool.append([SpoolBench.record(1)]))
        bench.disk.setFreeBytes(5 << 10)
        let many = (10..<20).map { SpoolBench.record($0, bytes: 1_000) }
        let error = #expect(throws: SpoolError.self) { try spool.append(many) }
        #expect(error?.code == .noRoom)
        #expect(bench.segments.count == 1)
        bench.disk.setFreeBytes(1 << 20)
        try spool.wait(for: spool.append(many))
        #expect(bench.index.records.count == 11)
        try spool.close()
        let (again, recovery) = try bench.crash(.nothing, seed: 1, losingIndex: true).open()
        #expect(recovery.replayed == 11)
        #expect(recovery.damage == [])
        try again.close()
    }

    @Test func aRecordLongerThanASegmentHasOneOfItsOwn() throws {
        let bench = try SpoolBench(segmentBytes: 4 << 10)
        let (spool, _) = try bench.open()
        let records = [1, 2, 3].map { SpoolBench.record($0, bytes: 10_000, kind: .blob) }
        let (position, locations) = try spool.appendLocated(records)
        try spool.wait(for: position)
        #expect(Set(locations.map(\.segment)).count == 3)
        let tooLong = LogRecord(
            kind: .blob,
            id: .zero,
            body: [UInt8](repeating: 0, count: (2 << 20) + 1)
        )
        let error = #expect(throws: SpoolError.self) { try spool.append([tooLong]) }
        #expect(error?.code == .recordTooLong)
        try spool.close()
    }

    @Test func aFailedSyncAcknowledgesNothingAndStops() throws {
        let bench = try SpoolBench()
        let (spool, _) = try bench.open()
        try spool.wait(for: spool.append([SpoolBench.record(1)]))
        bench.disk.failNextSync()
        let position = try spool.append([SpoolBench.record(2)])
        let error = #expect(throws: SpoolError.self) { try spool.wait(for: position) }
        #expect(error?.code == .diskFailed)
        #expect(throws: SpoolError.self) { try spool.append([SpoolBench.record(3)]) }
        #expect(throws: SpoolError.self) { try spool.close() }
        #expect(bench.index.records.count == 1)
        guard case .failed(let failure)? = bench.events.last else {
            Issue.record("no failure was announced")
            return
        }
        #expect(failure.code == .diskFailed)

        // The page cache still shows the record. The device never got it.
        let (again, recovery) = try bench.open()
        #expect(recovery.replayed == 0 && recovery.damage.isEmpty)
        try again.wait(for: again.append([SpoolBench.record(4)]))
        #expect(bench.index.records.map(\.id) == [.sha256(of: 1), .sha256(of: 4)])
        try again.close()
    }

    @Test func damageIsToldApartFromAbsence() throws {
        let bench = try SpoolBench()
        let (spool, _) = try bench.open()
        let (position, locations) = try spool.appendLocated([
            SpoolBench.record(1, bytes: 500, kind: .blob)
        ])
        try spool.wait(for: position)
        bench.disk.flipByte(SpoolBench.path(1), at: locations[0].offset + 7)
        let damaged = #expect(throws: SpoolError.self) {
            try spool.read(locations[0], verify: true)
        }
        #expect(damaged?.code == .damaged)
        try spool.quarantine(locations[0], name: "blob-1")
        #expect(bench.disk.contents("\(SpoolBench.directory)/quarantine/blob-1")?.count == 500)
        let gone = BodyLocation(segment: SegmentNumber(9), offset: 256, length: 1)
        let missing = #expect(throws: SpoolError.self) { try spool.read(gone, verify: true) }
        #expect(missing?.code == .missing)
        let beyond = BodyLocation(segment: SegmentNumber(1), offset: 1 << 40, length: 100)
        #expect(throws: SpoolError.self) { try spool.read(beyond, verify: false) }
        try spool.close()
    }

    @Test func theRealDiskKeepsWhatWasWritten() throws {
        let directory = try TemporaryDirectory()
        let index = FakeIndex()
        let options = SpoolOptions(
            limit: .mebibytes(64),
            node: try #require(SpoolBench.node),
            random: FixedRandom()
        )
        func open() throws -> (Spool, Recovery) {
            try Spool.open(
                directory.path + "/spool",
                disk: RealDisk(),
                index: { _ in index },
                options: options,
                events: { _ in }
            )
        }
        let (spool, _) = try open()
        let records = (0..<40).map { SpoolBench.record($0, bytes: 262_144, kind: .blob) }
        for record in records { _ = try spool.append([record]) }
        let position = try spool.append([SpoolBench.record(99)])
        try spool.wait(for: position)
        #expect(spool.allocatedBytes.rawValue > 40 * 262_144)
        try spool.close()
        let (again, recovery) = try open()
        #expect(recovery.replayed == 0 && recovery.damage.isEmpty && !recovery.rebuiltIndex)
        for (record, told) in zip(records, index.records) {
            #expect(try again.readRecord(told.location) == record)
        }
        try again.snapshot()
        try again.close()
    }
}

extension LoggedRecord {
    var place: LogPosition {
        LogPosition(segment: self.location.segment, offset: self.location.offset)
    }
}
