package import MeshModel

/// What a node says of its own life, in `status`.
package struct LifeReport: Hashable, Sendable, Codable {
    /// `whole`, `fresh`, `doubled` or `rolled-back`.
    package var state: String
    /// What speaks against the node.
    package var detail: String?
    /// What to do about it.
    package var hint: String?

    /// Gathers the three.
    package init(state: String, detail: String? = nil, hint: String? = nil) {
        (self.state, self.detail, self.hint) = (state, detail, hint)
    }
}

/// What `adopt` has done.
package struct AdoptReport: Hashable, Sendable, Codable {
    /// The life that ended.
    package var before: String
    /// The life that goes on.
    package var incarnation: String
    /// Files of this node's own that were under way, and go on.
    package var open: UInt64

    /// Gathers the answer.
    package init(_ before: Incarnation, _ incarnation: Incarnation, open: UInt64) {
        self.before = before.reported
        self.incarnation = incarnation.reported
        self.open = open
    }
}

extension Incarnation {
    /// Number and random part, the latter in hexadecimal.
    var reported: String {
        let random = String(self.random, radix: 16)
        return "\(self.number)-\(String(repeating: "0", count: 16 - random.count))\(random)"
    }
}

extension Engine {
    func lifeReport() -> LifeReport {
        let life = self.life
        if life.life == .whole, !life.saidDoubled.isEmpty {
            let names = life.saidDoubled.sorted().map(\.text).joined(separator: ", ")
            return LifeReport(
                state: NodeLife.doubled.rawValue,
                detail: "\(names) met two runs of this node at once; calls with others go on.",
                hint: Self.adoptHint
            )
        }
        return LifeReport(
            state: life.life.rawValue,
            detail: life.detail.isEmpty ? nil : life.detail,
            hint: life.life.standsStill ? Self.adoptHint : nil
        )
    }

    /// Why a command cannot be done while nothing may move.
    var standingStill: EngineError {
        EngineError(
            code: "standing_still",
            message: "This node is \(self.life.life.rawValue) and moves nothing: "
                + self.life.detail,
            hint: Self.adoptHint
        )
    }
}
