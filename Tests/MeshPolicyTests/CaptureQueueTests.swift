import MeshModel
import MeshPolicy
import Testing

@Suite struct CaptureQueueTests {
    static func file(
        _ path: String,
        _ modified: Int64,
        size: Int64 = 10,
        isBacklog: Bool = false
    ) throws -> WaitingFile {
        WaitingFile(
            path: try #require(PathBytes(path)),
            stamp: FileStamp(
                device: 1,
                inode: 1,
                size: size,
                modifiedNanoseconds: modified,
                changedNanoseconds: modified
            ),
            mode: 0o644,
            isBacklog: isBacklog
        )
    }

    /// Takes everything, with the thread for large files free.
    static func drain(_ queue: inout CaptureQueue, mayStartLarge: Bool = true) -> [String] {
        var names: [String] = []
        while let next = queue.next(mayStartLarge: mayStartLarge) {
            names.append(next.path.description)
            queue.removeNext(mayStartLarge: mayStartLarge)
        }
        return names
    }

    @Test(arguments: [
        (FileOrder.newest, "dabc"), (.oldest, "cabd"), (.smallest, "acdb"), (.largest, "bdca"),
        (.name, "abcd"),
    ])
    func theOrderHoldsAcrossSmallAndLarge(order: FileOrder, expected: String) throws {
        var queue = CaptureQueue(order: order)
        queue.insert([
            try Self.file("b", 2, size: 3_000_000), try Self.file("a", 2, size: 10),
            try Self.file("c", 1, size: 20), try Self.file("d", 3, size: 1_000_000),
        ])
        #expect(queue.count == 4)
        #expect(queue.bytes == 4_000_030)
        #expect(Self.drain(&queue).joined() == expected)
        #expect(queue.count == 0)
    }

    @Test func smallOnesPassALargeOneThatCannotStart() throws {
        var queue = CaptureQueue(order: .oldest)
        queue.insert([
            try Self.file("large", 1, size: 1_000_000), try Self.file("a", 2),
            try Self.file("b", 3),
        ])
        #expect(Self.drain(&queue, mayStartLarge: false) == ["a", "b"])
        #expect(Self.drain(&queue) == ["large"])
    }

    @Test func oneStartInEightGoesToTheOldestAndNoneStarves() throws {
        var queue = CaptureQueue(order: .newest)
        queue.insert(try (0..<100).map { try Self.file("f\($0)", Int64($0)) })
        var taken: [String] = []
        // Newer ones come faster than they go; the oldest go all the same.
        for number in 100..<300 {
            queue.insert([try Self.file("f\(number)", Int64(number))])
            let next = try #require(queue.next(mayStartLarge: true))
            queue.removeNext(mayStartLarge: true)
            taken.append(next.path.description)
        }
        #expect(
            taken.prefix(9) == [
                "f100", "f101", "f102", "f103", "f104", "f105", "f106", "f0", "f108",
            ]
        )
        #expect((0..<25).allSatisfy { taken.contains("f\($0)") })
        #expect(!taken.contains("f25"))
    }

    @Test func backlogComesAfterWhatIsNewEvenWhereTheOldestHaveTheirTurn() throws {
        for order in FileOrder.allCases {
            var queue = CaptureQueue(order: order)
            queue.insert(try (0..<20).map { try Self.file("n\($0)", 100 + Int64($0)) })
            queue.insert(
                try (0..<20).map {
                    try Self.file(
                        "b\($0)",
                        Int64($0),
                        size: 10 + Int64($0) * 90_000,
                        isBacklog: true
                    )
                }
            )
            let names = Self.drain(&queue)
            #expect(names.prefix(20).allSatisfy { $0.hasPrefix("n") }, "\(order)")
            #expect(names.count == 40)
        }
    }

    @Test func whatIsHandedOverComesFirstInItsOrder() throws {
        var queue = CaptureQueue(order: .name)
        queue.insert(try ["a", "b", "c", "d"].map { try Self.file($0, 1) })
        queue.hurry([try Self.file("d", 1), try Self.file("b", 1)])
        var scanned = CaptureQueue(order: .name)
        scanned.insert(try ["a", "b", "c", "d", "e"].map { try Self.file($0, 1) })
        queue.replace(with: scanned)
        #expect(queue.count == 5)
        #expect(Self.drain(&queue) == ["d", "b", "a", "c", "e"])
    }

    @Test func aSmallFileThatIsHandedOverPassesLargeOnesThatCannotStart() throws {
        var queue = CaptureQueue(order: .name)
        let names = ["L1", "s1", "L2", "s2", "s3"]
        queue.hurry(
            try names.map { try Self.file($0, 1, size: $0.hasPrefix("L") ? 2_000_000 : 10) }
        )
        #expect(queue.next(mayStartLarge: false)?.path == PathBytes("s1"))
        queue.removeNext(mayStartLarge: false)
        queue.remove([try #require(PathBytes("s2"))])
        queue.replace(with: CaptureQueue(order: .name))
        #expect(queue.bytes == 4_000_010)
        #expect(Self.drain(&queue) == ["L1", "L2", "s3"])
    }

    @Test func aNewerVersionTakesTheOldOnesPlace() throws {
        var queue = CaptureQueue(order: .newest)
        queue.insert([try Self.file("a", 1), try Self.file("b", 2)])
        queue.insert([try Self.file("a", 3, size: 2_000_000)])
        #expect(queue.count == 2)
        queue.remove([try #require(PathBytes("b"))])
        #expect(queue.next(mayStartLarge: true)?.stamp.modifiedNanoseconds == 3)
        #expect(queue.count == 1)
    }

    @Test(arguments: FileOrder.allCases)
    func theOrderHoldsThoughFewFilesAreInMemory(order: FileOrder) throws {
        let count = 40_000
        let all = try (0..<count).map { number in
            let key = Int64((number &* 7_919) % count)
            return try Self.file(String(key + 1_000_000), key, size: key % 50_000)
        }
        let expected = all.sorted { $0.rank.precedes($1.rank, by: order) }
        // Scans find all that is left; between them so many are kept.
        var taken: [WaitingFile] = []
        var takenPaths: Set<PathBytes> = []
        var scans = 0
        while taken.count < count / 4 {
            var queue = CaptureQueue(order: order, capacity: 2_048)
            scans += 1
            for start in stride(from: 0, to: count, by: 1_000) {
                queue.insert(
                    all[start..<min(start + 1_000, count)].filter { !takenPaths.contains($0.path) }
                )
            }
            #expect(queue.count == count - taken.count)
            while !queue.needsScan, let next = queue.next(mayStartLarge: true) {
                queue.removeNext(mayStartLarge: true)
                taken.append(next)
                takenPaths.insert(next.path)
            }
        }
        #expect(scans > 5)
        if order == .newest {
            let oldest = taken.filter { $0.stamp.modifiedNanoseconds < Int64(count / 16) }
            #expect(oldest.count > taken.count / 9)
            let newest = taken.filter { $0.stamp.modifiedNanoseconds > Int64(count / 2) }
            #expect(newest == Array(expected.prefix(newest.count)))
        } else {
            #expect(taken == Array(expected.prefix(taken.count)))
        }
    }

    @Test func aNewestFileGoesAtOnceThoughTheQueueOverflows() throws {
        var queue = CaptureQueue(order: .newest, capacity: 64)
        queue.insert(try (0..<1_000).map { try Self.file("f\($0)", Int64($0)) })
        queue.insert([try Self.file("now", 5_000)])
        #expect(queue.next(mayStartLarge: true)?.path.description == "now")
        // One that belongs among those that are not in memory waits for the scan.
        queue.insert([try Self.file("between", 500)])
        #expect(queue.count == 1_002)
        var names: [String] = []
        while let next = queue.next(mayStartLarge: true) {
            names.append(next.path.description)
            queue.removeNext(mayStartLarge: true)
        }
        #expect(queue.needsScan)
        #expect(!names.contains("between") && !names.contains("f500"))
    }
}
