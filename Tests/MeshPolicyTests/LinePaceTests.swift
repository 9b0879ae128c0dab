import MeshModel
import MeshPolicy
import Testing

@Suite struct LinePaceTests {
    private var pace = LinePace(since: UnixMilliseconds(1_000))

    @Test mutating func itIsWhatCameInTheLastTenthOfASecondOrMore() {
        self.pace.carried(5_000, at: UnixMilliseconds(1_050))
        #expect(self.pace.bytesASecond == 0)
        self.pace.carried(5_000, at: UnixMilliseconds(1_100))
        #expect(self.pace.bytesASecond == 100_000)
        self.pace.carried(60_000, at: UnixMilliseconds(31_100))
        #expect(self.pace.bytesASecond == 2_000)
    }

    @Test mutating func aLineThatWasAtRestIsNotSlow() {
        self.pace.carried(10_000, at: UnixMilliseconds(1_100))
        // A moment between two files is no rest.
        self.pace.carried(1_000, at: UnixMilliseconds(1_150))
        self.pace.began(at: UnixMilliseconds(1_190))
        self.pace.carried(9_000, at: UnixMilliseconds(1_200))
        #expect(self.pace.bytesASecond == 100_000)
        self.pace.carried(1_000, at: UnixMilliseconds(1_250))
        self.pace.began(at: UnixMilliseconds(600_000))
        #expect(self.pace.bytesASecond == 100_000)
        self.pace.carried(30_000, at: UnixMilliseconds(600_100))
        self.pace.carried(30_000, at: UnixMilliseconds(600_200))
        #expect(self.pace.bytesASecond == 300_000)
    }

    @Test mutating func whatWasHeldUpAndComesAtOnceIsNotQuick() {
        self.pace.carried(64_000, at: UnixMilliseconds(4_000))
        self.pace.carried(300_000, at: UnixMilliseconds(4_001))
        self.pace.carried(64_000, at: UnixMilliseconds(4_101))
        #expect(self.pace.bytesASecond < 22_000)
    }

    @Test mutating func aClockThatIsSetBackChangesNothing() {
        self.pace.carried(10_000, at: UnixMilliseconds(1_100))
        self.pace.carried(10_000, at: UnixMilliseconds(100))
        #expect(self.pace.bytesASecond == 100_000)
        self.pace.carried(30_000, at: UnixMilliseconds(200))
        self.pace.carried(30_000, at: UnixMilliseconds(300))
        #expect(self.pace.bytesASecond == 300_000)
    }
}
