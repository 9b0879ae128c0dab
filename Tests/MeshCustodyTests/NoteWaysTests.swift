import MeshIdentity
import MeshModel
import MeshProtocol
import MeshTopology
import Testing

@testable import MeshCustody
@testable import MeshSpool

/// The choice of the next hop of a note.
struct NoteWaysTests {
    /// a has b beside it, and c further back; b and a are linked with the destination d.
    private static let mesh = """
        mesh: ways
        nodes:
          d: {sends: {f: data}, listens: "127.0.0.1:1"}
          a: {listens: "127.0.0.1:2"}
          b: {listens: "127.0.0.1:3"}
          c: {receives: landed}
        links: [a -> d, b -> d, b -> a, c -> a, c -> b]
        """

    private func ways(from node: String) throws -> NoteWays {
        let topology = try Topology.parse(Self.mesh, file: "test.yaml")
        var keys: [NodeName: PublicIndex.NodeKeys] = [:]
        for node in topology.nodes {
            keys[node.name] = .init(statement: StatementKey().publicKey, tls: .zero)
        }
        let index = try PublicIndex(
            from: topology,
            keys: keys,
            serial: 1,
            at: UnixMilliseconds(1_800_000_000_000)
        )
        return NoteWays(from: try Self.name(node), to: try Self.name("d"), in: index)
    }

    private static func name(_ text: String) throws -> NodeName { try #require(NodeName(text)) }

    private func choice(
        at node: String,
        up: Set<String>,
        cameFrom: String? = nil,
        first: String? = nil,
        hops: UInt32 = 32,
        isLate: Bool = false
    ) throws -> String? {
        let note = WaitingNote(
            destination: try Self.name("d"),
            digest: .zero,
            number: 1,
            body: .statement([]),
            hops: hops,
            cameFrom: cameFrom.flatMap { NodeName($0) },
            firstChoice: first.flatMap { NodeName($0) },
            since: UnixMilliseconds(0)
        )
        return try self.ways(from: node)
            .choose(for: note, isLate: isLate) { up.contains($0.text) }?.text
    }

    @Test func theDestinationItselfComesFirst() throws {
        #expect(try self.choice(at: "a", up: ["b", "c", "d"], first: "b") == "d")
    }

    @Test func theWayThatTheParcelCameIsTakenWhileHopsLast() throws {
        #expect(try self.choice(at: "c", up: ["a", "b"], first: "b") == "b")
        #expect(try self.choice(at: "c", up: ["a", "b"], first: "b", hops: 16) == "a")
        #expect(try self.choice(at: "c", up: ["a"], first: "b") == "a")
    }

    @Test func onlyANearerNeighbourIsTakenAtOnce() throws {
        #expect(try self.choice(at: "a", up: ["b", "c"]) == nil)
        #expect(try self.choice(at: "c", up: ["a", "b"]) == "a")
        #expect(try self.choice(at: "c", up: ["b"]) == "b")
    }

    @Test func afterALongWaitItGoesRoundAndBackAtLast() throws {
        #expect(try self.choice(at: "a", up: ["b", "c"], isLate: true) == "b")
        #expect(try self.choice(at: "a", up: ["b", "c"], cameFrom: "b", isLate: true) == "c")
        #expect(try self.choice(at: "a", up: ["b"], cameFrom: "b", isLate: true) == "b")
        // What is left of the hops is kept for the way that leads there.
        #expect(try self.choice(at: "a", up: ["b"], hops: 3, isLate: true) == nil)
        #expect(try self.choice(at: "a", up: ["d"], hops: 1, isLate: true) == "d")
    }
}
