import MeshIdentity
import MeshModel
import MeshTopology
import Testing

/// A parsed topology whose nodes have keys.
struct MeshFixture {
    let topology: Topology
    let keys: [NodeName: PublicIndex.NodeKeys]
    let authority: Authority

    static let time = UnixMilliseconds(1_800_000_000_000)

    init(_ text: String) throws {
        self.topology = try Topology.parse(text, file: "t")
        self.keys = Dictionary(
            uniqueKeysWithValues: self.topology.nodes.map { node in
                let tls = Digest.sha256(Array(node.name.text.utf8))
                return (
                    node.name,
                    PublicIndex.NodeKeys(statement: StatementKey().publicKey, tls: tls)
                )
            }
        )
        self.authority = try Authority.create(mesh: self.topology.mesh, at: Self.time)
    }

    func index(serial: UInt64 = 1) throws -> PublicIndex {
        try PublicIndex(from: self.topology, keys: self.keys, serial: serial, at: Self.time)
    }
}

/// A name that the test knows to be one.
func node(_ text: String) throws -> NodeName { try #require(NodeName(text)) }

/// SplitMix64 (Steele, Lea, Flood 2014), so that a failing case can be repeated from its seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}
