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
