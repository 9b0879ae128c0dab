import MeshIdentity
import MeshModel
import MeshTopology
import Testing

@Suite struct ViewTests {
    @Test func aViewHoldsOnlyWhatItsNodeNeeds() throws {
        let mesh = try MeshFixture(RoutesTests.text)
        let view = try View(of: node("r3"), in: mesh.topology, serial: 4)
        #expect(view.listens == Endpoint("r3:1"))
        #expect(view.sends.isEmpty)
        #expect(view.receives.isEmpty)
        // All three dial r3: it needs no address of theirs.
        #expect(view.neighbours.map(\.name.text) == ["c", "r2", "s"])
        #expect(view.neighbours.allSatisfy { $0.dial == nil })
        let origin = try View(of: node("o1"), in: mesh.topology, serial: 4)
        #expect(origin.neighbours.map { $0.dial?.description } == ["r1:1", "r2:1"])
        #expect(origin.sends.map(\.collector.text) == ["c"])
    }

    @Test func twoNodesThatDialEachOtherBothKnowTheAddress() throws {
        let topology = try Topology.parse(
            """
            mesh: m
            nodes: {a: {listens: "a:1"}, b: {listens: "b:1"}}
            links: [a -> b, b -> a]
            """,
            file: "t"
        )
        let a = try View(of: node("a"), in: topology, serial: 1)
        let b = try View(of: node("b"), in: topology, serial: 1)
        #expect(a.neighbours.map(\.dial) == [Endpoint("b:1")])
        #expect(b.neighbours.map(\.dial) == [Endpoint("a:1")])
    }

    @Test(arguments: ["o1", "r1", "s", "c"])
    func whatTheAuthoritySignedIsReadBack(name: String) throws {
        let mesh = try MeshFixture(RoutesTests.text)
        let view = try View(of: node(name), in: mesh.topology, serial: 4)
        let bytes = try view.signed(by: mesh.authority)
        #expect(try View(verifying: bytes, authority: mesh.authority.publicKey) == view)
    }

    @Test func noByteOfASignedViewCanBeChanged() throws {
        let mesh = try MeshFixture(RoutesTests.text)
        let view = try View(of: node("o1"), in: mesh.topology, serial: 4)
        let bytes = try view.signed(by: mesh.authority)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x01
            #expect(throws: TopologyError.self, "byte \(index)") {
                try View(verifying: changed, authority: mesh.authority.publicKey)
            }
        }
    }

    /// Every key that a view carries, with a value that is not the usual one.
    static let particular = """
        mesh: m
        nodes:
          a:
            sends: {f: {path: /f, copy: false}}
            spool: 1 GiB
            cache: 128 MiB
            quota: {origin: 64 MiB, neighbour: 32 MiB}
          b: {receives: {f: {path: /r, copy: false}}, listens: "b:1"}
        links: [{dial: a -> b, speed: 64 kbit/s, keepalive: 5 min, prefer: 20}]
        flows:
          f:
            first: smallest
            backlog: last
            done-when: marker .ok
            versions: latest
            class: urgent
            largest: 1 GiB
            profile: 2
        """

    @Test func whatIsParticularToANodeTravelsInItsView() throws {
        let mesh = try MeshFixture(Self.particular)
        let bytes = try View(of: node("a"), in: mesh.topology, serial: 4)
            .signed(by: mesh.authority)
        let view = try View(verifying: bytes, authority: mesh.authority.publicKey)
        let source = try #require(view.sends.first)
        #expect(source.first == .smallest)
        #expect(source.backlogLast)
        #expect(source.doneWhen == .marker(suffix: ".ok"))
        #expect(source.latestOnly)
        #expect(!source.isCopied)
        #expect(source.parcelClass == 1)
        #expect(source.largest == .gibibytes(1))
        #expect(source.profile == 2)
        #expect(view.cache == .mebibytes(128))
        #expect(view.quotaPerOrigin == .mebibytes(64))
        #expect(view.quotaPerNeighbour == .mebibytes(32))
        let collector = try View(of: node("b"), in: mesh.topology, serial: 4)
            .signed(by: mesh.authority)
        let landing = try View(verifying: collector, authority: mesh.authority.publicKey)
            .resolvingPaths(beneath: "/home/b").receives.values.first
        #expect(landing?.path == "/r" && landing?.isCopied == false)
        let b = try #require(view.neighbours.first)
        #expect(b.speed == LineSpeed(bitsPerSecond: 64_000))
        #expect(b.keepalive == .every(seconds: 300))
        let other = try View(of: node("b"), in: mesh.topology, serial: 4)
        #expect(other.neighbours.map(\.speed) == [b.speed])
        #expect(other.cache == .mebibytes(2_560))
        #expect(other.quotaPerOrigin == nil)
        // Whatever else is declared, relays need the order, the class and the preference.
        let index = try PublicIndex(
            verifying: mesh.index().signed(by: mesh.authority),
            authority: mesh.authority.publicKey
        )
        let flow = try #require(index.flows.first)
        #expect(flow.first == .smallest)
        #expect(flow.latestOnly)
        #expect(flow.parcelClass == 1)
        #expect(index.links.map(\.prefer) == [20])
    }

    @Test func ofTwoLinksTheOneThatANodeDialsCountsForItsCalls() throws {
        let topology = try Topology.parse(
            """
            mesh: m
            nodes: {a: {listens: "a:1"}, b: {listens: "b:1"}}
            links:
              - {dial: a -> b, keepalive: 10 s}
              - {dial: b -> a, keepalive: off, speed: 1 Gbit/s}
            """,
            file: "t"
        )
        let a = try View(of: node("a"), in: topology, serial: 1)
        let b = try View(of: node("b"), in: topology, serial: 1)
        #expect(a.neighbours.map(\.keepalive) == [.every(seconds: 10)])
        #expect(b.neighbours.map(\.keepalive) == [.off])
        #expect(a.neighbours.map(\.speed?.bitsPerSecond) == [1_000_000_000])
    }

    @Test func aStrangerHasNoView() throws {
        let mesh = try MeshFixture(TopologyTests.smallest)
        let error = #expect(throws: TopologyError.self) {
            try View(of: node("nobody"), in: mesh.topology, serial: 1)
        }
        #expect(error?.code == .unknownNode)
    }

    @Test func relativePathsCountFromTheHome() throws {
        let topology = try Topology.parse(
            """
            mesh: m
            nodes:
              a: {sends: {f: data, g: /g}}
              b: {receives: landed, listens: "b:1"}
            links: [a -> b]
            """,
            file: "t"
        )
        let a = try View(of: node("a"), in: topology, serial: 1)
        #expect(a.resolvingPaths(beneath: "/home/a").sends.map(\.path) == ["/home/a/data", "/g"])
        let b = try View(of: node("b"), in: topology, serial: 1)
        let landings = b.resolvingPaths(beneath: "/home/b/").receives.values.map(\.path)
        #expect(landings == ["/home/b/landed", "/home/b/landed"])
    }
}
