import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Sends {
        @Test(.timeLimit(.minutes(5)))
        func filesSentTwiceAtOnceBecomeOneParcelEach() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory(source)
                for number in 0..<500 {
                    let size = number % 20 == 0 ? 200_000 : 300
                    try Tree.write(Sample.bytes(size, &random), to: "\(source)/\(number)")
                }
                try await mesh.start("origin", "relay", "collector")
                try await withThrowingTaskGroup { group in
                    for number in 0..<8 {
                        group.addTask {
                            await Pace.pass(seconds: 0.05 * Double(number / 4))
                            return try await mesh.send(source, waiting: true)
                        }
                    }
                    for try await answer in group {
                        #expect(answer.ending == .exited(0), "\(answer.errors)")
                        #expect(try answer.decode(SendReport.self).landed == 500)
                    }
                }
                try await mesh.rest(within: 20)
                #expect(try await mesh.landedCount() == 500)
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func commandsThatWereInterruptedLeaveRoomForOthers() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                try Tree.makeDirectory(source)
                try Tree.write([1], to: "\(source)/file")
                try await mesh.start("origin")
                for _ in 0..<3 {
                    // Nothing lands without a collector: each would wait for ever, and is killed.
                    try await withThrowingTaskGroup { group in
                        for _ in 0..<24 {
                            group.addTask {
                                _ = try await mesh.send(source, waiting: true, within: 2)
                            }
                        }
                        try await group.waitForAll()
                    }
                }
                #expect(try await mesh.status("origin").node == "origin")
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func waitingForAFileThatVanishedEnds() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory(source)
                let large = "\(source)/large"
                try Tree.write(Sample.bytes(1 << 20, &random), to: large)
                // Holes cost no reading, but seconds to hash.
                guard truncate(large, 4 << 30) == 0 else { throw Failure("truncate: \(errno)") }
                try await mesh.start("origin", "relay", "collector")
                async let sent = mesh.send(source, waiting: true, within: 40)
                try await Pace.wait("it is being captured", within: 20, every: 0.05) {
                    (try? await mesh.trace("large", at: "origin").parcels.isEmpty) == false
                }
                unlink(large)
                let answer = try await sent
                #expect(answer.ending != .overdue)
                #expect(answer.ending != .exited(0), "\(answer.errors)")
                try await mesh.rest(within: 20)
            }
        }
    }
}
