import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Traces {
        @Test(.timeLimit(.minutes(5)))
        func everyNodeTellsTheWholeWay() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory("\(source)/in")
                try Tree.write(Sample.bytes(900, &random), to: "\(source)/in/small")
                try Tree.write(Sample.bytes(900_000, &random), to: "\(source)/in/large")
                try await mesh.start("origin", "relay", "collector")
                #expect(try await mesh.send(source, waiting: true).ending == .exited(0))
                try await mesh.rest(within: 20)

                for name in ["in/small", "in/large"] {
                    let atOrigin = try await mesh.trace("\(source)/\(name)", at: "origin")
                    let id = try #require(atOrigin.parcels.first).id
                    let traces = [
                        atOrigin,
                        try await mesh.trace(id, at: "origin"),
                        try await mesh.trace(name, at: "relay"),
                        try await mesh.trace(id, at: "relay"),
                        try await mesh.trace("\(mesh.landed)/\(name)", at: "collector"),
                        try await mesh.trace(id, at: "collector"),
                    ]
                    for trace in traces { try Self.check(trace, id) }
                }
                let unknown = try await mesh.command(
                    ["trace", "--home", mesh.home("relay"), "--", "in/nothing"])
                #expect(unknown.ending == .exited(6), "\(unknown.errors)")
            }
        }

        static func check(_ trace: TraceReport, _ id: String) throws {
            #expect(trace.parcels.count == 1)
            let parcel = try #require(trace.parcels.first)
            #expect(parcel.id == id)
            #expect(parcel.state == "landed")
            #expect(parcel.hops.map(\.node) == ["origin", "relay", "collector"])
            for hop in parcel.hops {
                #expect(hop.arrived.milliseconds <= hop.held.milliseconds)
            }
            let landed = parcel.events.filter { $0.what == "landed" && $0.node == "collector" }
            #expect(landed.map(\.signature) == ["verifies"])
            let bad = parcel.events.filter { !["verifies", "unsigned"].contains($0.signature) }
            #expect(bad == [])
        }
    }
}
