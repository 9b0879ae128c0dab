import MeshLinks
package import MeshModel
import MeshTopology

/// How a call that a command asked for came out: the answer to `call`.
package struct CallReport: Hashable, Sendable, Codable {
    /// The neighbour.
    package var node: String
    /// `opened`, `open` (it was before) or `failed`.
    package var outcome: String
    /// Why there is no call; a stable code, words, and what to do.
    package var error: ControlError?

    /// Gathers the outcome.
    package init(node: NodeName, outcome: String, error: ControlError? = nil) {
        self.node = node.text
        self.outcome = outcome
        self.error = error
    }
}

/// The verb `call`: calls a neighbour now.
struct CallVerb: Sendable {
    private let view: View
    private let calls: CallBook
    private let callers: [NodeName: Caller]

    init(view: View, calls: CallBook, callers: [NodeName: Caller]) {
        (self.view, self.calls, self.callers) = (view, calls, callers)
    }

    func handle(_ request: ControlRequest) async throws -> JSONValue {
        guard let text = request.arguments["node"]?.string else {
            throw ControlError(code: "usage", message: "`call` needs a node.")
        }
        guard let name = NodeName(text),
            self.view.neighbours.contains(where: { $0.name == name })
        else {
            let names = self.view.neighbours.map(\.name.text).joined(separator: ", ")
            throw ControlError(
                code: "not_found",
                message: "\(text) is no neighbour of \(self.view.node).",
                hint: names.isEmpty ? "It has none." : "Its neighbours are: \(names)."
            )
        }
        guard let caller = self.callers[name] else {
            if self.calls.openCall(with: name) != nil {
                return try JSONValue(encoding: CallReport(node: name, outcome: "open"))
            }
            throw ControlError(
                code: "not_dialled_here",
                message: "\(self.view.node) does not dial \(name): \(name) dials.",
                hint: "Run `tributary call \(self.view.node)` at \(name)."
            )
        }
        let outcome = await caller.callNow()
        try Task.checkCancellation()
        return try JSONValue(encoding: CallReport(node: name, outcome))
    }

    /// Calls a neighbour if this node dials it; `nil` if it does not.
    func callNow(_ name: NodeName) async -> CallReport? {
        guard let caller = self.callers[name] else { return nil }
        return CallReport(node: name, await caller.callNow())
    }
}

extension CallVerb {
    /// Dials a neighbour now, or all of them, and does not wait.
    func hurry(_ node: NodeName?) {
        for (name, caller) in self.callers where node == nil || node == name { caller.hurry() }
    }
}

extension CallReport {
    init(node: NodeName, _ outcome: CallOutcome) {
        switch outcome {
        case .opened: self.init(node: node, outcome: "opened")
        case .alreadyOpen: self.init(node: node, outcome: "open")
        case .failed(let code, let message, let hint):
            self.init(
                node: node,
                outcome: "failed",
                error: ControlError(code: code, message: message, hint: hint)
            )
        }
    }
}
