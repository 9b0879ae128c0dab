import Foundation
import MeshCustody
import MeshIdentity
import MeshModel
import MeshTopology
import Testing

@testable import MeshNode

@Suite struct DoctorTests {
    static let now = UnixMilliseconds(1_795_348_800_000)
    static let day: Int64 = 86_400_000

    let scratch: ScratchDirectory
    private var home: String { self.scratch.path + "/mesh/origin" }

    init() throws {
        self.scratch = try ScratchDirectory()
        let topology = try Topology.parse(
            """
            mesh: line
            nodes:
              origin: {sends: {files: data}}
              relay: {listens: "host.invalid:7441"}
              collector: {receives: landed}
            links:
              - origin -> relay
              - collector -> relay
            """,
            file: "line.yaml"
        )
        _ = try HomeWriter.initialise(
            topology: topology,
            out: self.scratch.path + "/mesh",
            at: Self.now
        )
    }

    private func examine(
        _ node: String = "origin",
        at now: UnixMilliseconds = Self.now
    ) async -> DoctorReport {
        await Doctor(home: self.scratch.path + "/mesh/" + node, at: now).examine()
    }

    private static func found(_ report: DoctorReport, _ check: String) -> [DoctorReport.Check] {
        report.checks.filter { $0.check == check }
    }

    @Test func aNewHomeNeedsADaemonAndItsNeighbours() async throws {
        try FileManager.default.createDirectory(
            atPath: self.home + "/data",
            withIntermediateDirectories: false
        )
        let report = await self.examine()
        #expect(report.node == "origin")
        #expect(!report.isRunning)
        let bad = report.checks.filter { $0.state != .ok }
        #expect(bad.map(\.check) == ["daemon", "dns"], "\(bad)")
        #expect(bad.allSatisfy { $0.hint != nil })
        #expect(bad.last?.about == "relay")
        #expect(bad.last?.state == .error)
        let fine = ["home", "permissions", "certificate", "site", "clock", "spool_disk", "source"]
        for check in fine { #expect(Self.found(report, check).map(\.state) == [.ok], "\(check)") }
        // Nothing is left of measuring the disk.
        let left = try FileManager.default.contentsOfDirectory(atPath: self.home + "/spool")
        #expect(left == [])
    }

    @Test func aCertificateThatEndsSoonIsAWarningAndThenAnError() async {
        let year = Int64(KeyIssue.daysUsual) * Self.day
        for (days, state) in [(-29, DoctorReport.State.warning), (-31, .ok), (1, .error)] {
            let now = Self.now.adding(milliseconds: year + Int64(days) * Self.day - 1_000)
            let found = Self.found(await self.examine(at: now), "certificate")
            #expect(found.map(\.state) == [state], "\(days)")
        }
    }

    @Test func aClockBeforeTheAuthoritysIsWrong() async {
        let report = await self.examine(at: Self.now.adding(milliseconds: -1))
        #expect(Self.found(report, "clock").map(\.state) == [.error])
    }

    @Test func aClockBeforeWhatTheSpoolSaysIsWrong() async throws {
        let log = self.home + "/spool/log"
        try FileManager.default.createDirectory(atPath: log, withIntermediateDirectories: false)
        let written = Date(timeIntervalSince1970: Double(Self.now.rawValue) / 1_000 + 3_600)
        _ = FileManager.default.createFile(
            atPath: log + "/00000001.seg",
            contents: nil,
            attributes: [.modificationDate: written]
        )
        #expect(Self.found(await self.examine(), "clock").map(\.state) == [.error])
        let later = Self.now.adding(milliseconds: 3_600_000)
        #expect(Self.found(await self.examine(at: later), "clock").map(\.state) == [.ok])
    }

    @Test func aClockIsComparedWithNeighbours() throws {
        let home = try Home.open(self.home)
        let origin = try #require(NodeName("origin"))
        for (ahead, state) in [
            (Int64(5_000), DoctorReport.State.ok), (-70_000, .warning), (2 * Self.day, .error),
        ] {
            var status = StatusReport(
                node: origin,
                mesh: home.mesh,
                incarnation: Incarnation(number: 1, random: 1),
                started: Self.now,
                spool: .init(limit: .zero, used: .zero),
                neighbours: [.init(name: origin, state: .ok)],
                flows: []
            )
            status.neighbours[0].clockAhead = ahead
            let found = DoctorDaemon.clock(home, status, at: Self.now)
            #expect(found.map(\.state) == [state], "\(found)")
        }
    }

    @Test func looseFilesAreErrorsWithTheCommandThatMendsThem() async throws {
        let key = self.home + "/keys/statement.key"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: key)
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o777],
            ofItemAtPath: self.home
        )
        let report = await self.examine()
        #expect(report.node == nil)
        #expect(Self.found(report, "home").map(\.state) == [.error])
        let found = Self.found(report, "permissions")
        #expect(found.map(\.state) == [.error, .error])
        #expect(found.map(\.about) == [self.home, key])
        #expect(found.last?.hint?.hasPrefix("chmod 600 \(key)") == true)
    }

    @Test func whatTheSiteForbidsIsAWarning() async throws {
        try Data("sources: []\nspool: 64 MiB\n".utf8)
            .write(to: URL(filePath: self.home + "/site.yaml"))
        let report = await self.examine()
        #expect(Self.found(report, "site").map(\.state) == [.warning, .warning])
        // What is left undone is not examined.
        #expect(Self.found(report, "source").isEmpty)
    }

    @Test func aMissingSourceIsAWarningAndAMissingLandingIsMade() async {
        #expect(Self.found(await self.examine(), "source").map(\.state) == [.warning])
        let landing = Self.found(await self.examine("collector"), "landing")
        #expect(landing.map(\.state) == [.ok])
    }

    @Test func aDaemonThatDoesNotAnswerIsAnError() async throws {
        let lock = try HomeLock(HomePaths(self.home))
        let found = Self.found(await self.examine(), "daemon")
        #expect(found.map(\.state) == [.error])
        withExtendedLifetime(lock) {}
    }

    @Test func aPortThatIsNotOursIsAnError() async {
        let found = Self.found(await self.examine("relay"), "listen")
        #expect(found.map(\.state) == [.error])
    }

    @Test func noHomeIsSaidAndNothingElse() async {
        let report = await Doctor(home: self.scratch.path + "/none", at: Self.now).examine()
        #expect(report.checks.map(\.check).first == "home")
        #expect(report.count(.error) == 1)
    }

    @Test func theLimitOfAProcessIsRead() {
        let limits = """
            Limit                     Soft Limit           Hard Limit           Units     
            Max processes             63704                63704                processes 
            Max open files            1024                 524288               files     
            """
        #expect(DoctorLimits.openFiles(in: limits) == 1_024)
        #expect(DoctorLimits.openFiles(in: "nothing") == nil)
    }
}
