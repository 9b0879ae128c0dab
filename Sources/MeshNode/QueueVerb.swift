package import MeshCustody
import MeshModel
import MeshSpool

/// What `queue retry` has done, calls included.
package struct RetryAnswer: Hashable, Sendable, Codable {
    /// What is tried again on calls that are up, and at home.
    package var retried: RetryReport
    /// The calls that were tried, and what came of them.
    package var calls: [CallReport]
}

/// The verbs `queue-list`, `queue-age`, `queue-hold` and `queue-retry`.
struct QueueVerb: Sendable {
    private let engine: Engine
    private let calling: CallVerb
    private let clock: any WallClock

    init(_ engine: Engine, calling: CallVerb, clock: any WallClock) {
        (self.engine, self.calling, self.clock) = (engine, calling, clock)
    }

    func list(_ request: ControlRequest) async throws -> JSONValue {
        let arguments = request.arguments
        var question = QueueQuestion()
        question.filter.flow = try arguments.name("flow") { FlowName($0) }
        question.filter.origin = try arguments.name("origin") { NodeName($0) }
        question.neighbour = try arguments.name("to") { NodeName($0) }
        if let word = arguments["state"]?.string?.replacing("-", with: "_") {
            switch ParcelState(rawValue: word) {
            case .some(let state) where state == .held || state == .arriving:
                question.filter.state = state
            default: question.code = WhyCode(rawValue: word)
            }
            guard question.filter.state != nil || question.code != nil else {
                throw ControlError(
                    code: "usage",
                    message: "`\(word)` is no state.",
                    hint: "States are: held, arriving, "
                        + WhyCode.allCases.map(\.rawValue).joined(separator: ", ") + "."
                )
            }
        }
        if let limit = arguments["limit"]?.integer { question.limit = Int(clamping: limit) }
        guard (1...10_000).contains(question.limit) else {
            throw ControlError(code: "usage", message: "A page has from 1 to 10,000 parcels.")
        }
        question.after = arguments["after"]?.integer ?? 0
        return try JSONValue(encoding: try await QueueReader(self.engine).list(question))
    }

    func age() async throws -> JSONValue {
        try JSONValue(encoding: try await QueueReader(self.engine).ages(at: self.clock.now()))
    }

    func hold(_ request: ControlRequest) async throws -> JSONValue {
        let isHeld = request.arguments["held"]?.bool ?? true
        if let flow = try request.arguments.name("flow", { FlowName($0) }) {
            return try JSONValue(encoding: try await self.hold(.flow(flow), isHeld).get())
        }
        return try JSONValue(
            encoding: try await self.first(of: request) {
                try await self.hold(.parcels($0), isHeld)
            }
        )
    }

    private func hold(
        _ target: QueueTarget,
        _ isHeld: Bool
    ) async throws -> Result<HoldReport, EngineError> {
        try await self.engine.answer { .queue(.hold(target, isHeld: isHeld, $0)) }
    }

    func retry(_ request: ControlRequest) async throws -> JSONValue {
        let report: RetryReport
        if let node = try request.arguments.name("to", { NodeName($0) }) {
            report = try await self.retry(.neighbour(node)).get()
        } else if request.arguments.queries.isEmpty {
            report = try await self.retry(.all).get()
        } else {
            report = try await self.first(of: request) { try await self.retry(.parcels($0)) }
        }
        let calls = await withTaskGroup { group in
            for name in report.neighbours.compactMap({ NodeName($0) }) {
                group.addTask { await self.calling.callNow(name) }
            }
            return await group.reduce(into: [CallReport]()) { if let call = $1 { $0.append(call) } }
        }
        try Task.checkCancellation()
        return try JSONValue(
            encoding: RetryAnswer(retried: report, calls: calls.sorted { $0.node < $1.node })
        )
    }

    private func retry(_ target: RetryTarget) async throws -> Result<RetryReport, EngineError> {
        try await self.engine.answer { .queue(.retry(target, $0)) }
    }

    /// Asks with each way to read what was typed, until one is known.
    private func first<T>(
        of request: ControlRequest,
        _ ask: (TraceQuery) async throws -> Result<T, EngineError>
    ) async throws -> T {
        var error = ControlError(code: "usage", message: "Name a parcel, a path or a flow.")
        for query in request.arguments.queries {
            switch try await ask(query) {
            case .success(let answer): return answer
            case .failure(let failure):
                error = failure.controlError
                guard failure.code == "not_found" else { throw error }
            }
        }
        throw error
    }
}

extension [String: JSONValue] {
    /// The ways to read what a person typed to name a file: its id, its path here, its path
    /// within the flow, the start of its id.
    var queries: [TraceQuery] {
        if let id = self["id"]?.string.flatMap({ Hex.decode($0) }) { return [.id(id)] }
        let paths = ["absolute", "path"].compactMap { self[$0]?.bytes }.map(TraceQuery.path)
        return paths + (self["prefix"]?.string.flatMap { Hex.decode($0) }.map { [.id($0)] } ?? [])
    }

    /// A name among the arguments, if it is given.
    func name<Name>(_ key: String, _ parse: (String) -> Name?) throws -> Name? {
        guard let text = self[key]?.string else { return nil }
        guard let name = parse(text) else {
            throw ControlError(code: "usage", message: "`\(text)` cannot be the name of a \(key).")
        }
        return name
    }
}

extension EngineError: ControlErrorConvertible {
    /// The same failure in the socket's words.
    package var controlError: ControlError {
        ControlError(code: self.code, message: self.message, hint: self.hint)
    }
}
