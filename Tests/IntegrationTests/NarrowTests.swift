import Foundation
import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    /// Relays that are smaller than what passes through them.
    @Suite(.serialized)
    struct Narrow {
        static func line(spool: String) -> String {
            """
            mesh: narrow
            nodes:
              origin: {sends: {files: HERE/source}, spool: 20 GiB}
              relay: {listens: "127.0.0.1:PORT", spool: \(spool)}
              collector: {receives: landed, spool: 20 GiB}
            links:
              - origin -> relay
              - collector -> relay
            flows: {files: {done-when: sent}}
            """
        }

        /// What a spool may take besides its log: the index, its write-ahead log, two snapshots.
        static let besides: Int64 = 24 << 20

        /// The most that a log may take: the open segment and the next have their blocks ahead of
        /// what is written, which is what counts; and the cache, which counts as free, is given back
        /// beside the writing, more slowly on a busy machine.
        static func most(_ spool: Int64) -> Int64 { spool + spool / 4 }

        @Test(.timeLimit(.minutes(10)))
        func aFileLargerThanTheRelayCrossesItInLittleRoomAndMemory() async throws {
            let bytes = Show.size(Int64(300) << 20, full: 2 << 30)
            let spool = Show.size(Int64(64) << 20, full: 256 << 20)
            try await Mesh.with(Self.line(spool: "\(spool >> 20) MiB")) { mesh in
                let source = "\(mesh.directory)/source"
                try Tree.makeDirectory(source)
                try Tree.random(bytes, to: "\(source)/large")
                try await mesh.start("origin", "relay", "collector")
                let watch = Watch(mesh, "origin", "relay", "collector")
                defer { watch.end() }
                let begun = ContinuousClock.now
                let answer = try await mesh.send(source, waiting: true, within: 500)
                let took = ContinuousClock.now - begun
                #expect(answer.ending == .exited(0), "\(answer.errors)")
                #expect(try Tree.differences(source, mesh.landed) == [])

                let peak = watch.peak("relay")
                Show.note(
                    "\(bytes >> 20) MiB through a relay of \(spool >> 20) MiB in \(took); "
                        + "the relay: \(peak.description)"
                )
                #expect(peak.memory < 150 << 20)
                #expect(peak.memory > 0)
                #expect(peak.log <= Self.most(spool))
                #expect(peak.spool <= Self.most(spool) + Self.besides)
                try await mesh.rest(within: 20)
                // It was never the relay's: the collector's word came through to the origin.
                let events = try await mesh.trace("large", at: "origin").parcels.first?.events ?? []
                let custody = events.filter { $0.what == "custody" }
                #expect(custody.map(\.node) == ["collector"])
                #expect(custody.map(\.signature) == ["verifies"])
            }
        }

        /// The small ones never stop coming; the large one needs more than the relay ever has free.
        @Test(
            .timeLimit(.minutes(15)),
            arguments: Show.isFull
                ? [(10_240, 128), (100, 128)] : [(200, 64), (100, 128)]
        )
        func oneLargeFileAndEndlessSmallOnesBothGetThrough(mebibytes: Int, spool: Int) async throws
        {
            try await Mesh.with(Self.line(spool: "\(spool) MiB")) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory(source)
                try Tree.random(Int64(mebibytes) << 20, to: "\(source)/large")
                try await mesh.start("origin", "relay", "collector")
                let first = try await mesh.send("\(source)/large")
                #expect(first.ending == .exited(0), "\(first.errors)")

                // Each round waits for its own small files, so that they progress while it does.
                var (made, slowest) = (0, 0.0)
                let begun = ContinuousClock.now
                repeat {
                    let directory = "\(source)/small-\(made)"
                    try Tree.makeDirectory(directory)
                    for number in 0..<40 {
                        let size = Int.random(in: 1...120_000, using: &random)
                        try Tree.write(Sample.bytes(size, &random), to: "\(directory)/\(number)")
                    }
                    made += 40
                    let round = ContinuousClock.now
                    let answer = try await mesh.send(directory, waiting: true, within: 60)
                    #expect(answer.ending == .exited(0), "\(answer.errors)")
                    slowest = max(slowest, (ContinuousClock.now - round) / .seconds(1))
                    guard ContinuousClock.now - begun < .seconds(Show.size(120, full: 600)) else {
                        throw Failure("the large one does not land beside \(made) small ones")
                    }
                } while access("\(mesh.landed)/large", F_OK) != 0
                try await mesh.rest(within: 30)
                Show.note(
                    "\(mebibytes) MiB through \(spool) MiB beside \(made) small files in "
                        + "\(ContinuousClock.now - begun); slowest round of 40: \(slowest) s"
                )
                #expect(try await mesh.landedCount() == UInt64(made + 1))
                #expect(try Tree.differences(source, mesh.landed) == [])
            }
        }

        /// Two flows that go opposite ways fill both relays between them: each keeps room for the
        /// other's collector, so that both drain.
        @Test(.timeLimit(.minutes(10)))
        func fullRelaysBetweenOpposedCollectorsDrain() async throws {
            let text = """
                mesh: opposed
                nodes:
                  a: {sends: {east: HERE/a}, receives: {west: landed}, spool: 64 MiB}
                  r1: {listens: "127.0.0.1:PORT", spool: 64 MiB}
                  r2: {listens: "127.0.0.1:PORT", spool: 64 MiB}
                  b: {sends: {west: HERE/b}, receives: {east: landed}, spool: 64 MiB}
                links: [a -> r1, r1 -> r2, b -> r2]
                flows: {east: {done-when: sent}, west: {done-when: sent}}
                """
            try await Mesh.with(text) { mesh in
                var random = Seeded()
                let large = Show.size(12, full: 60)
                for end in ["a", "b"] {
                    let source = "\(mesh.directory)/\(end)"
                    try Tree.makeDirectory(source)
                    for number in 0..<large {
                        let size = Int64.random(in: 1 << 20...20 << 20, using: &random)
                        try Tree.random(size, to: "\(source)/large-\(number)")
                    }
                    for number in 0..<large * 20 {
                        let size = Int.random(in: 1...20_000, using: &random)
                        try Tree.write(Sample.bytes(size, &random), to: "\(source)/\(number)")
                    }
                }
                let watch = Watch(mesh, "r1", "r2")
                defer { watch.end() }
                try await mesh.start("a", "b", "r1", "r2")
                let begun = ContinuousClock.now
                async let east = mesh.send(
                    "\(mesh.directory)/a",
                    from: "a",
                    waiting: true,
                    within: 400
                )
                async let west = mesh.send(
                    "\(mesh.directory)/b",
                    from: "b",
                    waiting: true,
                    within: 400
                )
                for answer in try await [east, west] {
                    #expect(answer.ending == .exited(0), "seed \(random.seed) \(answer.errors)")
                }
                Show.note(
                    "\(2 * large) files of 1 to 20 MiB and \(40 * large) small ones, both ways "
                        + "through two relays of 64 MiB in \(ContinuousClock.now - begun); "
                        + "r1: \(watch.peak("r1").description); r2: \(watch.peak("r2").description)"
                )
                for relay in ["r1", "r2"] {
                    #expect(watch.peak(relay).log <= Self.most(64 << 20))
                    #expect(watch.peak(relay).memory < 150 << 20)
                }
                try await mesh.rest(["a", "b", "r1", "r2"], within: 30)
                for (one, other, flow) in [("a", "b", "east"), ("b", "a", "west")] {
                    let landed = "\(mesh.home(other))/landed/\(one)/\(flow)"
                    #expect(try Tree.differences("\(mesh.directory)/\(one)", landed) == [])
                }
            }
        }
    }
}
