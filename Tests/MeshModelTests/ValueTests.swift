import MeshModel
import Testing

@Suite struct ValueTests {
    @Test func aRunSetIsTheSetOfItsMembers() {
        // Against a plain set, over every order of touching, overlapping and nested runs.
        var state: UInt64 = 7
        for _ in 0..<200 {
            var runs = RunSet()
            var plain: Set<UInt64> = []
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let first = state >> 40 & 31
                let last = first + (state >> 50 & 7)
                if state >> 60 < 4 {
                    runs.remove(first)
                    plain.remove(first)
                } else {
                    runs.insert(first...last)
                    plain.formUnion(first...last)
                }
            }
            #expect(runs.count == UInt64(plain.count))
            for number in 0..<48 as Range<UInt64> {
                #expect(runs.contains(number) == plain.contains(number))
            }
            for (left, right) in zip(runs.runs, runs.runs.dropFirst()) {
                #expect(left.upperBound + 1 < right.lowerBound)
            }
        }
    }

    @Test func aRunSetHoldsTheLargestNumbers() {
        var runs = RunSet([UInt64.max - 1...UInt64.max, 0...0])
        runs.insert(1)
        #expect(runs.runs == [0...1, UInt64.max - 1...UInt64.max])
        runs.remove(.max)
        #expect(!runs.contains(.max) && runs.contains(.max - 1))
    }

    @Test func digestsOrderAndReadAsTheirBytesDo() throws {
        let low = try #require(Digest([UInt8](repeating: 0, count: 31) + [0xFF]))
        let high = try #require(Digest([0x01] + [UInt8](repeating: 0, count: 31)))
        #expect(low < high)
        #expect(Digest(high.description) == high)
        #expect(Digest([UInt8](repeating: 0, count: 33)) == nil)
        // FIPS 180-4, "abc".
        #expect(
            Digest.sha256(context: "a", Array("bc".utf8)).description
                == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        )
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_782_399_999, "2000-02-28T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
        (1_795_305_600_123, "2026-11-22T00:00:00.123Z"),
    ])
    func timesAreShownInUTCAndReadBack(milliseconds: Int64, text: String) {
        let time = UnixMilliseconds(milliseconds)
        #expect(time.description == text)
        #expect(UnixMilliseconds(iso8601: text) == time)
    }

    @Test func stampsSurviveTheirBytes() {
        let stamp = FileStamp(
            device: .max,
            inode: 1,
            size: 1 << 40,
            modifiedNanoseconds: -5,
            changedNanoseconds: .max
        )
        #expect(FileStamp(bytes: stamp.bytes) == stamp)
        #expect(FileStamp(bytes: Array(stamp.bytes.dropLast())) == nil)
    }

    @Test func namesAreWordsThatAreSafeEverywhere() {
        for good in ["a", "buoy-7", "r2.d2", "0_x", String(repeating: "n", count: 63)] {
            #expect(NodeName(good)?.text == good)
        }
        for bad in ["", "A", "-a", ".a", "a/b", "a b", "ä", String(repeating: "n", count: 64)] {
            #expect(NodeName(bad) == nil)
        }
    }

    @Test(arguments: [(0, "0 B"), (1_023, "1023 B"), (1_536, "1.5 KiB"), (1 << 40, "1.0 TiB")])
    func sizesAreShownWithABinaryUnit(count: Int64, text: String) {
        #expect(ByteCount(count).description == text)
    }

    /// Device numbers are given out anew when a disk is mounted again.
    @Test func aStampIsOfTheSameVersionOnAnotherDeviceNumberAndInNothingElse() {
        let stamp = FileStamp(
            device: 1,
            inode: 2,
            size: 3,
            modifiedNanoseconds: 4,
            changedNanoseconds: 5
        )
        var other = stamp
        other.device = 9
        #expect(other != stamp)
        #expect(other.isSameVersion(as: stamp))
        let changes: [(inout FileStamp) -> Void] = [
            { $0.inode += 1 }, { $0.size += 1 }, { $0.modifiedNanoseconds += 1 },
            { $0.changedNanoseconds += 1 },
        ]
        for change in changes {
            var changed = other
            change(&changed)
            #expect(!changed.isSameVersion(as: stamp))
        }
    }
}
