import MeshModel
import MeshPolicy
import Testing

@Suite struct LargeReadsTests {
    private static func parcel(_ number: UInt8) -> ParcelID {
        ParcelID(.sha256(context: "", [number]))
    }

    private var reads = LargeReads(shortMax: 64, briefMax: 4)

    @Test mutating func aShortOneNeedNotWaitForALongOne() {
        self.reads.begin(Self.parcel(1), size: 1_000)
        #expect(!self.reads.mayBegin(size: 65))
        #expect(self.reads.mayBegin(size: 64))
        self.reads.begin(Self.parcel(2), size: 64)
        #expect(!self.reads.mayBegin(size: 1))
        self.reads.end(Self.parcel(2))
        #expect(self.reads.mayBegin(size: 1))
    }

    @Test mutating func anotherShortOneIsBegunBesideBriefOnesOnly() {
        self.reads.begin(Self.parcel(1), size: 4)
        #expect(self.reads.mayBegin(size: 64))
        self.reads.begin(Self.parcel(2), size: 64)
        #expect(!self.reads.mayBegin(size: 4))
        self.reads.end(Self.parcel(1))
        #expect(!self.reads.mayBegin(size: 4))
    }

    @Test mutating func briefOnesAreCounted() {
        for number in 1...3 as ClosedRange<UInt8> {
            self.reads.begin(Self.parcel(number), size: 1)
            #expect(self.reads.mayBegin(size: 64))
        }
        self.reads.begin(Self.parcel(4), size: 1)
        #expect(!self.reads.mayBegin(size: 1))
        self.reads.end(Self.parcel(2))
        #expect(self.reads.mayBegin(size: 1))
    }

    @Test mutating func shortOnesDoNotKeepALongOneFromStarting() {
        self.reads.begin(Self.parcel(1), size: 4)
        self.reads.putOff(size: 1_000)
        #expect(!self.reads.mayBegin(size: 4), "the long one is next")
        self.reads.end(Self.parcel(1))
        #expect(self.reads.mayBegin(size: 1_000))
        self.reads.lookAgain()
        #expect(self.reads.mayBegin(size: 4), "the long one may have gone")
    }

    @Test mutating func aLongOneBehindALongOneHoldsUpNobody() {
        self.reads.begin(Self.parcel(1), size: 1_000)
        self.reads.putOff(size: 1_000)
        #expect(self.reads.mayBegin(size: 64))
    }
}
