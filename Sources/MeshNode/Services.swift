import Dispatch
import Logging
import MeshCustody
import MeshLinks
import MeshModel
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Runs the engine; told to stop, it says goodbye, and what is under way stays for the next start.
struct EngineService: Service {
    let engine: Engine

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await self.engine.run()
        } onGracefulShutdown: {
            self.engine.post(.end)
            self.engine.post(.stop)
        }
    }
}

/// Keeps the spool small: snapshots when they are due, segments that nobody needs removed.
struct MaintenanceService: Service {
    let spool: Spool
    let logger: Logger
    private static let queue = DispatchQueue(label: "tributary.maintenance")

    func run() async throws {
        let (spool, logger) = (self.spool, self.logger)
        let timer = DispatchSource.makeTimerSource(queue: Self.queue)
        timer.schedule(deadline: .now() + 5, repeating: 5)
        timer.setEventHandler {
            do { try spool.maintain() } catch {
                logger.error("Spool not maintained", metadata: ["error": "\(error)"])
            }
        }
        timer.activate()
        defer { timer.cancel() }
        try? await gracefulShutdown()
    }
}

/// Tells the engine that time has passed.
struct TickService: Service {
    let engine: Engine

    func run() async throws {
        let engine = self.engine
        let ticks = MultiThreadedEventLoopGroup.singleton.any().scheduleRepeatedTask(
            initialDelay: .zero,
            delay: .milliseconds(500)
        ) { _ in engine.post(.tick) }
        defer { ticks.cancel() }
        try? await gracefulShutdown()
    }
}

/// Listens, and keeps a call open to every neighbour that this node dials.
struct CallService: Service {
    let view: View
    let links: LinkService
    let calls: CallBook
    let engine: Engine
    let logger: Logger

    func run() async throws {
        if let endpoint = self.view.listens {
            let port = try await self.links.listen(
                host: endpoint.host,
                port: Int(endpoint.port)
            )
            self.logger.notice("Listens", metadata: ["link.port": "\(port)"])
        }
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                for neighbour in self.view.neighbours {
                    guard let endpoint = neighbour.dial else { continue }
                    group.addTask { await self.keepCalling(neighbour.name, at: endpoint) }
                }
                // A node that only listens has nothing to do here but to wait.
                group.addTask { try? await gracefulShutdown() }
            }
        }
        await self.links.shutdown()
    }

    private func keepCalling(_ peer: NodeName, at endpoint: Endpoint) async {
        var backOff = BackOff()
        let random = SystemRandomSource()
        while !Task.isCancelled {
            let begun = NIODeadline.now()
            if self.calls.isOpen(peer) {
                // The peer has called: there is nothing to do until that call ends.
                await Self.pause(milliseconds: BackOff.first)
                continue
            }
            do {
                let session = try await self.links.dial(
                    host: endpoint.host,
                    port: Int(endpoint.port),
                    expecting: peer
                )
                await self.calls.waitForEnd(of: session)
                // A call that ends at once is no success.
                if NIODeadline.now() - begun > .seconds(10) { backOff.succeeded() }
            } catch {
                self.engine.post(.dialFailed(peer, code: "\(error)"))
                self.logger.debug(
                    "Call failed",
                    metadata: ["peer.node": "\(peer)", "error": "\(error)"]
                )
            }
            await Self.pause(milliseconds: backOff.failed(random: random.next()))
        }
    }

    private static func pause(milliseconds: Int64) async {
        let timer = MultiThreadedEventLoopGroup.singleton.any()
            .scheduleTask(in: .milliseconds(milliseconds)) {}
        await withTaskCancellationHandler {
            try? await timer.futureResult.get()
        } onCancel: {
            timer.cancel()
        }
    }
}
