import MeshPolicy
import Testing

@Suite struct OpenParcelsTests {
    private var open = OpenParcels(atMost: .init(countMax: 2, briefMax: 100))

    @Test mutating func someAreOpenHoweverLongTheyAre() {
        #expect(self.open.admits(1_000))
        self.open.add(1_000)
        #expect(self.open.admits(.max))
        self.open.add(.max)
        #expect(!self.open.admits())
        #expect(!self.open.admits(1))
    }

    @Test mutating func moreAreAsLongAsAllAreBriefTogether() {
        for _ in 0..<3 {
            #expect(self.open.admits(30))
            self.open.add(30)
        }
        #expect(self.open.admits(10))
        #expect(!self.open.admits(11))
        self.open.add(10)
        #expect(self.open.admits())
        #expect(!self.open.admits(1))
        self.open.add(0)
        self.open.add(.max)
        self.open.add(.max)
        #expect(!self.open.admits())
    }
}
