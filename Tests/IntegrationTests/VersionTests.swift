import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Versions {
        @Test(.timeLimit(.minutes(5)))
        func aNewerVersionReplacesWhatLanded() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                try Tree.makeDirectory(source)
                try await mesh.start("origin", "relay", "collector")
                for size in [1_000, 300_000, 20] {
                    try Tree.write(Sample.bytes(size, &random), to: "\(source)/file")
                    #expect(try await mesh.send(source, waiting: true).ending == .exited(0))
                    #expect(try Tree.differences(source, mesh.landed) == [])
                }
                let states = try await mesh.trace("file", at: "collector").parcels.map(\.state)
                #expect(states == ["landed", "landed", "landed"])
            }
        }

        /// Each file is taken away as soon as it lands; what comes again would be there twice.
        @Test(.timeLimit(.minutes(5)))
        func whatAConsumerTookAwayNeverLandsAgain() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                let taken = "\(mesh.directory)/taken"
                try Tree.makeDirectory(source)
                try Tree.makeDirectory(taken)
                var random = Seeded()
                let seed = random.seed
                for number in 0..<400 {
                    let size = number % 10 == 0 ? 200_000 : 2_000
                    try Tree.write(Sample.bytes(size, &random), to: "\(source)/\(number)")
                }
                try await mesh.start("origin", "relay", "collector")
                #expect(try await mesh.send(source).ending == .exited(0))
                var twice: [String] = []
                for node in ["collector", "relay", "collector", "collector", "origin", "collector"]
                {
                    for _ in 0..<Int.random(in: 1...25, using: &random) {
                        twice += try Self.take(from: mesh.landed, to: taken)
                        await Pace.pass(seconds: 0.01)
                    }
                    try await mesh.kill(node)
                    twice += try Self.take(from: mesh.landed, to: taken)
                    try mesh.launch(node)
                }
                for node in ["origin", "relay", "collector"] {
                    try await mesh.waitForAnswer(of: node)
                }
                try await Pace.wait("all was taken", within: 60) {
                    twice += try Self.take(from: mesh.landed, to: taken)
                    return try Tree.files(beneath: taken).count >= 400
                }
                try await mesh.rest(within: 30)
                twice += try Self.take(from: mesh.landed, to: taken)
                #expect(twice == [], "seed \(seed)")
                #expect(try await mesh.landedCount() == 400, "seed \(seed)")
                #expect(try Tree.differences(source, taken) == [], "seed \(seed)")
            }
        }

        /// Moves what landed; returns what had been taken before.
        static func take(from landed: String, to taken: String) throws -> [String] {
            guard access(landed, F_OK) == 0 else { return [] }
            let names = try Tree.files(beneath: landed).keys.map {
                String(decoding: $0, as: UTF8.self)
            }
            return try names.filter { !$0.hasPrefix(".tributary-") }.filter { name in
                let isThere = access("\(taken)/\(name)", F_OK) == 0
                guard rename("\(landed)/\(name)", "\(taken)/\(name)") == 0 else {
                    throw Failure("take \(name): errno \(errno)")
                }
                return isThere
            }
        }
    }
}
