import Foundation
import Glibc
import MeshContent
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Testing

/// A full file system is no failure of the disk: nothing is lost, and the node goes on later.
@Suite struct NoRoomTests {
    @Test func aSyncWithoutRoomStopsTheSpoolAsFull() throws {
        let bench = try SpoolBench()
        let (spool, _) = try bench.open()
        try spool.wait(for: spool.append([SpoolBench.record(1)]))
        bench.disk.failNextSync(ENOSPC)
        let position = try spool.append([SpoolBench.record(2)])
        let error = #expect(throws: SpoolError.self) { try spool.wait(for: position) }
        #expect(error?.code == .noRoom)
        #expect(throws: SpoolError.self) { try spool.append([SpoolBench.record(3)]) }
        #expect(throws: SpoolError.self) { try spool.close() }
        let (again, recovery) = try bench.open()
        #expect(recovery.damage == [])
        try again.wait(for: again.append([SpoolBench.record(4)]))
        #expect(bench.index.records.map(\.id) == [.sha256(of: 1), .sha256(of: 4)])
        try again.close()
    }

    @Test func theLastRoomIsUsedWhereThereIsNoneToTakeInAdvance() throws {
        let bench = try SpoolBench(segmentBytes: 16 << 20)
        let (spool, _) = try bench.open()
        _ = try spool.append([SpoolBench.record(1)])
        func large(_ number: Int) -> LogRecord {
            LogRecord(
                kind: .note,
                id: .sha256(of: number),
                body: [UInt8](repeating: 1, count: LogRecord.bodyBytesMax)
            )
        }
        // Two of them are longer than what was taken in advance, by little.
        _ = try spool.append([large(2)])
        bench.disk.setFreeBytes(1 << 10)
        try spool.wait(for: spool.append([large(3)]))
        #expect(throws: SpoolError.self) { try spool.append([large(4)]) }
        try spool.close()
        #expect(bench.index.records.count == 3)
    }

    @Test func freeRoomIsWhatTheFileSystemHasLessAReserve() throws {
        let bench = try IndexBench(segmentBytes: 4 << 20, limit: .mebibytes(256))
        bench.disk.setFreeBytes(1 << 30)
        let (spool, _) = try bench.open()
        #expect(spool.freeRoom == .mebibytes(256))
        bench.disk.setFreeBytes(164 << 20)
        #expect(spool.freeRoom == .mebibytes(100))
        bench.disk.setFreeBytes(10 << 20)
        #expect(spool.freeRoom == ByteCount(0))
        try spool.close()
    }

    /// A small tmpfs of its own, in a mount namespace that nobody else sees.
    private final class SmallFileSystem {
        let directory: TemporaryDirectory

        /// Root may mount, and nobody else sees it where `/` is not a shared mount.
        static var isPossible: Bool {
            guard geteuid() == 0,
                let mounts = try? String(
                    contentsOfFile: "/proc/self/mountinfo",
                    encoding: .utf8
                )
            else { return false }
            let root = mounts.split(separator: "\n").last { line in
                line.split(separator: " ").dropFirst(4).first == "/"
            }
            return root.map { !$0.contains(" shared:") } ?? false
        }

        init(mebibytes: Int) throws {
            self.directory = try TemporaryDirectory()
            guard mount("tmpfs", self.directory.path, "tmpfs", 0, "size=\(mebibytes)m") == 0 else {
                throw DiskError(operation: "mount", path: self.directory.path, number: errno)
            }
        }

        deinit { umount2(self.directory.path, Int32(MNT_DETACH)) }
    }

    @Test(
        .enabled(
            if: SmallFileSystem.isPossible,
            "needs root and a mount namespace of its own, as unshare -m makes"
        )
    )
    func aFullFileSystemLosesNothing() throws {
        let small = try SmallFileSystem(mebibytes: 32)
        let home = small.directory.path
        let ballast = try RealDisk().create(home + "/ballast")
        try ballast.allocate(0..<12 << 20)
        func open() throws -> (Spool, Index) {
            let made = Made()
            let spool = try Spool.open(
                home + "/spool",
                disk: RealDisk(),
                index: { path in
                    let index = try Index(path: path, node: try Sample.node("relay-1"))
                    made.index = index
                    return index
                },
                options: SpoolOptions(
                    limit: .mebibytes(64),
                    segmentBytes: 4 << 20,
                    node: try Sample.node("relay-1")
                ),
                events: { _ in }
            ).0
            return (spool, try #require(made.index))
        }
        let opening = try Sample.opening(1, size: 64 << 20)
        var (spool, index) = try open()
        #expect(spool.freeRoom == ByteCount(0))
        try spool.commit(Sample.begin(opening))
        var kept: UInt64 = 0
        let error = #expect(throws: SpoolError.self) {
            while kept < 1_000 {
                let blob = Sample.blob(kept, bytes: 100_000)
                try spool.commit([
                    Sample.entries(opening.id, first: kept, [blob]), .blob(blob),
                ])
                kept += 1
            }
        }
        #expect(error?.code == .noRoom && kept > 50)
        try? spool.close()
        try? index.close()
        // As often as it is tried while there is no room.
        for _ in 0..<3 {
            do {
                (spool, index) = try open()
                try? spool.close()
                try? index.close()
            } catch let error as SpoolError { #expect(error.code == .noRoom) }
        }
        #expect(try RealDisk().list(home + "/spool/quarantine") == [])

        try RealDisk().unlink(home + "/ballast")
        try ballast.truncate(to: 0)
        (spool, index) = try open()
        let row = try #require(try index.parcel(opening.id))
        #expect(row.entriesKnown >= kept)
        for number in 0..<kept {
            let blob = Sample.blob(number, bytes: 100_000)
            let location = try #require(try index.blob(blob.id))
            #expect(try spool.read(location, verify: true) == blob.bytes)
        }
        for number in row.entriesKnown..<row.entriesKnown + 20 {
            let blob = Sample.blob(number, bytes: 100_000)
            try spool.commit([
                Sample.entries(opening.id, first: number, [blob]), .blob(blob),
            ])
        }
        try spool.close()
    }

    private final class Made { var index: Index? }
}
