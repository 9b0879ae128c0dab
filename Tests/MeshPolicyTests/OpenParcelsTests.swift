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

    @Test func onASlowLineFewerAre() {
        let limit = OpenParcels.Limit(countMax: 2, briefMax: 100).brief(atMost: 50)
        var open = OpenParcels(atMost: limit)
        for _ in 0..<2 { open.add(20) }
        #expect(open.admits(10))
        #expect(!open.admits(11))
        var none = OpenParcels(atMost: limit.brief(atMost: 0))
        none.add(1)
        #expect(none.admits(.max))
        none.add(1)
        #expect(!none.admits(1))
        #expect(!none.admits())
    }
}
