import MeshIdentity
import MeshModel
import MeshTopology
import Testing

@Suite struct RoutesTests {
    /// o1, o2 ─ r1 ─ c and o1 ─ r2 ─ r3 ─ c, with a stub s at r3.
    static let text = """
        mesh: m
        nodes:
          o1: {sends: {f: /f}}
          o2: {sends: {f: /f}}
          r1: {listens: "r1:1"}
          r2: {listens: "r2:1"}
          r3: {listens: "r3:1"}
          s: {}
          c: {receives: /c}
        links: [o1 -> r1, o2 -> r1, o1 -> r2, r2 -> r3, s -> r3, c -> r1, c -> r3]
        """

    @Test func theShortestWayComesFirstAndDetoursFollow() throws {
        let index = try MeshFixture(Self.text).index()
        func hops(_ from: String, _ to: String) throws -> [String] {
            try index.nextHops(from: node(from), to: node(to)).map(\.text)
        }
        #expect(try hops("o1", "c") == ["r1", "r2"])
        #expect(try hops("r1", "c") == ["c", "o1"])
        #expect(try hops("o2", "c") == ["r1"])
        #expect(try hops("s", "o1") == ["r3"])
        #expect(try hops("r3", "o1") == ["r2", "c"])
        #expect(try hops("c", "c") == [])
        #expect(try hops("nobody", "c") == [])
        #expect(try hops("o1", "nobody") == [])
    }

    @Test func theLeastSumOfPreferComesFirst() throws {
        // The satellite is the shortest way and the dearest; both lines to r1 count as the cheaper.
        let index = try MeshFixture(
            """
            mesh: m
            nodes:
              o: {sends: {f: /f}, listens: "o:1"}
              r1: {listens: "r1:1"}
              r2: {listens: "r2:1"}
              c: {receives: /c, listens: "c:1"}
            links:
              - {dial: o -> c, prefer: 301}
              - {dial: o -> r2, prefer: 151}
              - {dial: r1 -> o, prefer: 900}
              - {dial: o -> r1, prefer: 99}
              - r1 -> c
              - r2 -> c
              - r1 -> r2
            """
        ).index()
        #expect(index.links.map(\.prefer) == [301, 151, 900, 99, 100, 100, 100])
        #expect(
            try index.nextHops(from: node("o"), to: node("c")).map(\.text) == ["r1", "r2", "c"]
        )
        // By o it would be 151 + 301.
        #expect(
            try index.nextHops(from: node("r2"), to: node("c")).map(\.text) == ["c", "r1", "o"]
        )
    }

    @Test func ofEqualSumsTheFewerLinksComeFirst() throws {
        let index = try MeshFixture(
            """
            mesh: m
            nodes:
              o: {sends: {f: /f}}
              a: {listens: "a:1"}
              z: {receives: /z, listens: "z:1"}
            links: [{dial: o -> z, prefer: 200}, o -> a, a -> z]
            """
        ).index()
        #expect(try index.nextHops(from: node("o"), to: node("z")).map(\.text) == ["z", "a"])
    }

    @Test func aWayMustNotPassTheReceiverBeforeItsGiver() throws {
        let index = try MeshFixture(Self.text).index()
        func way(_ origin: String, _ giver: String, _ me: String) throws -> Bool {
            try index.hasWay(from: node(origin), through: node(giver), to: node(me))
        }
        #expect(try way("o1", "r1", "c"))
        #expect(try way("o1", "o1", "r1"))
        #expect(try way("o1", "o2", "r1") == false)  // o2 is linked to r1 only.
        #expect(try way("o2", "r3", "c"))  // o2, r1, o1, r2, r3, c
        #expect(try way("o1", "s", "r3") == false)
        #expect(try way("o1", "r2", "c") == false)  // Not linked.
        #expect(try way("c", "r1", "c") == false)
        #expect(try way("o1", "c", "c") == false)
        #expect(try index.neighbours(of: node("r3")).map(\.text).sorted() == ["c", "r2", "s"])
    }

    /// Against the definition: walk every simple path.
    @Test(arguments: 0..<40 as Range<UInt64>)
    func searchesAgreeWithWalkingEveryPath(seed: UInt64) throws {
        var generator = SeededGenerator(state: seed)
        let count = Int.random(in: 2...6, using: &generator)
        var edges: [(Int, Int)] = []
        for one in 0..<count {
            for other in 0..<count
            where one != other && Int.random(in: 0..<3, using: &generator) == 0 {
                edges.append((one, other))
            }
        }
        let nodes = (0..<count).map { "  n\($0): {listens: 'n\($0):1'}" }
        let links = edges.map { "n\($0) -> n\($1)" }
        let text =
            "mesh: m\nnodes:\n\(nodes.joined(separator: "\n"))\n"
            + "links: [\(links.joined(separator: ", "))]\n"
        let index = try MeshFixture(text).index()
        var adjacent = [Set<Int>](repeating: [], count: count)
        for (one, other) in edges {
            adjacent[one].insert(other)
            adjacent[other].insert(one)
        }
        func paths(_ path: [Int], to end: Int) -> [[Int]] {
            guard let last = path.last, last != end else { return [path] }
            return adjacent[last].filter { !path.contains($0) }
                .flatMap { paths(path + [$0], to: end) }
        }
        for from in 0..<count {
            for to in 0..<count where to != from {
                let all = paths([from], to: to)
                var shortest: [Int: Int] = [:]
                for path in all { shortest[path[1]] = min(shortest[path[1]] ?? .max, path.count) }
                let expected = shortest.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
                let hops = try index.nextHops(from: node("n\(from)"), to: node("n\(to)"))
                #expect(hops.map(\.text) == expected.map { "n\($0.key)" }, "seed \(seed)")
                for giver in 0..<count where giver != to {
                    let declared = all.contains { $0.dropLast().last == giver }
                    let found = try index.hasWay(
                        from: node("n\(from)"),
                        through: node("n\(giver)"),
                        to: node("n\(to)")
                    )
                    #expect(found == declared, "seed \(seed)")
                }
            }
        }
    }
}
