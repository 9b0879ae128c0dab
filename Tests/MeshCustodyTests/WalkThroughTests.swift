import MeshCustody
import MeshTesting
import Testing

/// The walk-through of the custody rules: a crash at any point, at any node, loses nothing and
/// repeats nothing.
@Suite(.serialized, .timeLimit(.minutes(5))) struct WalkThroughTests {
    static let line = """
        mesh: line
        nodes:
          origin: {sends: {files: data}}
          relay: {listens: "127.0.0.1:1"}
          collector: {listens: "127.0.0.1:2", receives: landed}
        links:
          - origin -> relay
          - relay -> collector
        """

    /// Every point, at every node that comes by it.
    static let crashes: [(String, CrashPoint)] = [
        ("origin", .afterOpeningSync), ("origin", .midSlice), ("origin", .afterClosing),
        ("origin", .onCustodyArrival), ("origin", .beforeNoted),
        ("relay", .afterAdmitted), ("relay", .midSlice), ("relay", .afterBlobSync),
        ("relay", .afterClosing), ("relay", .afterCustodyRecord), ("relay", .onCustodyArrival),
        ("relay", .beforeNoted),
        ("collector", .afterAdmitted), ("collector", .midSlice), ("collector", .afterBlobSync),
        ("collector", .afterClosing), ("collector", .afterCustodyRecord),
        ("collector", .afterIntent), ("collector", .afterRename), ("collector", .afterLanded),
    ]

    /// The relay is too small for the large file: it lets it through.
    static let narrow = line.replacing(
        #"relay: {listens: "127.0.0.1:1"}"#,
        with: #"relay: {listens: "127.0.0.1:1", spool: 64 MiB}"#
    )

    static let crashesOnTheWayThrough: [(String, CrashPoint)] = [
        ("origin", .midSlice), ("origin", .onCustodyArrival),
        ("relay", .afterAdmitted), ("relay", .midSlice), ("relay", .afterBlobSync),
        ("relay", .afterClosing), ("relay", .onCustodyArrival), ("relay", .beforeNoted),
        ("collector", .afterAdmitted), ("collector", .afterBlobSync),
        ("collector", .afterCustodyRecord),
    ]

    @Test(arguments: Self.crashes)
    func aCrashLosesNothingAndRepeatsNothing(node: String, point: CrashPoint) async throws {
        try await self.walk(Self.line, noise(1_500_000, seed: 1), node, point)
    }

    @Test(arguments: Self.crashesOnTheWayThrough)
    func aCrashWhileAParcelGoesThroughLosesNothing(node: String, point: CrashPoint) async throws {
        try await self.walk(Self.narrow, noise(63 << 20, seed: 1), node, point)
    }

    /// What lands is in no log: the relay stays custodian until it is whole.
    static let inPlace = line.replacing(
        "receives: landed",
        with: "receives: {files: {path: landed, copy: false}}"
    )

    @Test(arguments: Self.crashes.filter { $0.0 == "collector" } + [("relay", .midSlice)])
    func aCrashWhileAFileIsWrittenInPlaceLosesNothing(
        node: String,
        point: CrashPoint
    ) async throws {
        try await self.walk(Self.inPlace, noise(1_500_000, seed: 1), node, point)
    }

    private func walk(
        _ topology: String,
        _ large: [UInt8],
        _ node: String,
        _ point: CrashPoint
    ) async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(topology, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing
        let small = noise(5_000, seed: 2)
        try Scratch.write(large, to: "\(source)/large")
        try Scratch.write(small, to: "\(source)/deep/small")
        try await mesh.startAll()
        try await mesh.arm(node, at: point)

        async let sent = mesh.node("origin").send([source], id: mesh.nextTask())
        // Either the node dies on the way, or the point was never reached.
        let victim = try await mesh.node(node)
        let ended = await victim.end()
        #expect(throws: Never.self) { try ended.get() }
        #expect(mesh.hasCrashed)
        try await mesh.crash(node, kept: .nothing)
        try await mesh.restart(node)
        if node == "origin" {
            // The command died with its node; what it handed over is asked for again.
            guard case .failure = try await sent else {
                return #expect(Bool(false), "the command outlived its node")
            }
            let again = try await mesh.node("origin").send([source], id: mesh.nextTask())
            #expect(try again.get().landed == 2)
        } else {
            #expect(try await sent.get().landed == 2)
        }

        #expect(Scratch.read("\(landing)/origin/files/large") == large)
        #expect(Scratch.read("\(landing)/origin/files/deep/small") == small)
        #expect(mesh.landings.renames == 2)
        #expect(try await mesh.settle())
        await mesh.stop()
    }
}
