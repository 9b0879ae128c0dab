import Foundation
import MeshIdentity
import MeshModel
import MeshTopology
import Testing

@testable import MeshNode

@Suite struct HomeTests {
    /// One mesh for all tests that only read it.
    private static let made = Result { try Mesh() }

    private static let now = UnixMilliseconds(1_795_348_800_000)

    @Test(arguments: ["origin", "relay", "collector"])
    func everyHomeThatIsMadeOpens(node: String) async throws {
        let mesh = try Self.made.get()
        let home = try Home.open(mesh.home(node))
        #expect(home.node.text == node)
        #expect(home.index.serial == 1)
        #expect(home.index.signedAt == Self.now)
        try await home.checkCertificate(at: Self.now)
    }

    @Test func relativePathsCountFromTheHome() throws {
        let mesh = try Self.made.get()
        let origin = try Home.open(mesh.home("origin"))
        #expect(origin.view.sends.map(\.path) == [mesh.home("origin") + "/data"])
        let collector = try Home.open(mesh.home("collector"))
        #expect(collector.view.receives.values.map(\.path) == ["/srv/landed"])
    }

    @Test func onlyTheOwnerReadsKeys() throws {
        let mesh = try Self.made.get()
        for name in [
            "authority/authority.key", "origin/keys/tls.key", "origin/keys/statement.key",
        ] {
            #expect(try mesh.permissions(name) == 0o600)
        }
        #expect(try mesh.permissions("origin/keys") == 0o700)
        #expect(try mesh.permissions("origin") == 0o750)
    }

    @Test func noHomeHasTheAuthoritysKey() throws {
        let mesh = try Self.made.get()
        let secret = try String(
            contentsOfFile: mesh.home("authority/authority.key"),
            encoding: .utf8
        )
        for node in ["origin", "relay", "collector"] {
            let files = try FileManager.default.subpathsOfDirectory(atPath: mesh.home(node))
            for file in files {
                let contents = FileManager.default.contents(atPath: mesh.home("\(node)/\(file)"))
                #expect(
                    contents.map { String(decoding: $0, as: UTF8.self).contains(secret) } != true
                )
            }
        }
    }

    @Test func nothingIsOverwritten() throws {
        let mesh = try Mesh()
        let before = try String(
            contentsOfFile: mesh.home("authority/authority.crt"),
            encoding: .utf8
        )
        let error = #expect(throws: NodeError.self) { try mesh.initialise() }
        #expect(error?.code == .homeExists)
        try FileManager.default.removeItem(atPath: mesh.home("relay"))
        #expect(throws: NodeError.self) { try mesh.initialise() }
        #expect(!FileManager.default.fileExists(atPath: mesh.home("relay")))
        let after = try String(
            contentsOfFile: mesh.home("authority/authority.crt"),
            encoding: .utf8
        )
        #expect(before == after)
    }

    @Test func nothingIsLeftBesideTheHomes() throws {
        let mesh = try Self.made.get()
        let names = try FileManager.default.contentsOfDirectory(atPath: mesh.home(""))
        #expect(names.sorted() == ["authority", "collector", "origin", "relay"])
    }

    @Test func aMissingHomeIsSaidToBeMissing() throws {
        let mesh = try Self.made.get()
        let error = #expect(throws: NodeError.self) { try Home.open(mesh.home("nobody")) }
        #expect(error?.code == .homeMissing)
        #expect(error?.hint?.contains("tributary init") == true)
    }

    @Test func aKeyThatOthersMayReadStopsTheNode() throws {
        let mesh = try Mesh()
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o640],
            ofItemAtPath: mesh.home("origin/keys/tls.key")
        )
        let error = #expect(throws: IdentityError.self) { try Home.open(mesh.home("origin")) }
        #expect(error?.code == .privateFileExposed)
    }

    @Test func aChangedViewDoesNotVerify() throws {
        let mesh = try Mesh()
        var bytes = try mesh.read("relay/view.signed")
        bytes[bytes.count / 2] ^= 1
        try mesh.replace("relay/view.signed", with: bytes)
        let error = #expect(throws: TopologyError.self) { try Home.open(mesh.home("relay")) }
        #expect(error?.code == .signatureInvalid || error?.code == .malformed)
    }

    @Test func aViewOfAnotherMeshDoesNotVerify() throws {
        let mesh = try Mesh()
        let stranger = try Mesh()
        try mesh.replace("relay/view.signed", with: stranger.read("relay/view.signed"))
        let error = #expect(throws: TopologyError.self) { try Home.open(mesh.home("relay")) }
        #expect(error?.code == .signatureInvalid)
    }

    @Test(arguments: ["statement.key", "tls.key"])
    func keysOfAnotherNodeDoNotFit(key: String) throws {
        let mesh = try Mesh()
        for name in key == "tls.key" ? ["tls.key", "tls.crt"] : [key] {
            try mesh.replace("relay/keys/\(name)", with: mesh.read("origin/keys/\(name)"))
        }
        let error = #expect(throws: NodeError.self) { try Home.open(mesh.home("relay")) }
        #expect(error?.code == .homeInvalid)
    }

    @Test func whatTheSiteDoesNotAllowIsLeftOutAndSaid() throws {
        let mesh = try Mesh()
        let site = "sources: [/elsewhere]\nspool: 64 MiB\n"
        try mesh.replace("origin/site.yaml", with: Array(site.utf8))
        let home = try Home.open(mesh.home("origin"))
        #expect(home.forbidden.map(\.code.name) == ["site_forbids", "site_forbids"])
        #expect(home.forbidden.contains { $0.message.contains("/data") })
        #expect(home.effectiveView.spool == ByteCount(64 << 20))
        #expect(home.effectiveView.cache <= ByteCount(64 << 20))
        #expect(home.view.spool > ByteCount(64 << 20))
        #expect(!home.site.allowsReading(try #require(home.view.sends.first).path))
    }

    @Test func aSecondDaemonIsTurnedAway() throws {
        let mesh = try Self.made.get()
        let paths = HomePaths(mesh.home("relay"))
        var first: HomeLock? = try HomeLock(paths)
        let error = #expect(throws: NodeError.self) { try HomeLock(paths) }
        #expect(error?.code == .alreadyRunning)
        #expect(error?.message.contains("\(getpid())") == true)
        withExtendedLifetime(first) {}
        first = nil
        _ = try HomeLock(paths)
    }

    @Test func aHomesPathIsAbsolute() {
        #expect(HomePaths("/a/b//").root == "/a/b")
        #expect(HomePaths("/").root == "/")
        #expect(HomePaths("b").root.hasPrefix("/"))
        #expect(HomePaths("b").root.hasSuffix("/b"))
    }

    /// A mesh of three nodes in a directory of its own.
    private final class Mesh: Sendable {
        private let scratch: ScratchDirectory

        init() throws {
            self.scratch = try ScratchDirectory()
            try self.initialise()
        }

        func initialise() throws {
            let topology = try Topology.parse(
                """
                mesh: line
                nodes:
                  origin: {sends: {files: data}}
                  relay: {listens: "127.0.0.1:7441"}
                  collector: {receives: /srv/landed}
                links:
                  - origin -> relay
                  - collector -> relay
                """,
                file: "line.yaml"
            )
            _ = try HomeWriter.initialise(
                topology: topology,
                out: self.scratch.path + "/out",
                at: HomeTests.now
            )
        }

        func home(_ name: String) -> String { self.scratch.path + "/out/" + name }

        func permissions(_ name: String) throws -> Int? {
            let attributes = try FileManager.default.attributesOfItem(atPath: self.home(name))
            return attributes[.posixPermissions] as? Int
        }

        func read(_ name: String) throws -> [UInt8] {
            Array(try Data(contentsOf: URL(filePath: self.home(name))))
        }

        /// Writes in place, so that the mode stays.
        func replace(_ name: String, with bytes: [UInt8]) throws {
            let file = try FileHandle(forWritingTo: URL(filePath: self.home(name)))
            try file.truncate(atOffset: 0)
            try file.write(contentsOf: Data(bytes))
            try file.close()
        }
    }
}
