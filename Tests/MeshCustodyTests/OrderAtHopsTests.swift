import Glibc
import MeshContent
import MeshCustody
import MeshModel
import MeshProtocol
import MeshTesting
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct OrderAtHopsTests {
    private static func line(_ flow: String) -> String {
        """
        mesh: line
        nodes:
          o: {sends: {f: data}}
          r: {listens: "127.0.0.1:1"}
          hq: {receives: landed}
        links: [o -> r, hq -> r]
        flows: {f: {\(flow)}}
        """
    }

    private static func held(_ report: StatusReport) -> UInt64 {
        report.flows.reduce(0) { $0 + ($1.held ?? 0) }
    }

    private static func age(_ path: String, seconds: Int) {
        var times = [timespec(tv_sec: 1_700_000_000 + seconds, tv_nsec: 0)]
        times.append(times[0])
        utimensat(AT_FDCWD, path, &times, 0)
    }

    @Test func theNewestGoesFirstAtARelayToo() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.line("first: newest"), directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        for node in ["o", "r", "hq"] { try await mesh.start(node) }
        try await mesh.connect("o", "r")
        for file in 1...6 {
            try Scratch.write(noise(120_000, seed: UInt64(file)), to: "\(source)/\(file)")
            Self.age("\(source)/\(file)", seconds: file)
        }
        _ = try await mesh.node("o").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "r") { Self.held($0) == 6 })
        #expect(try await mesh.wait(for: "o") { Self.held($0) == 0 })
        try await mesh.connect("hq", "r")
        #expect(try await mesh.settle())
        var arrived: [(Int, ReportTime)] = []
        for file in 1...6 {
            let parcel = try #require(await mesh.node("hq").trace("\(file)").parcels.first)
            let event = try #require(parcel.events.first { $0.what == "arrived" })
            arrived.append((file, event.at))
        }
        let order = arrived.sorted { $0.1.milliseconds < $1.1.milliseconds }.map(\.0)
        #expect(order == [6, 5, 4, 3, 2, 1])
        await mesh.stop()
    }

    /// As many as have 4 MiB together, on a line that is quick, and two in any case; none before one that
    /// waits for others.
    @Test(
        arguments: [
            ([Int](repeating: 300_000, count: 12), 12), ([Int](repeating: 3 << 20, count: 12), 2),
            ([1 << 20, 1 << 20, 7 << 19, 300_000], 2),
        ],
        [true, false]
    )
    func asManyAreBegunAsAreBriefTogether(
        _ files: (sizes: [Int], begun: Int),
        isQuick: Bool
    ) async throws {
        let (sizes, begun) = (files.sizes, isQuick ? files.begun : 2)
        let scratch = try Scratch()
        let seen = Mutex<Set<ParcelID>>([])
        let isMute = Atomic(false)
        let mesh = try await Self.mesh(scratch, isQuick: isQuick) { node, event in
            switch event {
            // What was begun never ends.
            case .blob(let session, _, _, _)
            where node.text == "r" && isMute.load(ordering: .acquiring):
                return .message(session, .smallAck(0))
            case .message(_, .entries(let parcel, _, _))
            where node.text == "r" && isMute.load(ordering: .acquiring):
                seen.withLock { _ = $0.insert(parcel) }
            default: break
            }
            return event
        }
        let source = try await mesh.home("o").source("f")
        let flow = QueueTarget.flow(try #require(FlowName("f")))
        _ = try await mesh.node("o").hold(flow)
        isMute.store(true, ordering: .releasing)
        for (file, size) in sizes.enumerated() {
            try Scratch.write(noise(size, seed: UInt64(file)), to: "\(source)/\(file)")
            Self.age("\(source)/\(file)", seconds: file)
        }
        let sent = try await mesh.node("o").send([source], wait: .held, id: 3).get()
        #expect(sent.files == UInt64(sizes.count))
        _ = try await mesh.node("o").hold(flow, isHeld: false)
        #expect(try await mesh.wait(for: "o") { _ in seen.withLock { $0.count } == begun })
        #expect(
            try await !mesh.wait(for: "o", seconds: 1) { _ in seen.withLock { $0.count } > begun }
        )
        await mesh.stop()
    }

    /// Two nodes that run and know how quick the line is, by what it has carried.
    private static func mesh(
        _ scratch: Scratch,
        isQuick: Bool,
        watch: @escaping SessionWatch
    ) async throws -> TestMesh {
        let clock = TestClock(step: 0)
        let mesh = try TestMesh(
            Self.line("first: oldest"),
            directory: scratch.path,
            clock: clock,
            watch: watch
        )
        let source = try await mesh.home("o").source("f")
        for node in ["o", "r"] { try await mesh.start(node) }
        try await mesh.connect("o", "r")
        for (id, size) in [isQuick ? 4 << 20 : 70_000, 70_000].enumerated() {
            let file = "\(source)/first-\(id)"
            try Scratch.write(noise(size, seed: 99), to: file)
            _ = try await mesh.node("o").send([file], wait: nil, id: 1 + UInt64(id)).get()
            #expect(
                try await mesh.waitForTrace(of: "first-\(id)", at: "o") { $0.hasPrefix("passed") }
            )
            try Scratch.remove(file)
            clock.advance(milliseconds: 900)
        }
        return mesh
    }

    /// What a neighbour does to offers.
    enum Answer { case none, later }

    /// A neighbour that does not answer, or has one wait, is not offered all there is.
    @Test(arguments: [(true, Answer.none, 32), (true, .later, 6), (false, .none, 6)])
    func noMoreIsOfferedThanWillBeAnsweredSoon(
        isQuick: Bool,
        answer: Answer,
        offered: Int
    ) async throws {
        let scratch = try Scratch()
        let seen = Mutex<Set<ParcelID>>([])
        let isFull = Atomic(false)
        let mesh = try await Self.mesh(scratch, isQuick: isQuick) { node, event in
            guard isFull.load(ordering: .acquiring) else { return event }
            switch event {
            case .message(let session, .offer(let openings, _)) where node.text == "r":
                seen.withLock { $0.formUnion(openings.map(\.id)) }
                return answer == .none ? .message(session, .smallAck(0)) : event
            case .message(let session, .answer(let parcel, .admitted)) where node.text == "o":
                return .message(session, .answer(parcel, .later(until: nil, why: "full")))
            default: return event
            }
        }
        let (source, node) = (try await mesh.home("o").source("f"), try await mesh.node("o"))
        isFull.store(true, ordering: .releasing)
        try Scratch.write(noise(70_000, seed: 50), to: "\(source)/first")
        _ = try await node.send([source], wait: .held, id: 3).get()
        #expect(
            try await mesh.waitForTrace(of: "first", at: "o") {
                $0.hasPrefix("held") && (answer == .none || $0.contains("full"))
            }
        )
        for file in 0..<50 {
            try Scratch.write(noise(70_000, seed: UInt64(file)), to: "\(source)/\(file)")
        }
        _ = try await node.send([source], wait: .held, id: 4).get()
        #expect(try await mesh.wait(for: "o") { _ in seen.withLock { $0.count } == offered })
        #expect(
            try await !mesh.wait(for: "o", seconds: 1) { _ in seen.withLock { $0.count } > offered }
        )
        await mesh.stop()
    }

    @Test(arguments: [900, 150_000])
    func aNewerVersionEndsTheOlderOneThatWaits(size: Int) async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.line("versions: latest"), directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        for node in ["o", "r", "hq"] { try await mesh.start(node) }
        try await mesh.connect("o", "r")
        for version in 1...3 {
            try Scratch.write(noise(size + version, seed: UInt64(version)), to: "\(source)/file")
            _ = try await mesh.node("o").send([source], wait: nil, id: UInt64(version))
                .get()
            let first = try await mesh.wait(for: "r") { report in
                Self.held(report) == 1 && report.flows.first?.ended == UInt64(version - 1)
            }
            #expect(first)
            // The file is read to its end: it may change now.
            #expect(try await mesh.wait(for: "o") { Self.held($0) == 0 })
        }
        try await mesh.connect("hq", "r")
        #expect(try await mesh.settle())
        let states = try await mesh.node("o").trace("file").parcels.map(\.state)
        #expect(states == ["landed", "superseded", "superseded"])
        #expect(mesh.landings.renames == 1)
        let landing = try await mesh.home("hq").landing
        #expect(Scratch.read("\(landing)/o/f/file")?.count == size + 3)
        await mesh.stop()
    }

    @Test func equalFilesOfTwoOriginsComeOnce() async throws {
        let scratch = try Scratch()
        let bytes = Mutex(0)
        let mesh = try TestMesh(
            """
            mesh: two
            nodes:
              o1: {sends: {f1: data}}
              o2: {sends: {f2: data}}
              r: {listens: "127.0.0.1:1"}
              hq: {receives: landed}
            links: [o1 -> r, o2 -> r, hq -> r]
            """,
            directory: scratch.path
        ) { node, event in
            if case .blob(_, _, _, let blob) = event, node.text == "r" {
                bytes.withLock { $0 += blob.bytes.count }
            }
            return event
        }
        let content = noise(20 << 20, seed: 9)
        for origin in ["1", "2"] {
            let source = try await mesh.home("o\(origin)").source("f\(origin)")
            try Scratch.write(content, to: "\(source)/file")
        }
        try await mesh.startAll()
        let sources = [
            try await mesh.home("o1").source("f1"), try await mesh.home("o2").source("f2"),
        ]
        async let first = mesh.node("o1").send([sources[0]], id: 1)
        async let second = mesh.node("o2").send([sources[1]], id: 2)
        #expect(try await first.get().landed == 1)
        #expect(try await second.get().landed == 1)
        // Some blobs may have come for one before the other named them; none comes twice for long.
        #expect(bytes.withLock { $0 } < content.count * 5 / 4)
        #expect(try await mesh.settle())
        await mesh.stop()
    }
}
