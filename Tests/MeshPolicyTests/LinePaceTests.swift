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

    @Test mutating func aClockThatIsSetBackChangesNothing() {
        self.pace.carried(10_000, at: UnixMilliseconds(1_100))
        self.pace.carried(10_000, at: UnixMilliseconds(100))
        #expect(self.pace.bytesASecond == 100_000)
        self.pace.carried(30_000, at: UnixMilliseconds(200))
        #expect(self.pace.bytesASecond == 300_000)
    }
}
