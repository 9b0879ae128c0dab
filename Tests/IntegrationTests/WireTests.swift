import MeshCustody
import Testing

extension IntegrationTests {
    /// What status says of the wire, beside what a line between the nodes has passed on.
    @Suite(.serialized)
    struct Wires {
        @Test(.timeLimit(.minutes(5)))
        func statusTellsTheBytesThatCrossTheWire() async throws {
            let topology = Mesh.line().replacing(
                "relay: {listens: \"127.0.0.1:PORT\"}",
                with: "relay: {listens: \"127.0.0.1:VIA\"}"
            )
            try await Mesh.with(topology) { mesh in
                let line = try #require(mesh.lines["relay"])
                let source = "\(mesh.directory)/source"
                let size = 4_000_000
                try Tree.makeDirectory(source)
                var random = Seeded()
                try Tree.write(Sample.bytes(size, &random), to: "\(source)/random")
                try await mesh.start("origin", "relay", "collector")
                let answer = try await mesh.send(source, waiting: true)
                #expect(answer.ending == .exited(0), "\(answer.errors)")
                try await mesh.rest(within: 20)

                func wire() async throws -> StatusReport.Wire {
                    try #require(try await mesh.status("origin").neighbours[0].wire)
                }
                try await Pace.wait("all is counted", within: 10) {
                    let (wire, bytes) = (try await wire(), line.bytes)
                    return wire.sent == UInt64(bytes.towards)
                        && wire.received == UInt64(bytes.back)
                } otherwise: {
                    "\(String(describing: try? await wire())) \(line.bytes)"
                }
                let first = try await wire()
                // Random bytes are not compressed; all else is a hundredth of them or so.
                #expect(first.payloadSent >= UInt64(size))
                #expect(first.sent > first.payloadSent)
                #expect(first.sent + first.received < UInt64(size) / 100 * 103, "\(first)")
                #expect(first.call == .init(sent: first.sent, received: first.received))

                // The next call counts from nothing, and the sum goes on.
                line.cut()
                try await Pace.wait("another call", within: 30) {
                    let now = try await wire()
                    guard let call = now.call else { return false }
                    // The call before may have said its farewell.
                    return now.sent > first.sent && call.sent <= now.sent - first.sent
                        && call.sent + 1_024 > now.sent - first.sent
                } otherwise: {
                    "\(first) \(String(describing: try? await wire()))"
                }
                let text = try await mesh.command(["status", "--home", mesh.home("origin")]).text
                #expect(text.contains(/NEIGHBOUR .* OUT +IN +LAST ERROR\nrelay .* 3\.8 MiB +[0-9]/))
            }
        }
    }
}
