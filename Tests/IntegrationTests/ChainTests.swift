import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    /// Many hops, and many origins.
    @Suite(.serialized)
    struct Chains {
        static let five = ["origin", "relay-1", "relay-2", "relay-3", "collector"]

        /// Calls go this way and that; the relay in the middle is too small for the large file.
        static let chain = """
            mesh: chain
            nodes:
              origin: {sends: {files: HERE/source}}
              relay-1: {listens: "127.0.0.1:PORT"}
              relay-2: {listens: "127.0.0.1:PORT", spool: 64 MiB}
              relay-3: {}
              collector: {listens: "127.0.0.1:PORT", receives: landed}
            links:
              - origin -> relay-1
              - relay-1 -> relay-2
              - relay-3 -> relay-2
              - relay-3 -> collector
            flows: {files: {done-when: sent}}
            """

        @Test(.timeLimit(.minutes(5)))
        func aChainOfFiveCarriesSmallAndLargeAndEachNodeTellsTheWay() async throws {
            try await Mesh.with(Self.chain) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory(source)
                try Tree.random(Show.size(90 << 20, full: 600 << 20), to: "\(source)/large")
                try Tree.random(5 << 20, to: "\(source)/middle")
                for number in 0..<300 {
                    let size = Int.random(in: 0...80_000, using: &random)
                    try Tree.write(Sample.bytes(size, &random), to: "\(source)/\(number)")
                }
                for node in Self.five { try mesh.launch(node) }
                for node in Self.five { try await mesh.waitForAnswer(of: node) }
                let answer = try await mesh.send(source, waiting: true, within: 180)
                #expect(answer.ending == .exited(0), "\(answer.errors)")
                #expect(try Tree.differences(source, mesh.landed) == [])
                try await mesh.rest(Self.five, within: 30)

                for name in ["large", "middle", "7"] {
                    for node in Self.five {
                        let trace = try await mesh.trace(
                            node == "origin" ? "\(source)/\(name)" : name,
                            at: node
                        )
                        let parcel = try #require(trace.parcels.first, "\(name) at \(node)")
                        #expect(parcel.state == "landed")
                        #expect(parcel.hops.map(\.node) == Self.five, "\(name) at \(node)")
                        let landed = parcel.events.filter { $0.what == "landed" }
                        #expect(landed.map(\.node) == ["collector"], "\(name) at \(node)")
                        let bad = parcel.events.filter {
                            !["verifies", "unsigned"].contains($0.signature)
                        }
                        #expect(bad == [], "\(name) at \(node)")
                    }
                }
            }
        }

        /// The relay has most of it from one origin already when the other sends the same bytes.
        @Test(.timeLimit(.minutes(5)))
        func equalFilesFromTwoOriginsAtOnceCrossTheLineOnce() async throws {
            let bytes: Int64 = 60 << 20
            let text = """
                mesh: equal
                nodes:
                  east: {sends: {files: HERE/east}}
                  west: {sends: {files: HERE/west}}
                  relay: {listens: "127.0.0.1:VIA"}
                  collector: {listens: "127.0.0.1:PORT", receives: landed}
                links: [east -> relay, west -> relay, relay -> collector]
                flows: {files: {done-when: sent}}
                """
            try await Mesh.with(text) { mesh in
                let (east, west) = ("\(mesh.directory)/east", "\(mesh.directory)/west")
                try Tree.makeDirectory(east)
                try Tree.makeDirectory(west)
                try Tree.random(bytes, to: "\(east)/file")
                _ = try Tree.append("\(east)/file", to: "\(west)/file")
                try await mesh.start("east", "west", "relay", "collector")
                let line = try #require(mesh.lines["relay"])
                let idle = line.bytes
                async let one = mesh.send(east, from: "east", waiting: true)
                async let other = mesh.send(west, from: "west", waiting: true)
                for answer in try await [one, other] {
                    #expect(answer.ending == .exited(0), "\(answer.errors)")
                }
                let sent = line.bytes.towards - idle.towards
                Show.note(
                    "two origins, \(bytes >> 20) MiB each, equal, at once: "
                        + "\(sent >> 20) MiB to the relay"
                )
                #expect(sent >= bytes)
                #expect(sent < bytes * 5 / 4)
                for origin in ["east", "west"] {
                    let landed = "\(mesh.home("collector"))/landed/\(origin)/files"
                    #expect(try Tree.differences("\(mesh.directory)/\(origin)", landed) == [])
                }
                try await mesh.rest(["east", "west", "relay", "collector"], within: 20)
            }
        }
    }
}
