import MeshIdentity
import MeshModel
import Testing

@Suite struct CertificateTests {
    static let now = UnixMilliseconds(1_795_000_000_000)
    static let day: Int64 = 86_400_000

    let mesh: MeshName
    let node: NodeName
    let authority: Authority
    let identity: TLSIdentity
    let check: PeerCheck

    init() throws {
        self.mesh = try #require(MeshName("plant"))
        self.node = try #require(NodeName("dmz-gateway-01"))
        self.authority = try Authority.create(mesh: self.mesh, at: Self.now)
        self.identity = try TLSIdentity.issue(
            node: self.node,
            mesh: self.mesh,
            by: self.authority,
            days: 90,
            at: Self.now
        )
        self.check = try PeerCheck(
            authorityCertificatePEM: self.authority.certificatePEM,
            mesh: self.mesh
        )
    }

    @Test func aNodeIsKnownByItsNameAndItsKey() async throws {
        let peer = try await self.check.check(
            chainDER: [self.identity.certificateDER],
            at: Self.now
        )
        #expect(peer.name == self.node)
        #expect(peer.fingerprint == self.identity.fingerprint)
        #expect(peer.fingerprint == (try TLSKey(pem: self.identity.keyPEM)).fingerprint)
    }

    @Test func aCertificateIsSmall() throws {
        #expect(self.identity.certificateDER.count < 520)
        let longest = try #require(NodeName(String(repeating: "n", count: 40)))
        let identity = try TLSIdentity.issue(
            node: longest,
            mesh: self.mesh,
            by: self.authority,
            days: 90,
            at: Self.now
        )
        #expect(identity.certificateDER.count < 520)
    }

    @Test func aNodeWhoseClockIsAtTheBeginningStillTrustsItsPeers() async throws {
        let chain = [self.identity.certificateDER]
        for time in [0, Self.now.rawValue + 90 * Self.day - 1_000] {
            _ = try await self.check.check(chainDER: chain, at: UnixMilliseconds(time))
        }
    }

    @Test func anExpiredCertificateIsToldApart() async throws {
        let later = Self.now.adding(milliseconds: 90 * Self.day + 2_000)
        #expect(self.identity.expires == Self.now.adding(milliseconds: 90 * Self.day))
        let error = await #expect(throws: IdentityError.self) {
            try await self.check.check(chainDER: [self.identity.certificateDER], at: later)
        }
        #expect(error?.code == .certificateExpired)
    }

    @Test func anotherAuthorityOfTheSameNameIsNotTrusted() async throws {
        let other = try Authority.create(mesh: self.mesh, at: Self.now)
        let identity = try TLSIdentity.issue(
            node: self.node,
            mesh: self.mesh,
            by: other,
            days: 90,
            at: Self.now
        )
        await self.refuses([identity.certificateDER])
        // Nor when its certificate comes along.
        await self.refuses([identity.certificateDER, try Self.der(other.certificatePEM)])
    }

    @Test func anotherMeshIsNotThisOne() async throws {
        let other = try #require(MeshName("plan"))
        let identity = try TLSIdentity.issue(
            node: self.node,
            mesh: other,
            by: self.authority,
            days: 90,
            at: Self.now
        )
        await self.refuses([identity.certificateDER])
    }

    @Test func theAuthorityIsNoNode() async throws {
        await self.refuses([try Self.der(self.authority.certificatePEM)])
    }

    @Test func whatIsNoChainIsRefused() async throws {
        let good = self.identity.certificateDER
        await self.refuses([])
        await self.refuses([[]])
        await self.refuses([good.dropLast()])
        await self.refuses(Array(repeating: good, count: PeerCheck.chainCountMax + 1))
        await self.refuses([good, [UInt8](repeating: 0, count: 1 << 20)])
    }

    /// Of what is signed; some bits of the envelope mean nothing.
    @Test func everyByteOfACertificateCounts() async throws {
        let good = self.identity.certificateDER
        // Two heads of 4 bytes: that of the certificate, and that of what is signed with its
        // length.
        for index in 4..<8 + Int(good[6]) << 8 + Int(good[7]) {
            var bytes = good
            bytes[index] ^= 1
            let peer = try? await self.check.check(chainDER: [bytes], at: Self.now)
            #expect(peer == nil, "byte \(index) of \(good.count)")
        }
    }

    @Test func anAuthorityIsTakenUpAgain() async throws {
        let again = try Authority(
            keyPEM: self.authority.keyPEM,
            certificatePEM: self.authority.certificatePEM
        )
        let signature = try again.sign([1], context: "tributary index 1")
        let publicKey = try StatementPublicKey(certificatePEM: self.authority.certificatePEM)
        #expect(publicKey == self.authority.publicKey)
        #expect(publicKey.isValid(signature, context: "tributary index 1", over: [1]))
        let identity = try TLSIdentity.issue(
            node: self.node,
            mesh: self.mesh,
            by: again,
            days: 1,
            at: Self.now
        )
        _ = try await self.check.check(chainDER: [identity.certificateDER], at: Self.now)
    }

    @Test func aKeyAndTheCertificateOfAnotherAreRefused() throws {
        let other = try Authority.create(mesh: self.mesh, at: Self.now)
        #expect(throws: IdentityError.self) {
            try Authority(keyPEM: other.keyPEM, certificatePEM: self.authority.certificatePEM)
        }
        #expect(throws: IdentityError.self) {
            try TLSIdentity(
                keyPEM: TLSKey().pem,
                certificatePEM: self.identity.certificatePEM
            )
        }
        #expect(throws: IdentityError.self) {
            try PeerCheck(authorityCertificatePEM: self.authority.keyPEM, mesh: self.mesh)
        }
    }

    @Test func onlyHostNamesBecomeDNSNames() throws {
        func hasDNSName(_ name: String) throws -> Bool {
            let identity = try TLSIdentity.issue(
                node: try #require(NodeName(name)),
                mesh: self.mesh,
                by: self.authority,
                days: 1,
                at: Self.now
            )
            // A dNSName is tagged 0x82 and its length.
            let tagged = [0x82, UInt8(name.utf8.count)] + Array(name.utf8)
            return identity.certificateDER.indices.contains {
                identity.certificateDER[$0...].starts(with: tagged)
            }
        }
        for name in ["relay", "r2", "gate.example"] { #expect(try hasDNSName(name)) }
        for name in ["relay_1", "10.0.0.1", "a..b", "a-", "a.-b"] {
            #expect(try !hasDNSName(name))
        }
    }

    private func refuses(
        _ chain: [[UInt8]],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async {
        let error = await #expect(throws: IdentityError.self, sourceLocation: sourceLocation) {
            try await self.check.check(chainDER: chain, at: Self.now)
        }
        #expect(error?.code == .certificateRefused, sourceLocation: sourceLocation)
    }

    private static func der(_ pem: String) throws -> [UInt8] { try PEM.der(pem) }
}

/// Certificates that the authority of our fixtures did sign, made by another implementation.
@Suite struct ForeignCertificateTests {
    let check: PeerCheck

    init() throws {
        self.check = try PeerCheck(
            authorityCertificatePEM: CertificateVectors.authority,
            mesh: try #require(MeshName("mesh"))
        )
    }

    @Test func aCertificateMadeElsewhereIsGood() async throws {
        let peer = try await self.check.check(
            chainDER: [try PEM.der(CertificateVectors.good)],
            at: CertificateTests.now
        )
        #expect(peer.name.text == "node")
    }

    @Test(arguments: [
        ("two names", CertificateVectors.twoNames),
        ("one end of a link only", CertificateVectors.serverOnly),
        ("no node name", CertificateVectors.badName),
        ("an unknown critical extension", CertificateVectors.criticalUnknown),
    ])
    func itIsRefusedThoughTheAuthoritySignedIt(why: String, certificate: String) async throws {
        let error = await #expect(throws: IdentityError.self, "\(why)") {
            try await self.check.check(
                chainDER: [try PEM.der(certificate)],
                at: CertificateTests.now
            )
        }
        #expect(error?.code == .certificateRefused)
    }

    @Test func aNodeIssuesNoCertificates() async throws {
        let chain = [
            try PEM.der(CertificateVectors.issuedByNode), try PEM.der(CertificateVectors.good),
        ]
        let error = await #expect(throws: IdentityError.self) {
            try await self.check.check(chainDER: chain, at: CertificateTests.now)
        }
        #expect(error?.code == .certificateRefused)
    }
}
