import ArgumentParser
import MeshCustody
import MeshModel
import MeshNode

/// `tributary status`: what the node holds and whom it reaches.
struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show what the node holds and whom it reaches.",
        discussion: """
            Examples:
              tributary status
              tributary status --home mesh/dmz --json
            """
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
        var parts = [
            """
            \(self.node) in \(self.mesh), up \(uptime)
            incarnation \(self.incarnation)
            \(self.spool.text)
            """
        ]
        if let life = self.life, let hint = life.hint {
            parts.append("\(life.state): \(life.detail ?? "")\n  \(hint)")
        }
        if let certificate = self.certificate {
            parts[0] += "\n" + certificate.text
            if certificate.isShort {
                parts.append(
                    "The certificate has to be renewed: `tributary keys renew` here, `tributary keys "
                        + "issue` at the authority, `tributary join` here."
                )
            }
        }
        if let forbidden = self.forbidden, !forbidden.isEmpty {
            let lines = forbidden.map { finding in
                "site_forbids: \(finding.message)" + (finding.hint.map { "\n  \($0)" } ?? "")
            }
            parts.append(lines.joined(separator: "\n"))
        }
        if !self.neighbours.isEmpty {
            var table = TextTable(
                "NEIGHBOUR",
                "STATE",
                "SINCE",
                "NEXT CALL",
                "TO GO",
                "OUT",
                "IN",
                "LAST ERROR"
            )
            for neighbour in self.neighbours {
                table.add(
                    neighbour.name,
                    neighbour.state,
                    neighbour.since.map { Wording.age(of: $0.milliseconds, at: now) },
                    neighbour.next.map { Wording.age(of: $0.milliseconds, at: now) },
                    neighbour.waiting?.text,
                    neighbour.wire.map { Wording.bytes(Int64(clamping: $0.sent)) },
                    neighbour.wire.map { Wording.bytes(Int64(clamping: $0.received)) },
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
        // Of a node at rest all are 0, and say nothing.
        let counts = self.counts.filter { $0.value != 0 }
        if !counts.isEmpty {
            var table = TextTable("COUNT", "")
            for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
                table.add(name, String(count))
            }
            parts.append(table.text())
        }
        return parts.joined(separator: "\n\n")
    }
}

extension StatusReport.Certificate {
    /// How long it lasts, as a line.
    var text: String {
        let day = self.expires.milliseconds.description.prefix(10)
        guard self.daysLeft >= 0 else { return "certificate expired on \(day)" }
        return "certificate until \(day), \(Wording.count(UInt64(self.daysLeft), "day")) left"
    }
}

extension StatusReport.Spool {
    /// The room as a line.
    var text: String {
        let used = "spool \(Wording.bytes(self.used)) of \(Wording.bytes(self.limit))"
        let free = "\(Wording.bytes(self.free)) free"
        guard self.reservations > 0 else { return "\(used), \(free)" }
        return "\(used), \(Wording.bytes(self.promised)) promised to "
            + "\(Wording.count(self.reservations, "parcel")), \(free)"
    }
}

extension StatusReport.Waiting {
    /// Count and size; `nil` when there is nothing.
    var text: String? {
        self.parcels == 0
            ? nil : "\(Wording.number(self.parcels)), \(Wording.bytes(self.bytes))"
    }
}
