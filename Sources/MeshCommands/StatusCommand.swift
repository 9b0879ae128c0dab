import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary status`: what the node holds and whom it reaches.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what the node holds and whom it reaches."
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    func run() throws {
        let value = try self.home.ask(ControlRequest("status"))
        try self.output.write(value) {
            try value.decode(StatusReport.self).text(at: Terminal.now)
        }
    }
}

extension StatusReport {
    /// The report as a few lines and two tables.
    func text(at now: UnixMilliseconds) -> String {
        let uptime = Wording.duration(
            milliseconds: now.rawValue - self.started.milliseconds.rawValue
        )
        let used = Wording.bytes(self.spool.used)
        var parts = [
            """
            \(self.node) in \(self.mesh), up \(uptime)
            spool \(used) of \(Wording.bytes(self.spool.limit)), incarnation \(self.incarnation)
            """
        ]
        if let life = self.life, let hint = life.hint {
            parts.append("\(life.state): \(life.detail ?? "")\n  \(hint)")
        }
        if !self.neighbours.isEmpty {
            var table = TextTable("NEIGHBOUR", "STATE", "SINCE", "NEXT CALL", "LAST ERROR")
            for neighbour in self.neighbours {
                table.add(
                    neighbour.name,
                    neighbour.state,
                    neighbour.since.map { Wording.age(of: $0.milliseconds, at: now) },
                    neighbour.next.map { Wording.age(of: $0.milliseconds, at: now) },
                    neighbour.lastError.map { "\($0.code): \($0.message)" }
                )
            }
            parts.append(table.text())
        }
        if !self.flows.isEmpty {
            var table = TextTable("FLOW", "ROLE", "WAITING", "HELD", "LANDED", "OTHER ENDS")
            for flow in self.flows {
                table.add(
                    flow.flow,
                    flow.role,
                    flow.waiting.map(Wording.number),
                    flow.held.map(Wording.number),
                    flow.landed.map(Wording.number),
                    flow.ended.map(Wording.number)
                )
            }
            parts.append(table.text())
        }
        if !self.counts.isEmpty {
            var table = TextTable("COUNT", "")
            for (name, count) in self.counts.sorted(by: { $0.key < $1.key }) {
                table.add(name, String(count))
            }
            parts.append(table.text())
        }
        return parts.joined(separator: "\n\n")
    }
}
