package import MeshCustody
import MeshFiles
package import MeshIdentity
import MeshLinks
import MeshModel
import MeshProtocol
package import MeshSpool
package import MeshTopology
import NIOCore
import NIOPosix

/// What stays of a node when it is not running: its keys, its place in the mesh, its disk.
package struct TestHome: Sendable {
    /// Its place in the mesh.
    package internal(set) var view: View
    let index: PublicIndex
    let indexBytes: [UInt8]
    /// What it signs with.
    package let key: StatementKey
    /// Where its files are.
    package internal(set) var directory: String
    /// How the spool commits; a mutant permutes it.
    var commitSteps: [SpoolOptions.CommitStep] = [.sync, .index, .publish]
    var segmentBytes: UInt64? = 4 << 20
    /// How many bytes of blobs the spool keeps in memory, if not as many as usual.
    var freshBytes: Int?
    /// What a test wants otherwise of its engine.
    var adjust: (@Sendable (inout EngineParts) -> Void)?

    /// Where the node takes its files from.
    package func source(_ flow: String) -> String {
        self.view.sends.first { $0.flow.text == flow }?.path ?? self.directory
    }

    /// Where the node lands files.
    package var landing: String { self.view.receives.values.first?.path ?? self.directory }
}

/// A node that runs in this process: a real engine on a real spool.
package struct TestNode: Sendable {
    /// Its engine.
    package let engine: Engine
    /// Its spool.
    package let spool: Spool
    let running: Task<Result<Void, any Error>, Never>

    /// Waits until the node has stopped, by itself or not.
    ///
    /// - Returns: What stopped it.
    package func end() async -> Result<Void, any Error> { await self.running.value }

    /// The node's word on itself.
    package func status() async -> StatusReport {
        await withCheckedContinuation { continuation in
            self.engine.post(.tick)
            self.engine.post(.command(.status { continuation.resume(returning: $0) }))
        }
    }

    /// What the node notices in its sources.
    package func sources() async -> SourcesReport {
        await withCheckedContinuation { continuation in
            self.engine.post(.tick)
            self.engine.post(.command(.sources { continuation.resume(returning: $0) }))
        }
    }

    /// What the node knows of a path.
    package func trace(_ path: String) async -> TraceReport {
        await withCheckedContinuation { continuation in
            self.engine.post(
                .command(
                    .trace(.path(Array(path.utf8))) { continuation.resume(returning: $0) }
                )
            )
        }
    }

    /// Has the node go on as itself in its next life.
    package func adopt(isForced: Bool = false) async -> Result<AdoptReport, EngineError> {
        await withCheckedContinuation { continuation in
            self.engine.post(
                .command(.adopt(isForced: isForced) { continuation.resume(returning: $0) })
            )
        }
    }

    /// Empties the node's spool, with time going on.
    package func drain(
        to: String? = nil,
        patience: Int64
    ) async -> Result<DrainReport, EngineError> {
        let engine = self.engine
        let ticks = MultiThreadedEventLoopGroup.singleton.any().scheduleRepeatedTask(
            initialDelay: .zero,
            delay: .milliseconds(5)
        ) { _ in engine.post(.tick) }
        defer { ticks.cancel() }
        return await withCheckedContinuation { continuation in
            self.engine.post(
                .command(
                    .drain(
                        DrainTask(
                            id: 1,
                            to: to.flatMap { NodeName($0) },
                            patience: patience,
                            staysShut: false,
                            progress: { _ in },
                            reply: { continuation.resume(returning: $0) }
                        )
                    )
                )
            )
        }
    }

    /// What the node, a collector, knows of its origins.
    package func sites() async -> Result<SitesReport, EngineError> {
        await withCheckedContinuation { continuation in
            self.engine.post(.command(.sites { continuation.resume(returning: $0) }))
        }
    }

    /// Hands files over, and waits as long as it is told to.
    package func send(
        _ paths: [String],
        flow: String? = nil,
        wait: SendWait? = .landed,
        id: UInt64
    ) async -> Result<SendReport, EngineError> {
        await withCheckedContinuation { continuation in
            let task = SendTask(
                id: id,
                paths: paths.map { Array($0.utf8) },
                flow: flow.flatMap { FlowName($0) },
                wait: wait,
                progress: { _ in },
                reply: { continuation.resume(returning: $0) }
            )
            self.engine.post(.command(.send(task)))
        }
    }
}
