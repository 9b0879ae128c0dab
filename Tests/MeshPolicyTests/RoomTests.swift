import MeshModel
import MeshPolicy
import Testing

@Suite struct RoomTests {
    private static func name(_ text: String) throws -> NodeName { try #require(NodeName(text)) }

    @Test func oneCollectorHasAllTheRoom() throws {
        let hq = try Self.name("hq")
        let shares = RoomShares(limit: 1 << 30, collectors: [hq])
        #expect(shares.share == 0)
        #expect(shares.free(for: hq, of: 500) == 500)
        #expect(shares.most(for: hq) == (1 << 30) - shares.reserve)
    }

    @Test func whatOthersHaveNotUsedOfTheirShareIsNotFree() throws {
        let (a, b) = (try Self.name("a"), try Self.name("b"))
        var shares = RoomShares(limit: 4_000, collectors: [a, b])
        #expect(shares.share == 1_000)
        #expect(shares.free(for: a, of: 2_500) == 1_500)
        shares.used[b] = 400
        #expect(shares.free(for: a, of: 2_500) == 1_900)
        shares.used[b] = 3_000
        #expect(shares.free(for: a, of: 900) == 900)
    }

    @Test func aShareStaysFreeWhileALargeOfferWaits() throws {
        let (a, b) = (try Self.name("a"), try Self.name("b"))
        var shares = RoomShares(limit: 4_000, collectors: [a, b])
        shares.used[b] = 2_000
        // Everything common is promised to an offer for b: a still has what is its own.
        #expect(shares.free(for: a, of: 1_900, keeping: 5_000) == 1_000)
        shares.used[a] = 700
        #expect(shares.free(for: a, of: 1_200, keeping: 5_000) == 300)
    }

    @Test func whoHadTheLeastGoesNext() {
        var turns = FairTurns<String>()
        var order: [String] = []
        for _ in 0..<6 {
            guard let next = turns.next(of: ["large", "small"]) else { break }
            order.append(next)
            turns.took(next == "large" ? 1_000 : 250, by: next)
        }
        #expect(order == ["large", "small", "small", "small", "small", "large"])
        #expect(turns.next(of: [String]()) == nil)
    }

    @Test func nobodySavesUpTurns() {
        var turns = FairTurns<String>()
        for _ in 0..<100 {
            _ = turns.next(of: ["old"])
            turns.took(1_000, by: "old")
        }
        // One that comes anew begins where the other is.
        var order: [String] = []
        for _ in 0..<4 {
            guard let next = turns.next(of: ["new", "old"]) else { break }
            order.append(next)
            turns.took(1_000, by: next)
        }
        #expect(order == ["new", "old", "new", "old"])
    }
}
