import MeshContent
import MeshCustody
import MeshFiles
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Synchronization
import Testing

/// Bytes, fdatasync, index, acknowledgement: in this order for every kind of record, at every node.
@Suite(.serialized, .timeLimit(.minutes(5))) struct DurableFramesTests {
    typealias Step = SpoolOptions.CommitStep

    @Test func nothingIsSaidBeforeItsRecordIsDurableAndIndexed() async throws {
        let run = try await Self.run([.sync, .index, .publish])
        let violations = try run.violations()
        #expect(violations == [])
        // Every kind that the spine writes was there to be checked.
        let kinds = Set(try run.checkedKinds())
        let expected: Set<RecordKind> = [
            .opening, .small, .admission, .entries, .blob, .closing, .statement, .intent, .landed,
        ]
        #expect(expected.subtracting(kinds) == [])
    }

    @Test(arguments: [
        [Step.index, .publish],  // the sync is skipped
        [.index, .sync, .publish],  // the row comes before the sync
        [.index, .publish, .sync],  // the acknowledgement comes before the sync
    ])
    func everyMutantIsCaught(steps: [Step]) async throws {
        let run = try await Self.run(steps)
        #expect(try run.violations() != [])
    }

    @Test func aSegmentWhoseDirectoryIsNotSyncedIsCaught() async throws {
        let run = try await Self.run([.sync, .index, .publish])
        run.forgetDirectorySyncs()
        #expect(try run.violations() != [])
    }

    /// Carries a large and a small file over three nodes and records everything.
    private static func run(_ steps: [Step]) async throws -> TracedRun {
        let scratch = try Scratch()
        let run = TracedRun()
        let mesh = try TestMesh(
            WalkThroughTests.line,
            directory: scratch.path,
            watch: { run.watch($0, $1) }
        )
        for node in TracedRun.nodes {
            let disk = FaultyDisk()
            run.disks[node] = disk
            try await mesh.set(
                node,
                disk: TracingDisk(run.watched(disk, node), run.trace(of: node)),
                commitSteps: steps
            )
        }
        let collector = run.trace(of: "collector")
        mesh.landings.hear { step in
            switch step {
            case .renamed: collector.note("renamed")
            case .syncedDirectory: collector.note("directory")
            case .syncedFile: collector.note("file")
            case .madeDirectory, .wrote: break
            }
        }
        for node in TracedRun.nodes { try await mesh.start(node) }
        for node in TracedRun.nodes { run.register(node, try await mesh.node(node).spool) }
        let source = try await mesh.home("origin").source("files")
        try Scratch.write(noise(1_200_000, seed: 4), to: "\(source)/large")
        try Scratch.write(noise(4_000, seed: 5), to: "\(source)/small")
        try await mesh.connect("origin", "relay")
        try await mesh.connect("relay", "collector")
        let origin = try await mesh.node("origin")
        // A mutant may never come to an end: what it said until then is enough.
        let sending = Task { await origin.send([source], id: 1) }
        _ = try await mesh.wait(for: "collector", seconds: 3) { $0.flows.first?.landed == 2 }
        _ = try await mesh.settle(seconds: 1)
        await mesh.stop()
        _ = await sending.value
        return run
    }
}
