import MeshCustody
import MeshModel
import MeshSpool
import MeshTesting
import Testing

/// What an operator does with what waits: list it, hold it, let it go, try it again.
@Suite(.timeLimit(.minutes(5))) struct QueueTests {
    static let flow = FlowName("f")

    /// Origin and relay run and hold `count` small files and a large one; the collector is away.
    private static func waiting(
        _ count: Int,
        in scratch: Scratch
    ) async throws -> (TestMesh, source: String) {
        let mesh = try TestMesh(WhyTests.line, directory: scratch.path)
        for node in ["o", "r"] { try await mesh.start(node) }
        try await mesh.connect("o", "r")
        let source = try await mesh.home("o").source("f")
        for number in 0..<count {
            try Scratch.write([UInt8(truncatingIfNeeded: number)], to: "\(source)/small-\(number)")
        }
        try Scratch.write(noise(1 << 20, seed: 3), to: "\(source)/large")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        _ = try await mesh.wait(for: "r") { report in
            report.flows.first?.held == UInt64(count + 1) && report.spool.reservations == 0
        }
        return (mesh, source)
    }

    private static func list(_ mesh: TestMesh, _ question: QueueQuestion) async throws
        -> QueueReport
    {
        try await QueueReader(mesh.node("r").engine, page: 4).list(question)
    }

    @Test func everyPageGoesOnWhereTheLastOneEnded() async throws {
        let scratch = try Scratch()
        let (mesh, _) = try await Self.waiting(10, in: scratch)
        var question = QueueQuestion()
        question.limit = 3
        var paths: [String] = []
        var pages = 0
        while pages < 10 {
            let page = try await Self.list(mesh, question)
            #expect(page.parcels.count <= 3)
            paths += page.parcels.map(\.path)
            pages += 1
            guard let more = page.more else { break }
            question.after = more
        }
        #expect(paths.count == 11)
        #expect(Set(paths).count == 11)
        await mesh.stop()
    }

    @Test func aListShowsWhyAndForWhom() async throws {
        let scratch = try Scratch()
        let (mesh, _) = try await Self.waiting(2, in: scratch)
        var question = QueueQuestion()
        question.neighbour = NodeName("hq")
        let there = try await Self.list(mesh, question)
        #expect(there.parcels.count == 3)
        #expect(there.more == nil)
        let reasons = there.parcels.compactMap(\.reasons.first)
        #expect(Set(reasons.map(\.code)) == ["no_call"])
        #expect(Set(reasons.map(\.node)) == ["hq"])
        question.neighbour = NodeName("o")
        #expect(try await Self.list(mesh, question).parcels.isEmpty)

        question = QueueQuestion()
        question.code = .neighbourFull
        #expect(try await Self.list(mesh, question).parcels.isEmpty)
        question.code = .noCall
        question.filter.flow = Self.flow
        question.filter.origin = NodeName("o")
        question.filter.state = .held
        #expect(try await Self.list(mesh, question).parcels.count == 3)
        question.filter.origin = NodeName("hq")
        #expect(try await Self.list(mesh, question).parcels.isEmpty)
        await mesh.stop()
    }

    @Test func agesAreAddedUpByFlowAndNextHop() async throws {
        let scratch = try Scratch()
        let (mesh, _) = try await Self.waiting(2, in: scratch)
        let engine = try await mesh.node("r").engine
        let first = try #require(
            try await Self.list(mesh, QueueQuestion()).parcels.first?.arrived.milliseconds
        )
        let day: Int64 = 86_400_000
        let report = try await QueueReader(engine).ages(at: first.adding(milliseconds: day / 2))
        let line = try #require(report.lines.first)
        #expect(report.lines.count == 1)
        #expect(line.flow == "f")
        #expect(line.node == "hq")
        #expect(line.buckets.map(\.parcels) == [0, 0, 3, 0, 0])
        #expect(line.total.bytes == 1 << 20 + 2)
        #expect(line.oldest.milliseconds == first)
        let later = try await QueueReader(engine).ages(at: first.adding(milliseconds: 30 * day))
        #expect(later.lines.first?.buckets.map(\.parcels) == [0, 0, 0, 0, 3])
        await mesh.stop()
    }

    @Test func aParcelThatIsHeldWaitsThroughARestartUntilItIsReleased() async throws {
        let scratch = try Scratch()
        let (mesh, _) = try await Self.waiting(2, in: scratch)
        for path in ["small-1", "large"] {
            let report = try await mesh.node("r").hold(.parcels(.path(Array(path.utf8))))
            #expect(report.parcels == 1)
            #expect(report.begun == 0)
        }
        try await mesh.crash("r")
        try await mesh.start("hq")
        try await mesh.restart("r")
        let landing = try await mesh.home("hq").landing
        #expect(try await mesh.wait(for: "r") { $0.flows.first?.held == 2 })
        let item = await mesh.why("small-1", at: "r")
        #expect(item?.reasons.map(\.code) == ["held_back"])
        #expect(Scratch.read("\(landing)/o/f/small-1") == nil)
        #expect(Scratch.read("\(landing)/o/f/large") == nil)

        for path in ["small-1", "large"] {
            let query = TraceQuery.path(Array(path.utf8))
            #expect(try await mesh.node("r").hold(.parcels(query), isHeld: false).parcels == 1)
        }
        #expect(try await mesh.settle())
        #expect(Scratch.read("\(landing)/o/f/small-1") == [1])
        #expect(Scratch.read("\(landing)/o/f/large") != nil)
        await mesh.stop()
    }

    @Test func aFlowThatIsHeldKeepsWhatComesLaterToo() async throws {
        let scratch = try Scratch()
        let (mesh, source) = try await Self.waiting(1, in: scratch)
        let flow = try #require(Self.flow)
        #expect(try await mesh.node("r").hold(.flow(flow)).flow == "f")
        try Scratch.write([7], to: "\(source)/later")
        _ = try await mesh.node("o").send([source], wait: nil, id: 2).get()
        try await mesh.crash("r")
        try await mesh.start("hq")
        try await mesh.restart("r")
        #expect(try await mesh.wait(for: "r") { $0.flows.first?.held == 3 })
        #expect(try await mesh.node("r").status().counts["flows_held_back"] == 1)
        #expect(await mesh.why("later", at: "r")?.reasons.first?.code == "flow_held_back")
        _ = try await mesh.node("r").hold(.flow(flow), isHeld: false)
        #expect(try await mesh.settle())
        await mesh.stop()
    }

    @Test func whatIsHeldAtTheCollectorDoesNotLand() async throws {
        let scratch = try Scratch()
        let (mesh, _) = try await Self.waiting(1, in: scratch)
        let flow = try #require(Self.flow)
        try await mesh.start("hq")
        _ = try await mesh.node("hq").hold(.flow(flow))
        try await mesh.connect("hq", "r")
        #expect(try await mesh.wait(for: "r") { $0.flows.first?.held == 0 })
        #expect(try await mesh.wait(for: "hq") { $0.flows.first?.held == 2 })
        #expect(await mesh.why("large", at: "hq")?.reasons.map(\.code) == ["flow_held_back"])
        #expect(mesh.landings.renames == 0)
        _ = try await mesh.node("hq").hold(.flow(flow), isHeld: false)
        #expect(try await mesh.settle())
        #expect(mesh.landings.renames == 2)
        await mesh.stop()
    }

    @Test func aParcelThatIsNotHereCannotBeHeld() async throws {
        let scratch = try Scratch()
        let (mesh, _) = try await Self.waiting(1, in: scratch)
        let node = try await mesh.node("o")
        for query in [TraceQuery.path(Array("nothing".utf8)), .id([1, 2, 3, 4])] {
            let error = await #expect(throws: EngineError.self) {
                try await node.hold(.parcels(query))
            }
            #expect(error?.code == "not_found")
        }
        // It was here, and has gone on.
        let gone = await #expect(throws: EngineError.self) {
            try await node.hold(.parcels(.path(Array("large".utf8))))
        }
        #expect(gone?.message.contains("passed on") == true)
        let flow = try #require(FlowName("other"))
        let error = await #expect(throws: EngineError.self) { try await node.hold(.flow(flow)) }
        #expect(error?.hint == "Its flows are: f.")
        await mesh.stop()
    }

    @Test func aRefusalIsForgottenOnlyWhenAskedTo() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(
            """
            mesh: fork
            nodes:
              o: {sends: {f: data}, spool: 256 MiB}
              a: {listens: "127.0.0.1:1", spool: 64 MiB, quota: {origin: 10 MiB}}
              b: {listens: "127.0.0.1:2", spool: 256 MiB}
              hq: {receives: landed, spool: 256 MiB}
            links: [o -> a, o -> b, hq -> a, hq -> b]
            flows: {f: {done-when: sent}}
            """,
            directory: scratch.path
        )
        let source = try await mesh.home("o").source("f")
        for node in ["o", "a"] { try await mesh.start(node) }
        try await mesh.connect("o", "a")
        try Scratch.write(noise(12 << 20, seed: 1), to: "\(source)/large")
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        // Once it is captured.
        #expect(try await mesh.wait(for: "o") { $0.spool.reservations == 0 })
        var codes: [String] = []
        for _ in 0..<500 where !codes.contains("refused_by") {
            _ = try await mesh.wait(for: "o") { _ in true }
            codes = await mesh.why("large", at: "o")?.reasons.map(\.code) ?? []
        }
        #expect(Set(codes) == ["refused_by", "no_call"])
        let refused = await mesh.why("large", at: "o")?.reasons.first { $0.code == "refused_by" }
        #expect(refused?.cause == "quota")
        #expect(refused?.node == "a")
        let node = try #require(NodeName("b"))
        #expect(try await mesh.retry(.neighbour(node), at: "o").get().refusals == 0)
        let report = try await mesh.retry(.all, at: "o").get()
        #expect(report.refusals == 1)
        #expect(report.neighbours == ["b"])
        await mesh.stop()
    }
}
