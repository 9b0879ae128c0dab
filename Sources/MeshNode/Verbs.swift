import MeshCustody
import MeshIdentity
import MeshLinks
import MeshModel
import MeshSpool
import MeshTopology
import Synchronization

/// Turns requests on the control socket into questions to the engine.
struct Verbs: Sendable {
    private let engine: Engine
    private let calling: CallVerb
    private let queue: QueueVerb
    private let home: Home
    private let wires: WireBook
    private let clock: any WallClock
    private let reload: @Sendable () -> Void

    init(
        _ engine: Engine,
        home: Home,
        calls: CallBook,
        callers: [NodeName: Caller],
        wires: WireBook,
        clock: any WallClock,
        reload: @escaping @Sendable () -> Void
    ) {
        self.engine = engine
        self.home = home
        self.wires = wires
        self.clock = clock
        self.reload = reload
        self.calling = CallVerb(view: home.view, calls: calls, callers: callers)
        self.queue = QueueVerb(engine, calling: self.calling, clock: clock)
    }

    func handle(
        _ request: ControlRequest,
        _ emit: @escaping @Sendable (JSONValue) -> Void
    ) async throws -> JSONValue {
        switch request.verb {
        case "status": return try await self.status()
        case "reload":
            self.reload()
            return ["serial": .integer(Int64(self.home.index.serial))]
        case "sources": return try await self.sources(request)
        case "trace": return try await self.trace(request)
        case "sites": return try await self.sites()
        case "why": return try await self.why(request)
        case "queue-list": return try await self.queue.list(request)
        case "queue-age": return try await self.queue.age()
        case "queue-hold": return try await self.queue.hold(request)
        case "queue-retry": return try await self.queue.retry(request)
        case "call": return try await self.calling.handle(request)
        case "send": return try await self.send(request, emit)
        case "adopt": return try await self.adopt(request)
        case "drain": return try await self.drain(request, emit)
        default:
            throw ControlError(
                code: "unknown_verb",
                message: "This daemon does not know `\(request.verb)`.",
                hint: "The daemon may be older than the command: restart it."
            )
        }
    }

    private func status() async throws -> JSONValue {
        var report: StatusReport = try await self.engine.answer { .status($0) }
        report.serial = self.home.index.serial
        report.certificate = .init(expires: self.home.tls.expires, at: self.clock.now())
        for index in report.neighbours.indices {
            report.neighbours[index].wire = NodeName(report.neighbours[index].name)
                .flatMap { self.wires.report(of: $0) }
        }
        report.forbidden = self.home.forbidden.map { .init(message: $0.message, hint: $0.hint) }
        return try JSONValue(encoding: report)
    }

    private func sites() async throws -> JSONValue {
        let result: Result<SitesReport, EngineError> = try await self.engine.answer { .sites($0) }
        switch result {
        case .success(let report): return try JSONValue(encoding: report)
        case .failure(let error):
            throw ControlError(code: error.code, message: error.message, hint: error.hint)
        }
    }

    private func sources(_ request: ControlRequest) async throws -> JSONValue {
        var report: SourcesReport = try await self.engine.answer { .sources($0) }
        if let flow = request.arguments["flow"]?.string {
            report.sources.removeAll { $0.flow != flow }
        }
        return try JSONValue(encoding: report)
    }

    private func trace(_ request: ControlRequest) async throws -> JSONValue {
        var report = TraceReport(parcels: [])
        for query in request.arguments.queries where report.parcels.isEmpty {
            report = try await self.engine.answer { .trace(query, $0) }
        }
        return try JSONValue(encoding: report)
    }

    private func why(_ request: ControlRequest) async throws -> JSONValue {
        var report = WhyReport(items: [])
        for query in request.arguments.queries where report.items.isEmpty {
            report = try await self.engine.answer { .why(query, $0) }
        }
        return try JSONValue(encoding: report)
    }

    private func send(
        _ request: ControlRequest,
        _ emit: @escaping @Sendable (JSONValue) -> Void
    ) async throws -> JSONValue {
        guard let paths = request.arguments["paths"]?.array?.compactMap(\.bytes), !paths.isEmpty
        else { throw ControlError(code: "usage", message: "`send` needs paths.") }
        let flow = request.arguments["flow"]?.string
        let name = flow.flatMap { FlowName($0) }
        if let flow, name == nil {
            throw ControlError(code: "usage", message: "`\(flow)` is no flow's name.")
        }
        let wait = request.arguments["wait"]?.string
        guard wait == nil || wait.flatMap({ SendWait(rawValue: $0) }) != nil else {
            throw ControlError(code: "usage", message: "`send` waits until `held` or `landed`.")
        }
        try self.checkThatSiteAllows(paths)
        let result: Result<SendReport, EngineError> = try await self.engine.answer { reply in
            .send(
                SendTask(
                    id: SystemRandomSource().next() >> 1,
                    paths: paths,
                    flow: name,
                    wait: wait.flatMap { SendWait(rawValue: $0) },
                    progress: { report in
                        if let event = try? JSONValue(encoding: report) { emit(event) }
                    },
                    reply: reply
                )
            )
        }
        return try JSONValue(encoding: try result.get())
    }

    /// A source that the site forbids is none to the engine; whoever sends from it hears why.
    private func checkThatSiteAllows(_ paths: [[UInt8]]) throws {
        for source in self.home.view.sends where !self.home.site.allowsReading(source.path) {
            let root = Array(source.path.utf8)
            guard paths.contains(where: { $0 == root || $0.starts(with: root + [0x2F]) }) else {
                continue
            }
            throw ControlError(
                code: "site_forbids",
                message: "This site does not let the mesh read \(source.path), the source of "
                    + "`\(source.flow)`.",
                hint: "If it may, list it under `sources` in \(self.home.paths.site) and restart "
                    + "the node."
            )
        }
    }

    private func adopt(_ request: ControlRequest) async throws -> JSONValue {
        let isForced = request.arguments["force"]?.bool ?? false
        let result: Result<AdoptReport, EngineError> = try await self.engine.answer {
            .adopt(isForced: isForced, $0)
        }
        return try JSONValue(encoding: try result.get())
    }

    private func drain(
        _ request: ControlRequest,
        _ emit: @escaping @Sendable (JSONValue) -> Void
    ) async throws -> JSONValue {
        if request.arguments["off"]?.bool == true {
            self.engine.post(.command(.endDrain(nil)))
            return .object([:])
        }
        let node = request.arguments["to"]?.string
        let to = node.flatMap { NodeName($0) }
        if let node, to == nil {
            throw ControlError(code: "usage", message: "`\(node)` is no node's name.")
        }
        let id = SystemRandomSource().next()
        // Whoever asked may hang up: then the node opens again.
        defer { self.engine.post(.command(.endDrain(id))) }
        self.calling.hurry(to)
        let result: Result<DrainReport, EngineError> = try await self.engine.answer { reply in
            .drain(
                DrainTask(
                    id: id,
                    to: to,
                    patience: request.arguments["patience"]?.integer ?? 60_000,
                    staysShut: request.arguments["stay"]?.bool ?? false,
                    progress: { report in
                        if let event = try? JSONValue(encoding: report) { emit(event) }
                    },
                    reply: reply
                )
            )
        }
        return try JSONValue(encoding: try result.get())
    }
}

extension WireBook {
    /// What a status says of the wire to a neighbour.
    fileprivate func report(of peer: NodeName) -> StatusReport.Wire? {
        self.total(of: peer).map { total in
            var wire = StatusReport.Wire(
                sent: total.sent,
                received: total.received,
                payloadSent: total.payloadSent
            )
            wire.call = self.call(with: peer).map { .init(sent: $0.sent, received: $0.received) }
            return wire
        }
    }
}
