import Foundation
import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Damage {
        @Test(.timeLimit(.minutes(5)), arguments: [("small", 20_000), ("large", 3_000_000)])
        func aFlippedByteIsNotPassedOnAndHeals(name: String, size: Int) async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                var random = Seeded()
                let bytes = Sample.bytes(size, &random)
                try Tree.makeDirectory(source)
                try Tree.write(bytes, to: "\(source)/\(name)")
                try await mesh.start("origin", "relay")
                #expect(try await mesh.send(source).ending == .exited(0))
                try await Pace.wait("the relay has custody", within: 30) {
                    let parcels = try await mesh.trace(name, at: "origin").parcels
                    return parcels.first?.events.contains { $0.what == "custody" } == true
                }
                #expect(await mesh.stop("origin") == .exited(0))
                #expect(await mesh.stop("relay") == .exited(0))
                try Self.flip(Array(bytes[(size / 2)..<(size / 2 + 48)]), in: mesh.home("relay"))

                // Nobody is there who could help: the relay says so and hands on nothing.
                try await mesh.start("relay", "collector")
                try await Pace.wait("the relay shows the damage", within: 30) {
                    try await mesh.trace(name, at: "relay").parcels.first?.state == "damaged"
                } otherwise: {
                    "\(String(describing: try? await mesh.trace(name, at: "relay")))"
                }
                #expect(try await mesh.landedCount() == 0)

                try await mesh.start("origin")
                try await Pace.wait("it heals and lands", within: 60) {
                    try await mesh.landedCount() == 1
                } otherwise: {
                    "\(String(describing: try? await mesh.trace(name, at: "relay")))"
                }
                #expect(try Tree.differences(source, mesh.landed) == [])
                let events = try await mesh.trace(name, at: "relay").parcels.flatMap(\.events)
                #expect(events.contains { $0.what == "damaged" && $0.signature == "verifies" })
            }
        }

        /// Flips a bit behind some bytes in a segment of a node that does not run.
        static func flip(_ needle: [UInt8], in home: String) throws {
            let log = "\(home)/spool/log"
            let names = try FileManager.default.contentsOfDirectory(atPath: log)
            for name in names where name.hasSuffix(".seg") {
                let url = URL(fileURLWithPath: "\(log)/\(name)")
                let data = try Data(contentsOf: url)
                guard let range = data.range(of: Data(needle)) else { continue }
                let descriptor = open(url.path, O_WRONLY)
                defer { close(descriptor) }
                var byte = data[range.lowerBound] ^ 1
                guard pwrite(descriptor, &byte, 1, off_t(range.lowerBound - data.startIndex)) == 1
                else { throw Failure("flip: errno \(errno)") }
                return
            }
            throw Failure("no segment in \(log) holds the bytes")
        }
    }
}
