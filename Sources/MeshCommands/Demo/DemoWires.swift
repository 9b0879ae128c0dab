import MeshCustody
import MeshNode

/// What crossed each of the demo's two wires, as the nodes that gave have counted it.
struct DemoWires {
    /// A wire on the way of the files, by its ends.
    struct Line {
        let from: String
        let to: String
        let wire: StatusReport.Wire

        /// All that was no file, both ways, in per cent of what was; `nil` if nothing was.
        var overhead: Double? {
            guard self.wire.payloadSent > 0 else { return nil }
            let all = Double(self.wire.sent) + Double(self.wire.received)
            return (all / Double(self.wire.payloadSent) - 1) * 100
        }
    }

    let lines: [Line]

    /// Asks the nodes.
    init(_ mesh: DemoMesh) throws {
        self.lines = try zip(DemoMesh.nodes, DemoMesh.nodes.dropFirst()).map { from, to in
            let status = try mesh.ask(from, ControlRequest("status")).decode(StatusReport.self)
            guard let wire = status.neighbours.first(where: { $0.name == to })?.wire else {
                throw CommandFailure(
                    code: "failed",
                    message: "\(from) knows of no bytes between itself and \(to)."
                )
            }
            return Line(from: from, to: to, wire: wire)
        }
    }

    /// A table of them.
    var text: String {
        var table = TextTable("WIRE", "THERE", "BACK", "FILES, COMPRESSED", "ALL ELSE")
        for line in self.lines {
            table.add(
                "\(line.from) -> \(line.to)",
                Wording.bytes(Int64(clamping: line.wire.sent)),
                Wording.bytes(Int64(clamping: line.wire.received)),
                Wording.bytes(Int64(clamping: line.wire.payloadSent)),
                line.overhead.map { "\(Wording.tenths($0)) %" }
            )
        }
        return table.text()
    }
}
