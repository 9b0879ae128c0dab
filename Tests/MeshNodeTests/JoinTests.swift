import Foundation
import MeshCustody
import MeshIdentity
import MeshModel
import MeshTopology
import Testing

@testable import MeshNode

/// Keys made at nodes, certified at the authority, taken over at nodes.
@Suite struct JoinTests {
    static let now = UnixMilliseconds(1_795_348_800_000)
    static let day: Int64 = 86_400_000

    let scratch: ScratchDirectory
    let site: Site

    init() throws {
        self.scratch = try ScratchDirectory()
        self.site = Site(path: self.scratch.path)
        try self.site.makeAuthority()
    }

    @Test func nodesMakeTheirKeysAndJoin() async throws {
        let requests = try ["origin", "relay", "collector"].map { try self.site.request($0) }
        let issued = try self.site.issue(requests)
        #expect(issued.serial == 1)
        #expect(issued.members.map(\.change) == [.new, .new, .new])
        #expect(issued.members.map(\.fingerprint) == requests.map(\.fingerprint))
        #expect(issued.waiting.isEmpty)
        for node in ["origin", "relay", "collector"] {
            let join = try await self.site.join(node)
            #expect(join.isFirst)
            let home = try Home.open(self.site.home(node))
            #expect(home.node.text == node)
            #expect(home.forbidden.isEmpty)
            try await home.checkCertificate(at: Self.now)
            let names = try FileManager.default.contentsOfDirectory(atPath: self.site.home(node))
            #expect(
                names.sorted() == ["index.signed", "keys", "site.yaml", "spool", "view.signed"]
            )
        }
    }

    @Test func privateKeysNeverLeaveTheirHome() async throws {
        _ = try self.site.issue([try self.site.request("origin")])
        let secrets = try ["tls.key", "statement.key"].map { name in
            let path = self.site.home("origin") + "/keys/\(name)"
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
            return try String(contentsOfFile: path, encoding: .utf8)
        }
        for directory in ["authority", "out"] {
            let root = self.scratch.path + "/" + directory
            for file in try FileManager.default.subpathsOfDirectory(atPath: root) {
                let bytes = FileManager.default.contents(atPath: root + "/" + file) ?? Data()
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(!secrets.contains { text.contains($0.split(separator: "\n")[1]) })
            }
        }
    }

    @Test func askedAgainAHomeAsksForTheSameKeys() throws {
        let first = try self.site.request("origin")
        let second = try HomeKeys(HomePaths(self.site.home("origin")))
            .request(node: nil, mesh: nil, newKeys: false, at: Self.now).request
        #expect(second.fingerprint == first.fingerprint)
        #expect(second.node == first.node)
        #expect(throws: NodeError.self) { try self.site.request("relay", home: "origin") }
    }

    @Test func aHomeWithoutANameSaysSo() throws {
        let error = #expect(throws: NodeError.self) {
            try HomeKeys(HomePaths(self.site.home("x")))
                .request(node: nil, mesh: nil, newKeys: false, at: Self.now)
        }
        #expect(error?.code == .nodeUnnamed)
    }

    @Test func nodesMayComeOneByOne() async throws {
        let first = try self.site.issue([try self.site.request("relay")])
        #expect(first.waiting.map(\.text) == ["origin", "collector"])
        _ = try await self.site.join("relay")
        let second = try self.site.issue([
            try self.site.request("origin"), try self.site.request("collector"),
        ])
        #expect(second.serial == 2)
        #expect(second.members.map(\.change) == [.new, .kept, .new])
        let join = try await self.site.join("relay")
        #expect(!join.isFirst)
        #expect(join.previousSerial == 1)
        #expect(join.home.index.node(try #require(NodeName("origin")))?.statementKey != nil)
    }

    @Test func aRequestThatDoesNotFitTheTopologyIsRefused() throws {
        let stranger = try self.site.request("stranger")
        let ofAnotherMesh = try HomeKeys(HomePaths(self.site.home("o2"))).request(
            node: NodeName("origin"),
            mesh: MeshName("elsewhere"),
            newKeys: false,
            at: Self.now
        ).request
        let origin = try self.site.request("origin")
        for requests in [[stranger], [ofAnotherMesh], [origin, origin]] {
            let error = #expect(throws: NodeError.self) { try self.site.issue(requests) }
            #expect(error?.code == .requestRefused)
        }
        #expect(!FileManager.default.fileExists(atPath: self.scratch.path + "/out"))
    }

    @Test func theKeysOfOneNodeAreNotThoseOfAnother() throws {
        let origin = try self.site.request("origin")
        _ = try self.site.issue([origin])
        // A copied home whose request names another node.
        let keys = try #require(try HomeKeys(HomePaths(self.site.home("origin"))).current())
        let copied = try KeyRequest.make(
            node: try #require(NodeName("relay")),
            mesh: nil,
            statementKey: keys.statement,
            tlsKey: keys.tls,
            replacing: nil,
            at: Self.now
        )
        let error = #expect(throws: NodeError.self) {
            try self.site.issue([try KeyRequest(armoured: copied)])
        }
        #expect(error?.code == .requestRefused)
    }

    @Test func aFileForAnotherNodeIsRefused() async throws {
        _ = try self.site.issue([
            try self.site.request("origin"), try self.site.request("relay"),
        ])
        await self.expect(.wrongNode) { try await self.site.join("relay", home: "origin") }
        #expect(!FileManager.default.fileExists(atPath: self.site.home("origin") + "/site.yaml"))
    }

    @Test func aFileForOtherKeysIsRefused() async throws {
        _ = try self.site.issue([try self.site.request("origin")])
        // Set up anew: the same name, other keys.
        _ = try self.site.request("origin", home: "again")
        await self.expect(.wrongNode) { try await self.site.join("origin", home: "again") }
    }

    @Test func everyChangedFileIsRefusedAndNothingIsInstalled() async throws {
        _ = try self.site.issue([try self.site.request("origin")])
        let file = self.site.file("origin")
        let whole = try JoinFile(armoured: try String(contentsOfFile: file, encoding: .utf8))
        let stranger = try Authority.create(mesh: self.site.mesh, at: Self.now)
        func flipped(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            bytes[bytes.count / 2] ^= 1
            return bytes
        }
        let changed = [
            JoinFile(
                authorityCertificatePEM: whole.authorityCertificatePEM,
                certificatePEM: whole.certificatePEM,
                view: flipped(whole.view),
                index: whole.index
            ),
            JoinFile(
                authorityCertificatePEM: whole.authorityCertificatePEM,
                certificatePEM: whole.certificatePEM,
                view: whole.view,
                index: flipped(whole.index)
            ),
            JoinFile(
                authorityCertificatePEM: stranger.certificatePEM,
                certificatePEM: whole.certificatePEM,
                view: whole.view,
                index: whole.index
            ),
            JoinFile(
                authorityCertificatePEM: whole.authorityCertificatePEM,
                certificatePEM: try stranger.issueTLS(
                    node: try #require(NodeName("origin")),
                    mesh: self.site.mesh,
                    publicKeyDER: try self.site.request("origin").tlsKeyDER,
                    days: 10,
                    at: Self.now
                ),
                view: whole.view,
                index: whole.index
            ),
        ]
        for join in changed {
            try Data(try join.armoured().utf8).write(to: URL(filePath: file))
            await #expect(throws: (any Error).self) { try await self.site.join("origin") }
            #expect(
                !FileManager.default.fileExists(atPath: self.site.home("origin") + "/site.yaml")
            )
        }
        try Data("nonsense".utf8).write(to: URL(filePath: file))
        await #expect(throws: IdentityError.self) { try await self.site.join("origin") }
    }

    @Test func anotherAuthorityIsRefused() async throws {
        _ = try self.site.issue([try self.site.request("origin")])
        _ = try await self.site.join("origin")
        let other = Site(path: self.scratch.path + "/other")
        try other.makeAuthority()
        _ = try other.issue([try self.site.request("origin")])
        await self.expect(.authorityChanged) {
            try await HomeJoin(
                file: other.file("origin"),
                home: self.site.home("origin"),
                at: Self.now
            )
        }
    }

    @Test func anOlderFileIsRefused() async throws {
        _ = try self.site.issue([try self.site.request("origin")])
        let old = self.scratch.path + "/old.join"
        try FileManager.default.copyItem(atPath: self.site.file("origin"), toPath: old)
        _ = try self.site.issue([])
        _ = try await self.site.join("origin")
        await self.expect(.joinOutdated) {
            try await HomeJoin(file: old, home: self.site.home("origin"), at: Self.now)
        }
    }

    @Test func aCertificateIsRenewedForTheSameKeys() async throws {
        _ = try self.site.issue([try self.site.request("origin")])
        _ = try await self.site.join("origin")
        let before = try Home.open(self.site.home("origin"))
        let later = Self.now.adding(milliseconds: 300 * Self.day)
        let issued = try self.site.issue([try self.site.request("origin")], at: later)
        #expect(issued.members.map(\.change) == [.renewed])
        _ = try await self.site.join("origin", at: later)
        let after = try Home.open(self.site.home("origin"))
        #expect(after.tls.fingerprint == before.tls.fingerprint)
        #expect(
            after.tls.expires.rawValue - before.tls.expires.rawValue == 300 * Self.day
        )
        let report = try KeysReport(home: self.site.home("origin"), at: later)
        #expect(report.certificate?.daysLeft == Int64(KeyIssue.daysUsual))
        #expect(report.serial == 2)
    }

    @Test func newKeysAreInUseOnceTheNodeHasJoined() async throws {
        _ = try self.site.issue([try self.site.request("origin")])
        _ = try await self.site.join("origin")
        let before = try Home.open(self.site.home("origin"))
        let request = try HomeKeys(before.paths)
            .request(node: nil, mesh: nil, newKeys: true, at: Self.now).request
        #expect(request.fingerprint != (try HomeKeys(before.paths).current()?.fingerprint))
        // Until then the old ones are.
        #expect(try Home.open(self.site.home("origin")).tls.fingerprint == before.tls.fingerprint)
        let issued = try self.site.issue([request])
        #expect(issued.members.map(\.change) == [.rekeyed])
        _ = try await self.site.join("origin")
        let after = try Home.open(self.site.home("origin"))
        #expect(after.tls.fingerprint == request.tlsFingerprint)
        #expect(after.statementKey.publicKey == request.statementKey)
        #expect(try HomeKeys(after.paths).next() == nil)
        // Neighbours accept both, and what the old key signed stays true.
        #expect(
            after.index.tlsFingerprints(of: after.node)
                == [before.tls.fingerprint, after.tls.fingerprint]
        )
        let old = before.statementKey.publicKey
        #expect(after.index.statementKey(after.node, old.keyID) == old)
        #expect(after.index.node(after.node)?.statementKeys.map(\.toSerial) == [1, nil])
    }

    @Test func keysThatTheOldOnesDoNotAgreeToNeedAWord() throws {
        _ = try self.site.issue([try self.site.request("origin")])
        let anew = try self.site.request("origin", home: "again")
        let error = #expect(throws: NodeError.self) { try self.site.issue([anew]) }
        #expect(error?.code == .keyChangeUnproven)
        let issued = try self.site.issue([anew], replacing: ["origin"])
        #expect(issued.members.map(\.change) == [.replaced])
        let index = try #require(try self.site.lastIndex())
        // What was lost opens nothing any more.
        #expect(
            index.tlsFingerprints(of: try #require(NodeName("origin"))) == [anew.tlsFingerprint]
        )
    }

    @Test func aJoinThatACrashCutShortIsFinished() async throws {
        _ = try self.site.issue([try self.site.request("origin")])
        _ = try await self.site.join("origin")
        let paths = HomePaths(self.site.home("origin"))
        let request = try HomeKeys(paths)
            .request(node: nil, mesh: nil, newKeys: true, at: Self.now).request
        _ = try self.site.issue([request])
        // The crash came right after the rename that makes it so.
        try FileManager.default.copyItem(
            atPath: self.site.file("origin"),
            toPath: paths.pendingJoin
        )
        // Or a little later: some steps are done already.
        try FileManager.default.removeItem(atPath: paths.tlsKey)
        try FileManager.default.moveItem(atPath: paths.nextTLSKey, toPath: paths.tlsKey)
        let home = try Home.open(paths.root)
        #expect(home.index.serial == 2)
        #expect(home.tls.fingerprint == request.tlsFingerprint)
        #expect(!FileManager.default.fileExists(atPath: paths.pendingJoin))
    }

    @Test func aJoinNeverChangesWhatTheSiteAllows() async throws {
        _ = try self.site.issue([try self.site.request("origin")])
        _ = try await self.site.join("origin")
        let file = self.site.home("origin") + "/site.yaml"
        let before = try String(contentsOfFile: file, encoding: .utf8)
        self.site.source.set("/etc")
        _ = try self.site.issue([])
        let join = try await self.site.join("origin")
        #expect(try String(contentsOfFile: file, encoding: .utf8) == before)
        #expect(join.home.forbidden.map(\.code.name) == ["site_forbids"])
        #expect(try Home.open(self.site.home("origin")).forbidden.count == 1)
    }

    @Test func aSealedAuthorityIssuesWithItsPassphrase() throws {
        let sealed = Site(path: self.scratch.path + "/sealed")
        try sealed.makeAuthority(passphrase: Array("open".utf8))
        let key = try String(
            contentsOfFile: sealed.path + "/authority/authority.key",
            encoding: .utf8
        )
        #expect(SealedKey.isSealed(key))
        #expect(throws: IdentityError.self) {
            try AuthorityStore(sealed.path + "/authority").open { Array("shut".utf8) }
        }
        _ = try AuthorityStore(sealed.path + "/authority").open { Array("open".utf8) }
    }

    private func expect(
        _ code: NodeError.Code,
        _ body: () async throws -> HomeJoin
    ) async {
        do {
            _ = try await body()
            Issue.record("It was accepted.")
        } catch {
            #expect((error as? NodeError)?.code == code, "\(error)")
        }
    }
}

extension JoinTests {
    /// An authority, and machines that have nothing of it.
    struct Site {
        let path: String
        let source = Text("data")

        /// A text that tests change.
        final class Text {
            private(set) var text: String
            init(_ text: String) { self.text = text }
            func set(_ text: String) { self.text = text }
        }

        var mesh: MeshName { get throws { try #require(MeshName("line")) } }
        func home(_ node: String) -> String { "\(self.path)/homes/\(node)" }
        func file(_ node: String) -> String { "\(self.path)/out/\(node).join" }

        private func topology() throws -> Topology {
            try Topology.parse(
                """
                mesh: line
                nodes:
                  origin: {sends: {files: \(self.source.text)}}
                  relay: {listens: "127.0.0.1:7441"}
                  collector: {receives: /srv/landed}
                links:
                  - origin -> relay
                  - collector -> relay
                """,
                file: "line.yaml"
            )
        }

        func makeAuthority(passphrase: [UInt8]? = nil) throws {
            try FileManager.default.createDirectory(
                atPath: self.path,
                withIntermediateDirectories: true
            )
            try AuthorityStore(self.path + "/authority").create(
                try Authority.create(mesh: try self.mesh, at: JoinTests.now),
                passphrase: passphrase
            )
        }

        private func open() throws -> (AuthorityStore, Authority) {
            let store = AuthorityStore(self.path + "/authority")
            return (store, try store.open { [] })
        }

        func lastIndex() throws -> PublicIndex? {
            let (store, authority) = try self.open()
            return try store.lastIndex(authority)
        }

        func request(_ node: String, home: String? = nil) throws -> KeyRequest {
            try HomeKeys(HomePaths(self.home(home ?? node))).request(
                node: NodeName(node),
                mesh: nil,
                newKeys: false,
                at: JoinTests.now
            ).request
        }

        func issue(
            _ requests: [KeyRequest],
            replacing: [String] = [],
            at now: UnixMilliseconds = JoinTests.now
        ) throws -> KeyIssue.Issued {
            let (store, authority) = try self.open()
            var issue = KeyIssue(
                store: store,
                authority: authority,
                topology: try self.topology()
            )
            issue.replacing = Set(replacing.compactMap { NodeName($0) })
            return try issue.issue(requests, to: self.path + "/out", at: now)
        }

        func join(
            _ node: String,
            home: String? = nil,
            at now: UnixMilliseconds = JoinTests.now
        ) async throws -> HomeJoin {
            let join = try await HomeJoin(
                file: self.file(node),
                home: self.home(home ?? node),
                at: now
            )
            try join.install()
            return join
        }
    }
}
