import Glibc
package import Logging
import MeshCustody
import MeshFiles
import MeshIdentity
import MeshLinks
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology
import ServiceLifecycle

/// One running node.
package enum Daemon {
    /// Runs the node whose home is at `home` until SIGTERM or SIGINT.
    ///
    /// What it acknowledged is on the disk at every moment: how it ends does not matter to that.
    /// Told that the home has changed, it ends its calls and begins anew, in the same process; if it
    /// cannot run with what is new, it goes on with what it had.
    ///
    /// - Throws: `NodeError` or what opening the home and its spool throws; ``StoppedError`` when
    ///   the disk failed.
    package static func run(home path: String, logger: Logger) async throws {
        #if canImport(Glibc)
            Allocator.keepBuffers()
        #endif
        signal(SIGPIPE, SIG_IGN)
        WriterProbe.ignoreLeaseSignal()
        var home = try Home.open(path)
        let lock = try HomeLock(home.paths)
        defer { withExtendedLifetime(lock) {} }
        let logger = Self.logger(logger, for: home.node)
        let turns = Turns()
        let wires = WireBook()
        try await withThrowingTaskGroup { group in
            group.addTask { await turns.watch() }
            // What it ran with before it was told to take over what is new.
            var proven: Home?
            while true {
                do {
                    try await Self.turn(home, turns, wires, logger)
                } catch {
                    guard let before = proven, !(error is StoppedError) else { throw error }
                    logger.error("Home not taken over", metadata: ["error": "\(error)"])
                    (home, proven) = (before, nil)
                    turns.retry()
                    continue
                }
                guard turns.goesOn else { break }
                proven = home
                do { home = try Home.open(path) } catch {
                    logger.error("Home not taken over", metadata: ["error": "\(error)"])
                }
            }
            group.cancelAll()
        }
        logger.notice("Node stopped")
    }

    /// Runs with a home as it is now, until told to stop or to begin anew.
    private static func turn(
        _ home: Home,
        _ turns: Turns,
        _ wires: WireBook,
        _ logger: Logger
    ) async throws {
        do { try await home.checkCertificate(at: SystemClock().now()) } catch {
            logger.error("Certificate not accepted", metadata: ["error": "\(error)"])
        }
        for finding in home.forbidden {
            logger.warning("Site forbids", metadata: ["error": "\(finding.message)"])
        }
        let (engine, spool) = try Self.engine(home, logger)
        let calls = CallBook { event in engine.post(.session(event)) }
        let links = try LinkService(
            identity: home.tls,
            check: try Self.check(home),
            side: Self.side(home.view, engine, calls, wires, logger),
            refused: RefusalLog(logger).refused
        )
        let callers = CallService.callers(
            home.view,
            links: links,
            calls: calls,
            engine: engine,
            logger: logger
        )
        let control = try ControlServer(
            socketPath: home.paths.controlSocket,
            logger: logger,
            handler: Verbs(
                engine,
                home: home,
                calls: calls,
                callers: callers,
                wires: wires,
                clock: SystemClock(),
                reload: { turns.reload() }
            ).handle
        )
        // Stopped last to first: nothing is asked any more, calls end, the engine ends.
        let services: [any Service] = [
            EngineService(engine: engine),
            CallService(view: home.view, links: links, callers: callers, logger: logger),
            MaintenanceService(spool: spool, logger: logger), TickService(engine: engine),
            WatchService(sources: engine.watchedSources, engine: engine),
            CertificateService(
                expires: home.tls.expires,
                clock: SystemClock(),
                logger: logger,
                pause: { await CallService.pause(milliseconds: $0) }
            ), control,
        ]
        let group = ServiceGroup(
            configuration: .init(
                services: services.map {
                    .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
                },
                logger: logger
            )
        )
        logger.notice(
            "Node runs",
            metadata: ["home": "\(home.paths.root)", "index.serial": "\(home.index.serial)"]
        )
        await turns.begin(group)
        do {
            try await group.run()
        } catch let error as EngineError {
            throw StoppedError(error)
        } catch let error as LinkError {
            await links.shutdown()
            try? spool.close()
            throw error
        }
        try spool.close()
    }

    private static func side(
        _ view: View,
        _ engine: Engine,
        _ calls: CallBook,
        _ wires: WireBook,
        _ logger: Logger
    ) -> LinkSide {
        var side = LinkSide(
            hello: { engine.hello(to: $0) },
            events: { calls.heard($0) },
            logger: logger
        )
        side.wires = wires
        // For tests of what takes a minute in earnest.
        let haste = getenv("TRIBUTARY_TEST_HASTE").flatMap { Int(String(cString: $0)) } ?? 1
        if haste > 1 {
            logger.warning("Links are hasty", metadata: ["link.haste": "\(haste)"])
            side.times = side.times.divided(by: haste)
        }
        let lines = view.neighbours.map { ($0.name, LinkLine($0, haste: max(1, haste))) }
        side.line = { [lines = Dictionary(uniqueKeysWithValues: lines)] in
            lines[$0] ?? LinkLine()
        }
        return side
    }

    private static func logger(_ logger: Logger, for node: NodeName) -> Logger {
        var logger = logger
        logger[metadataKey: "node"] = "\(node)"
        return logger
    }

    private static func engine(_ home: Home, _ logger: Logger) throws -> (Engine, Spool) {
        let random = SystemRandomSource()
        let view = home.effectiveView
        var sources: [FlowName: SourceRoot] = [:]
        for source in view.sends where home.site.allowsReading(source.path) {
            sources[source.flow] = try Self.source(source, leavingOut: home.paths.root)
        }
        var landings: [FlowName: LandingRoot] = [:]
        for (flow, landing) in view.receives where home.site.allowsWriting(landing.path) {
            try Self.make(landing.path)
            landings[flow] = try LandingRoot(path: landing.path)
        }
        let parts = EngineParts(
            mesh: home.mesh,
            node: home.node,
            runID: random.next(),
            key: home.statementKey,
            index: home.index,
            indexBytes: home.indexBytes,
            view: view,
            sources: sources,
            landings: landings,
            clock: SystemClock(),
            logger: logger,
            watchesSources: true
        )
        let options = SpoolOptions(
            limit: view.spool,
            cacheBytes: view.cache,
            node: home.node
        )
        return try Engine.open(
            parts,
            spool: home.paths.spool,
            disk: RealDisk(),
            options: options,
            random: random
        )
    }

    /// A source that is not there is made, so that a new site has where to put its files.
    ///
    /// Where that does not go the source is missing, which is no reason not to run.
    private static func source(_ source: View.Source, leavingOut home: String) throws -> SourceRoot
    {
        try? Self.make(source.path)
        return try SourceRoot(path: source.path, leavingOut: [home])
    }

    private static func make(_ path: String) throws {
        guard mkdir(path, 0o755) != 0, errno != EEXIST else { return }
        throw NodeError(
            .homeInvalid,
            "The directory \(path) is not there and cannot be made.",
            hint: "Make it, or correct its path in the topology."
        )
    }

    /// Who may call: the chain holds now, the index knows the key, the view names a neighbour.
    private static func check(_ home: Home) throws -> LinkPeerCheck {
        let check = try PeerCheck(
            authorityCertificatePEM: home.authorityCertificatePEM,
            mesh: home.mesh
        )
        let neighbours = Set(home.view.neighbours.map(\.name))
        let index = home.index
        let floor = index.signedAt
        return { chain in
            let peer = try await check.check(chainDER: chain, at: max(SystemClock().now(), floor))
            guard neighbours.contains(peer.name) else {
                throw NodeError(
                    .notNeighbour,
                    "\(peer.name) is no neighbour of this node.",
                    hint: "Declare a link between the two in the topology."
                )
            }
            guard index.tlsFingerprints(of: peer.name).contains(peer.fingerprint) else {
                throw NodeError(
                    .keyUnknown,
                    "The index knows another TLS key of \(peer.name).",
                    hint: "Join both with the files that the authority issued last."
                )
            }
            return peer.name
        }
    }
}

extension LinkLine {
    /// What the topology declares of the line to a neighbour.
    init(_ neighbour: View.Neighbour, haste: Int) {
        let keepalive: Duration? =
            switch neighbour.keepalive {
            case .every(let seconds): .seconds(seconds) / haste
            case .off: nil
            }
        self.init(speed: neighbour.speed?.bitsPerSecond, keepalive: keepalive)
    }
}

/// The machine's clock.
struct SystemClock: WallClock {
    func now() -> UnixMilliseconds {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UnixMilliseconds(Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }
}

/// The node stopped because it could not keep its promises.
package struct StoppedError: Error, Sendable, ControlErrorConvertible {
    /// A stable name, such as `disk_failed`.
    package let code: String
    /// What happened.
    package let message: String
    /// What an operator can do about it.
    package let hint: String?

    init(_ error: EngineError) {
        (self.code, self.message, self.hint) = (error.code, error.message, error.hint)
    }

    /// The same failure in the socket's words.
    package var controlError: ControlError {
        ControlError(code: self.code, message: self.message, hint: self.hint)
    }
}
