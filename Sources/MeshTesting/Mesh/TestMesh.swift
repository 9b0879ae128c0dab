import Logging
package import MeshCustody
package import MeshFiles
import MeshIdentity
import MeshLinks
package import MeshModel
package import MeshProtocol
package import MeshSpool
import MeshTopology
import NIOCore
import NIOPosix
import Synchronization

/// A whole mesh in this process: real engines, spools and sessions; pipes instead of sockets.
///
/// Spools lie on disks of the test's choice, landings and sources in a directory of its own.
package actor TestMesh {
    let topology: Topology
    var homes: [NodeName: TestHome] = [:]
    var disks: [NodeName: any Disk] = [:]
    var nodes: [NodeName: TestNode] = [:]
    private var pipes: [Pair: PipeLink] = [:]
    private let crash = CrashPlan()
    /// What every node takes for the time.
    package nonisolated let clock: TestClock
    private var watches: [NodeName: [SourceWatch]] = [:]
    private var lastTask: UInt64 = 0
    /// Hears of every step of every landing.
    package nonisolated let landings = LandingTrace()
    private let watch: SessionWatch?

    struct Pair: Hashable {
        let dialler: NodeName
        let listener: NodeName
    }

    /// Makes keys and homes for a topology; nothing runs yet.
    ///
    /// Nobody dials by itself, see ``connect(_:_:)``. The directory, empty, gets sources, landings
    /// and indexes. `watch` sees, and may wrap, every session as its node's engine gets it.
    package init(
        _ yaml: String,
        directory: String,
        clock: TestClock = TestClock(),
        watch: SessionWatch? = nil
    ) throws {
        self.clock = clock
        self.topology = try Topology.parse(yaml, file: "test.yaml")
        self.watch = watch
        let authority = try Authority.create(mesh: self.topology.mesh, at: self.clock.now())
        var keys: [NodeName: StatementKey] = [:]
        for node in self.topology.nodes { keys[node.name] = StatementKey() }
        let index = try PublicIndex(
            from: self.topology,
            keys: keys.mapValues { .init(statement: $0.publicKey, tls: .zero) },
            serial: 1,
            at: self.clock.now()
        )
        let bytes = try index.signed(by: authority)
        for (name, key) in keys {
            let home = "\(directory)/\(name)"
            let view = try View(of: name, in: self.topology, serial: 1)
                .resolvingPaths(beneath: home)
            self.homes[name] = TestHome(
                view: view,
                index: index,
                indexBytes: bytes,
                key: key,
                directory: home
            )
            self.disks[name] = FaultyDisk()
        }
    }

    /// A node's home.
    package func home(_ name: String) throws -> TestHome {
        guard let home = self.homes[try Self.name(name)] else { throw UnknownNode(name: name) }
        return home
    }

    /// A node that runs.
    package func node(_ name: String) throws -> TestNode {
        guard let node = self.nodes[try Self.name(name)] else { throw UnknownNode(name: name) }
        return node
    }

    /// A node's disk; ``FaultyDisk`` unless the test chose another.
    package func disk(_ name: String) throws -> any Disk {
        guard let disk = self.disks[try Self.name(name)] else { throw UnknownNode(name: name) }
        return disk
    }

    /// Gives a node another disk, or another way to commit, before it starts.
    package func set(
        _ name: String,
        disk: (any Disk)? = nil,
        commitSteps: [SpoolOptions.CommitStep]? = nil,
        segmentBytes: UInt64? = nil,
        freshBytes: Int? = nil
    ) throws {
        let name = try Self.name(name)
        if let disk { self.disks[name] = disk }
        if let commitSteps { self.homes[name]?.commitSteps = commitSteps }
        if let segmentBytes { self.homes[name]?.segmentBytes = segmentBytes }
        if let freshBytes { self.homes[name]?.freshBytes = freshBytes }
    }

    /// Changes what a node's engine is made of, each time before it starts.
    package func adjust(
        _ name: String,
        _ change: @escaping @Sendable (inout EngineParts) -> Void
    ) throws {
        self.homes[try Self.name(name)]?.adjust = change
    }

    /// Starts a node on what its disk holds.
    ///
    /// Sources are scanned once. With `watched` they are watched too, and scanned as a watch asks.
    package func start(
        _ name: String,
        watched: Bool = false,
        scanEvery: Int64 = .max / 2
    ) throws {
        let node = try Self.name(name)
        guard let home = self.homes[node], let disk = self.disks[node] else {
            throw UnknownNode(name: name)
        }
        var sources: [FlowName: SourceRoot] = [:]
        for source in home.view.sends {
            try RealDisk().makeDirectories(source.path)
            sources[source.flow] = try SourceRoot(path: source.path)
        }
        var landings: [FlowName: LandingRoot] = [:]
        for (flow, landing) in home.view.receives {
            try RealDisk().makeDirectories(landing.path)
            landings[flow] = try LandingRoot(path: landing.path) { [landings = self.landings] in
                landings.record($0)
            }
        }
        // SQLite has files of its own, beside whatever disk the log lies on.
        try RealDisk().makeDirectories("\(home.directory)/spool")
        var parts = EngineParts(
            mesh: home.view.mesh,
            node: home.view.node,
            runID: SystemRandomSource().next(),
            key: home.key,
            index: home.index,
            indexBytes: home.indexBytes,
            view: home.view,
            sources: sources,
            landings: landings,
            clock: self.clock,
            logger: Logger(label: "test") { _ in
                SwiftLogNoOpLogHandler()
            },
            scanEvery: scanEvery,
            watchesSources: watched,
            crash: { [crash] in crash.hits($0, $1) }
        )
        home.adjust?(&parts)
        var options = SpoolOptions(
            limit: home.view.spool,
            segmentBytes: home.segmentBytes,
            node: home.view.node,
            commitSteps: home.commitSteps
        )
        options.freshBytes = home.freshBytes ?? options.freshBytes
        let (engine, spool) = try Engine.open(
            parts,
            spool: "\(home.directory)/spool",
            disk: disk,
            options: options,
            random: SystemRandomSource()
        )
        let running = Task { () -> Result<Void, any Error> in
            do {
                try await engine.run()
                return .success(())
            } catch { return .failure(error) }
        }
        self.nodes[node] = TestNode(engine: engine, spool: spool, running: running)
        guard watched else { return }
        let watches = engine.watchedSources.map { flow, root in
            SourceWatch(root) { engine.post(.capture(.heard(flow, $0))) }
        }
        for watch in watches { watch.start() }
        self.watches[node] = watches
    }

    /// Starts every node and joins those that the topology links.
    package func startAll() async throws {
        for node in self.topology.nodes { try self.start(node.name.text) }
        for link in self.topology.links {
            try await self.connect(link.dialler.text, link.listener.text)
        }
    }

    /// Joins two nodes that run.
    package func connect(_ dialler: String, _ listener: String) async throws {
        let pair = Pair(dialler: try Self.name(dialler), listener: try Self.name(listener))
        self.pipes[pair] = try await PipeLink.connect(
            try self.home(dialler).view.node,
            try self.side(pair.dialler, redials: pair),
            try self.home(listener).view.node,
            try self.side(pair.listener),
            on: MultiThreadedEventLoopGroup.singleton
        )
    }

    private func side(_ name: NodeName, redials pair: Pair? = nil) throws -> LinkSide {
        guard let engine = self.nodes[name]?.engine else { throw UnknownNode(name: name.text) }
        let watch = self.watch
        return LinkSide(
            hello: { engine.hello(to: $0) },
            events: { event in
                engine.post(.session(watch?(name, event) ?? event))
                if let pair, event.endsForANewHello { Task { try await self.redial(pair) } }
            },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    /// Cuts the line between two nodes.
    package func cut(_ dialler: String, _ listener: String) throws {
        let pair = Pair(dialler: try Self.name(dialler), listener: try Self.name(listener))
        self.pipes.removeValue(forKey: pair)?.cut()
    }

    /// The next time that a node reaches a point, it dies there.
    package func arm(_ name: String, at point: CrashPoint) throws {
        self.crash.arm(try Self.name(name), point)
    }

    /// Whether the armed crash has happened.
    package nonisolated var hasCrashed: Bool { self.crash.hasHit }

    /// Ends a node as a power cut does: what was not synced is gone.
    package func crash(_ name: String, kept: FaultyDisk.Kept = .nothing, seed: UInt64 = 1)
        async throws
    {
        let node = try Self.name(name)
        guard let running = self.nodes.removeValue(forKey: node) else { return }
        for pair in self.pipes.keys where pair.dialler == node || pair.listener == node {
            self.pipes.removeValue(forKey: pair)?.cut()
        }
        for watch in self.watches.removeValue(forKey: node) ?? [] { watch.stop() }
        if let disk = self.disks[node] as? FaultyDisk {
            // Nothing becomes durable after this moment: the index must not get ahead of the log.
            disk.stop(after: 0)
            self.disks[node] = disk.crash(kept, seed: seed)
        }
        running.engine.post(.stop)
        _ = await running.end()
        try? running.spool.close()
    }

    /// Starts a node again and joins it with its neighbours.
    package func restart(_ name: String) async throws {
        try self.start(name)
        let node = try Self.name(name)
        for link in self.topology.links where link.dialler == node || link.listener == node {
            guard self.nodes[link.dialler] != nil, self.nodes[link.listener] != nil else {
                continue
            }
            try await self.connect(link.dialler.text, link.listener.text)
        }
    }

    /// Stops every node.
    package func stop() async {
        for node in self.nodes.keys { try? await self.crash(node.text, kept: .everything) }
    }

    /// A number for the next command.
    package func nextTask() -> UInt64 {
        self.lastTask += 1
        return self.lastTask
    }

    /// Waits until a condition on a node's status holds, for at most some seconds.
    ///
    /// - Returns: Whether it held in time.
    package func wait(
        for name: String,
        seconds: Int = 60,
        until holds: @Sendable (StatusReport) -> Bool
    ) async throws -> Bool {
        for _ in 0..<(seconds * 100) {
            if holds(try await self.node(name).status()) { return true }
            try await MultiThreadedEventLoopGroup.singleton.any()
                .scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
        }
        return false
    }

    /// Waits until state and reasons of a path's newest parcel at a node fit, for at most some seconds.
    ///
    /// - Returns: Whether it did in time.
    package func waitForTrace(
        of path: String,
        at name: String,
        seconds: Int = 60,
        until holds: @Sendable (String) -> Bool
    ) async throws -> Bool {
        let node = try self.node(name)
        for _ in 0..<(seconds * 100) {
            node.engine.post(.tick)
            let parcel = await node.trace(path).parcels.first
            let words = [parcel?.state ?? ""] + (parcel?.why.map(\.brief) ?? [])
            if holds(words.joined(separator: ", ")) { return true }
            try await MultiThreadedEventLoopGroup.singleton.any()
                .scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
        }
        return false
    }

    /// What a node notices in its only source.
    package func source(_ name: String) async throws -> SourcesReport.Source {
        let report = try await self.node(name).sources()
        guard let source = report.sources.first else { throw UnknownNode(name: name) }
        return source
    }

    /// Waits until a condition on a node's only source holds, for at most some seconds.
    ///
    /// - Returns: Whether it held in time.
    package func waitForSource(
        _ name: String,
        seconds: Int = 60,
        until holds: @Sendable (SourcesReport.Source) -> Bool
    ) async throws -> Bool {
        for _ in 0..<(seconds * 100) {
            if holds(try await self.source(name)) { return true }
            try await MultiThreadedEventLoopGroup.singleton.any()
                .scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
        }
        return false
    }

    /// Waits until a condition on what `collector` knows of `origin` holds, for at most some seconds.
    ///
    /// - Returns: Whether it held in time.
    package func waitForSite(
        seconds: Int = 60,
        until holds: @Sendable (SitesReport.Site) -> Bool
    ) async throws -> Bool {
        for _ in 0..<(seconds * 100) {
            // Whatever is due is due now, at both ends.
            for node in ["origin", "collector"] { _ = try await self.node(node).status() }
            let site = try await self.node("collector").sites().get().sites.first
            if let site, holds(site) { return true }
            try await MultiThreadedEventLoopGroup.singleton.any()
                .scheduleTask(in: .milliseconds(10)) {}.futureResult.get()
        }
        return false
    }

    /// Waits until no node holds anything any more or owes anybody a word.
    package func settle(seconds: Int = 60) async throws -> Bool {
        for node in self.topology.nodes where self.nodes[node.name] != nil {
            let isSettled = try await self.wait(for: node.name.text, seconds: seconds) { report in
                report.counts["outbox"] == 0 && report.counts["damaged"] == 0
                    && report.flows.allSatisfy { $0.held == 0 && $0.waiting == 0 }
            }
            guard isSettled else { return false }
        }
        return true
    }

    static func name(_ text: String) throws -> NodeName {
        guard let name = NodeName(text) else { throw UnknownNode(name: text) }
        return name
    }
}

/// Sees every session event on its way to a node's engine, and may replace it.
package typealias SessionWatch = @Sendable (NodeName, SessionEvent) -> SessionEvent

/// A test named a node that is not there, or does not run.
package struct UnknownNode: Error {
    let name: String
}

/// A clock that goes on by a millisecond each time it is read, and by more when told to.
package final class TestClock: WallClock {
    private let milliseconds: Atomic<Int64>
    private let step: Int64

    /// Begins at some time; with a `step` of 0 it goes on only when told to.
    package init(at milliseconds: Int64 = 1_800_000_000_000, step: Int64 = 1) {
        self.milliseconds = Atomic(milliseconds)
        self.step = step
    }

    /// The time.
    package func now() -> UnixMilliseconds {
        UnixMilliseconds(self.milliseconds.add(self.step, ordering: .relaxed).newValue)
    }

    /// Lets time pass.
    package func advance(milliseconds: Int64) {
        self.milliseconds.add(milliseconds, ordering: .relaxed)
    }
}

/// The steps of landings, in order.
package final class LandingTrace: Sendable {
    private let recorded = Mutex<[LandingStep]>([])

    private let heard = Mutex<@Sendable (LandingStep) -> Void>({ _ in })

    /// The steps so far.
    package var steps: [LandingStep] { self.recorded.withLock { $0 } }

    /// Tells somebody else of every step too.
    package func hear(_ body: @escaping @Sendable (LandingStep) -> Void) {
        self.heard.withLock { $0 = body }
    }

    func record(_ step: LandingStep) {
        self.recorded.withLock { $0.append(step) }
        self.heard.withLock { $0 }(step)
    }

    /// How often a file got a final name.
    package var renames: Int {
        self.steps.count { if case .renamed = $0 { true } else { false } }
    }
}

/// One crash, once.
private final class CrashPlan: Sendable {
    private let armed = Mutex<(node: NodeName, point: CrashPoint)?>(nil)
    private let hit = Atomic<Bool>(false)

    var hasHit: Bool { self.hit.load(ordering: .acquiring) }

    func arm(_ node: NodeName, _ point: CrashPoint) {
        self.hit.store(false, ordering: .releasing)
        self.armed.withLock { $0 = (node, point) }
    }

    func hits(_ node: NodeName, _ point: CrashPoint) -> Bool {
        let isHere = self.armed.withLock { armed in
            guard let plan = armed, plan.node == node, plan.point == point else { return false }
            armed = nil
            return true
        }
        if isHere { self.hit.store(true, ordering: .releasing) }
        return isHere
    }
}

extension RealDisk {
    /// Makes a directory and those above it, durability aside.
    package func makeDirectories(_ path: String) throws {
        var made = ""
        for part in path.split(separator: "/") {
            made += "/\(part)"
            try? self.makeDirectory(made)
        }
    }
}
