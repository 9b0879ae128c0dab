import MeshIdentity
import MeshModel
import MeshTopology
import Testing

@Suite struct PublicIndexTests {
    @Test func whatTheAuthoritySignedIsReadBack() throws {
        let mesh = try MeshFixture(TopologyTests.smallest)
        let index = try mesh.index(serial: 7)
        let bytes = try index.signed(by: mesh.authority)
        let read = try PublicIndex(verifying: bytes, authority: mesh.authority.publicKey)
        #expect(read.mesh == index.mesh)
        #expect(read.serial == 7)
        #expect(read.signedAt == MeshFixture.time)
        #expect(read.nodes == index.nodes)
        #expect(read.flows == index.flows)
        #expect(read.links == index.links)
        let buoy = try node("buoy-7")
        let keys = try #require(mesh.keys[buoy])
        #expect(read.statementKey(buoy, keys.statement.keyID) == keys.statement)
        #expect(read.statementKey(try node("dmz"), keys.statement.keyID) == nil)
        #expect(read.tlsFingerprints(of: buoy) == [keys.tls])
        #expect(read.tlsFingerprints(of: try node("stranger")).isEmpty)
        let sonar = try #require(FlowName("sonar"))
        #expect(read.flow(sonar)?.collector == (try node("hq")))
    }

    @Test func noByteOfASignedIndexCanBeChanged() throws {
        let mesh = try MeshFixture(TopologyTests.smallest)
        let bytes = try mesh.index().signed(by: mesh.authority)
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= 0x01
            #expect(throws: TopologyError.self, "byte \(index)") {
                try PublicIndex(verifying: changed, authority: mesh.authority.publicKey)
            }
        }
        for count in stride(from: 0, to: bytes.count, by: 7) {
            #expect(throws: TopologyError.self, "first \(count) bytes") {
                try PublicIndex(
                    verifying: Array(bytes.prefix(count)),
                    authority: mesh.authority.publicKey
                )
            }
        }
    }

    @Test func anotherAuthoritysIndexIsRefused() throws {
        let mesh = try MeshFixture(TopologyTests.smallest)
        let other = try MeshFixture(TopologyTests.smallest)
        let bytes = try mesh.index().signed(by: mesh.authority)
        let error = #expect(throws: TopologyError.self) {
            try PublicIndex(verifying: bytes, authority: other.authority.publicKey)
        }
        #expect(error?.code == .signatureInvalid)
    }

    @Test func aViewIsNoIndex() throws {
        let mesh = try MeshFixture(TopologyTests.smallest)
        let view = try View(of: node("hq"), in: mesh.topology, serial: 1)
        let bytes = try view.signed(by: mesh.authority)
        let error = #expect(throws: TopologyError.self) {
            try PublicIndex(verifying: bytes, authority: mesh.authority.publicKey)
        }
        #expect(error?.code == .signatureInvalid)
    }

    @Test func anIndexLargerThanAnyIsNotParsed() throws {
        let mesh = try MeshFixture(TopologyTests.smallest)
        let error = #expect(throws: TopologyError.self) {
            try PublicIndex(
                verifying: [UInt8](repeating: 0, count: Limits.topologyBytesMax + 1),
                authority: mesh.authority.publicKey
            )
        }
        #expect(error?.code == .tooLarge)
    }

    @Test func everyNodeNeedsKeys() throws {
        let mesh = try MeshFixture(TopologyTests.smallest)
        let error = #expect(throws: TopologyError.self) {
            try PublicIndex(from: mesh.topology, keys: [:], serial: 1, at: MeshFixture.time)
        }
        #expect(error?.code == .unknownNode)
    }

    /// The wire form: only the signature, 66 bytes after the head, differs from run to run.
    @Test func theBytesAreThoseOfTheSpecification() throws {
        // The generator of P-256: a valid point that needs no key of ours.
        let point = try #require(
            Hex.decode("036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
        )
        let key = try #require(StatementPublicKey(bytes: point))
        let topology = try Topology.parse(
            """
            mesh: m
            nodes: {a: {sends: {f: /f}}, b: {receives: /r, listens: "b:1"}}
            links: [a -> b]
            """,
            file: "t"
        )
        let keys = PublicIndex.NodeKeys(statement: key, tls: Digest.sha256([]))
        let index = try PublicIndex(
            from: topology,
            keys: [try node("a"): keys, try node("b"): keys],
            serial: 3,
            at: UnixMilliseconds(1_000)
        )
        let authority = try Authority.create(mesh: topology.mesh, at: MeshFixture.time)
        let bytes = try index.signed(by: authority)
        let headCount = Int(bytes[1]) + 2
        #expect(bytes[headCount..<headCount + 2].elementsEqual([0x12, 64]))
        #expect(
            Hex.encode(bytes.prefix(headCount))
                == "0a2c0a016d100318e80720042a20"
                + "21834a2993bc41b6e4e48d778d8b6af0a130844cb1848931c8c9267b6ee7c721"
        )
        let nodeEntry =
            "12250a21036b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2961003"
            + "1a20e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        #expect(
            Hex.encode(bytes.dropFirst(headCount + 66))
                == "1a4e0a4c0a0161\(nodeEntry)1a4e0a4c0a0162\(nodeEntry)"
                + "1a1512130a01661201611a016222066f6c6465737430021a0a1a080a01611201621864"
        )
    }
}
