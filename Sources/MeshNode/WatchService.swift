import MeshCustody
import MeshFiles
import MeshModel
import ServiceLifecycle

/// Watches sources and tells the engine what happens there.
struct WatchService: Service {
    let sources: [FlowName: SourceRoot]
    let engine: Engine

    func run() async throws {
        let engine = self.engine
        let watches = self.sources.map { flow, root in
            SourceWatch(root) { engine.post(.capture(.heard(flow, $0))) }
        }
        for watch in watches { watch.start() }
        defer { for watch in watches { watch.stop() } }
        try? await gracefulShutdown()
    }
}
