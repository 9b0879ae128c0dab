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
    let callers: [NodeName: Caller]
    let logger: Logger

    func run() async throws {
        if let endpoint = self.view.listens {
            let port = try await self.links.listen(
                host: endpoint.host,
                port: Int(endpoint.port)
            )
            self.logger.notice("Listens", metadata: ["link.port": "\(port)"])
        }
        let callers = self.callers
        let routes = RouteWatch { for caller in callers.values { caller.routesChanged() } }
        await cancelWhenGracefulShutdown {
            await withTaskGroup { group in
                for caller in callers.values { group.addTask { await caller.run() } }
                // A node that only listens has nothing to do here but to wait.
                group.addTask { try? await gracefulShutdown() }
            }
        }
        routes.stop()
        await self.links.shutdown()
    }

    /// One for each neighbour that this node dials.
    static func callers(
        _ view: View,
        links: LinkService,
        calls: CallBook,
        engine: Engine,
        logger: Logger
    ) -> [NodeName: Caller] {
        let random = SystemRandomSource()
        var callers: [NodeName: Caller] = [:]
        for neighbour in view.neighbours {
            guard let endpoint = neighbour.dial else { continue }
            let peer = neighbour.name
            let parts = CallerParts(
                dial: {
                    try await links.dial(
                        host: endpoint.host,
                        port: Int(endpoint.port),
                        expecting: peer
                    )
                },
                tell: { engine.post(.dial(peer, $0)) },
                failed: { code, error in
                    logger.warning(
                        "Call failed",
                        metadata: [
                            "peer.node": "\(peer)", "error.code": "\(code)",
                            "error": "\(error)",
                        ]
                    )
                },
                clock: SystemClock(),
                random: { random.next() },
                pause: { await Self.pause(milliseconds: $0) }
            )
            callers[peer] = Caller(peer, calls: calls, parts)
        }
        return callers
    }

    /// Returns after so many milliseconds, or at once when the task is cancelled.
    static func pause(milliseconds: Int64) async {
        let timer = MultiThreadedEventLoopGroup.singleton.any()
            .scheduleTask(in: .milliseconds(milliseconds)) {}
        await withTaskCancellationHandler {
            try? await timer.futureResult.get()
        } onCancel: {
            timer.cancel()
        }
    }
}
