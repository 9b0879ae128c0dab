import MeshCustody
import MeshModel
import MeshSpool
import MeshTesting
import Testing

/// Every reason that a file may wait for, as `why` tells it.
@Suite(.timeLimit(.minutes(5))) struct WhyTests {
    static let line = """
        mesh: line
        nodes:
          o: {sends: {f: data}, spool: 128 MiB}
          r: {listens: "127.0.0.1:1", spool: 64 MiB}
          hq: {receives: landed, spool: 128 MiB}
        links: [o -> r, hq -> r]
        flows: {f: {done-when: sent}}
        """

    /// A mesh of which only some nodes run, and the source of `o`.
    private static func mesh(
        _ yaml: String = Self.line,
        in scratch: Scratch,
        running nodes: [String]
    ) async throws -> (TestMesh, source: String) {
        let mesh = try TestMesh(yaml, directory: scratch.path)
        for node in nodes { try await mesh.start(node) }
        return (mesh, try await mesh.home("o").source("f"))
    }

    /// Waits until the first reason at a node is this one.
    private static func reason(
        _ code: WhyCode,
        for path: String,
        at node: String,
        in mesh: TestMesh,
        seconds: Int = 20
    ) async throws -> WhyReport.Reason? {
        var last: WhyReport.Reason?
        _ = try await mesh.wait(for: node, seconds: seconds) { _ in true }
        for _ in 0..<(seconds * 50) {
            last = await mesh.why(path, at: node)?.reasons.first
            if last?.code == code.rawValue { return last }
            _ = try await mesh.wait(for: node, seconds: 1) { _ in true }
        }
        Issue.record("\(path) at \(node): \(String(describing: last)) instead of \(code.rawValue)")
        return nil
    }

    @Test func aFileThatNobodyHandedOverSaysSo() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o"])
        try Scratch.write([1], to: "\(source)/file")
        let item = try #require(await mesh.why("\(source)/file", at: "o"))
        #expect(item.id == nil)
        #expect(item.state == "noticed")
        #expect(item.reasons.map(\.code) == ["not_sent"])
        #expect(item.reasons.first?.hint?.contains("tributary send \(source)/file") == true)
        await mesh.stop()
    }

    @Test func whatIsNoRegularFileNeverTravels() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o"])
        try Scratch.write([1], to: "\(source)/directory/file")
        let item = try #require(await mesh.why("\(source)/directory", at: "o"))
        #expect(item.reasons.map(\.code) == ["not_regular"])
        await mesh.stop()
    }

    @Test func aSourceThatIsGoneIsTheReasonForAllThatIsInIt() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o"])
        try Scratch.remove(source)
        let item = try #require(await mesh.why("\(source)/file", at: "o"))
        #expect(item.reasons.map(\.code) == ["source_missing"])
        await mesh.stop()
    }

    @Test func nothingIsKnownOfWhatIsNotThere() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o"])
        #expect(await mesh.why("\(source)/file", at: "o") == nil)
        #expect(await mesh.why("/elsewhere", at: "o") == nil)
        await mesh.stop()
    }

    @Test func aFileTooLargeForItsSpoolIsNotTaken() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o"])
        try Scratch.write([UInt8](repeating: 0, count: 140 << 20), to: "\(source)/file")
        let item = try #require(await mesh.why("\(source)/file", at: "o"))
        #expect(item.reasons.map(\.code) == ["too_large"])
        await mesh.stop()
    }

    @Test func withoutACallTheStateOfTheNeighbourIsTheReason() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o"])
        try Scratch.write([1], to: "\(source)/file")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        let reason = try await Self.reason(.noCall, for: "file", at: "o", in: mesh)
        #expect(reason?.node == "r")
        #expect(reason?.cause == "calling")
        #expect(reason?.hint == "`tributary call r` tries now.")
        let status = try await mesh.node("o").status()
        #expect(status.neighbours.first?.waiting?.parcels == 1)
        #expect(status.neighbours.first?.waiting?.bytes == 1)
        await mesh.stop()
    }

    @Test func atTheRelayTheDiallerIsWaitedFor() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o", "r"])
        try await mesh.connect("o", "r")
        try Scratch.write([1], to: "\(source)/file")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        let reason = try await Self.reason(.noCall, for: "file", at: "r", in: mesh)
        #expect(reason?.node == "hq")
        #expect(reason?.cause == "expected")
        #expect(reason?.hint == "hq dials this node: run `tributary call r` there.")
        let atOrigin = try await Self.reason(.passed, for: "file", at: "o", in: mesh)
        #expect(atOrigin?.node == "r")
        #expect(await mesh.why("file", at: "o")?.custodian == "r")
        await mesh.stop()
    }

    @Test func aFullNeighbourIsNamedAndSaysWhatLacks() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o", "r"])
        try await mesh.connect("o", "r")
        try Scratch.write(noise(40 << 20, seed: 1), to: "\(source)/a")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        _ = try await Self.reason(.noCall, for: "a", at: "r", in: mesh)
        try Scratch.write(noise(30 << 20, seed: 2), to: "\(source)/b")
        _ = try await mesh.node("o").send([source], wait: nil, id: 2).get()

        let reason = try await Self.reason(.neighbourFull, for: "b", at: "o", in: mesh)
        #expect(reason?.node == "r")
        #expect(reason?.cause == "full")
        #expect(reason?.since != nil)
        let offer = try await Self.reason(.reservation, for: "b", at: "r", in: mesh)
        #expect(offer?.place == 1)
        // It needs 31.5 MiB and there are at most 22 left.
        #expect((offer?.missing ?? 0) > 9 << 20)
        #expect(await mesh.why("b", at: "r")?.state == "offered")
        #expect(
            try await mesh.wait(for: "o") { report in
                report.neighbours.first { $0.name == "r" }?.state == "full"
            }
        )
        // And once there is room, it goes.
        try await mesh.start("hq")
        try await mesh.connect("hq", "r")
        #expect(try await mesh.settle())
        #expect(await mesh.why("b", at: "o")?.reasons.map(\.code) == ["landed"])
        #expect(
            try await mesh.wait(for: "o") { report in
                report.neighbours.first { $0.name == "r" }?.state == "ok"
            }
        )
        await mesh.stop()
    }

    @Test func whatGoesThroughWaitsForTheNodeBehind() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o", "r"])
        try await mesh.connect("o", "r")
        try Scratch.write(noise(90 << 20, seed: 1), to: "\(source)/large")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        let reason = try await Self.reason(.nextHopAsked, for: "large", at: "o", in: mesh)
        #expect(reason?.node == "r")
        let there = try await Self.reason(.noCall, for: "large", at: "r", in: mesh)
        #expect(there?.node == "hq")
        let status = try await mesh.node("r").status()
        #expect(status.counts["next_hops_asked"] == 1)
        await mesh.stop()
    }

    @Test func aLandingThatWaitsSaysWhyAndIsTriedAgain() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o", "r", "hq"])
        let landing = try await mesh.home("hq").landing
        // Its disk is not mounted.
        try Scratch.remove(landing)
        try await mesh.connect("o", "r")
        try await mesh.connect("hq", "r")
        try Scratch.write([1], to: "\(source)/file")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        let item = try await Self.reason(.landingWaits, for: "file", at: "hq", in: mesh)
        #expect(item?.cause == "landing_missing")
        #expect(item?.next != nil)
        #expect(item?.since != nil)
        try RealDisk().makeDirectories(landing)
        let answer = await mesh.retry(.all, at: "hq")
        #expect(try answer.get().landings == 1)
        #expect(try await mesh.settle())
        #expect(Scratch.read("\(landing)/o/f/file") == [1])
        await mesh.stop()
    }

    @Test func aNodeThatStandsStillSaysSoFirst() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o", "r"])
        let backup = try await mesh.backUp("o")
        try await mesh.connect("o", "r")
        try Scratch.write([1], to: "\(source)/file")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        _ = try await Self.reason(.passed, for: "file", at: "o", in: mesh)
        try await mesh.crash("o")
        try await mesh.restore("o", from: backup)
        try await mesh.restart("o")
        #expect(try await mesh.wait(for: "o") { $0.life?.state == "rolled-back" })
        let reason = try #require(await mesh.why("\(source)/file", at: "o")?.reasons.first)
        #expect(reason.code == "standing_still")
        #expect(reason.hint?.contains("tributary adopt") == true)
        await mesh.stop()
    }

    @Test func theEndSaysWhoseWordItIs() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.mesh(in: scratch, running: ["o", "r", "hq"])
        try await mesh.connect("o", "r")
        try await mesh.connect("hq", "r")
        try Scratch.write([1], to: "\(source)/file")
        _ = try await mesh.node("o").send([source], id: 1).get()
        let item = try #require(await mesh.why("\(source)/file", at: "o"))
        #expect(item.state == "landed")
        #expect(item.custodian == nil)
        let reason = try #require(item.reasons.first)
        #expect(reason.code == "landed")
        #expect(reason.node == "hq")
        await mesh.stop()
    }
}
