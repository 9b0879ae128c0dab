import Foundation
import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Sources {
        static let topology = """
            mesh: sources
            nodes:
              origin: {sends: {renamed: HERE/renamed, marked: HERE/marked, quiet: HERE/quiet}}
              collector: {listens: "127.0.0.1:PORT", receives: landed}
            links: [origin -> collector]
            flows:
              marked: {done-when: marker .done}
              quiet: {done-when: quiet 3 s}
            """

        static func sources(_ mesh: Mesh) async throws -> (report: SourcesReport, ending: Ending) {
            let answer = try await mesh.command(
                ["sources", "--json", "--home", mesh.home("origin")]
            )
            return (try answer.decode(SourcesReport.self), answer.ending)
        }

        /// Both nodes run, and every source is watched.
        static func with(_ body: (Mesh) async throws -> Void) async throws {
            try await Mesh.with(Self.topology) { mesh in
                for flow in ["renamed", "marked", "quiet"] {
                    try Tree.makeDirectory("\(mesh.directory)/\(flow)")
                }
                try await mesh.start("origin", "collector")
                try await Pace.wait("sources are watched", within: 20) {
                    try await Self.sources(mesh).report.sources.allSatisfy {
                        $0.watch.state == "watching" && $0.lastScan != nil
                    }
                }
                try await body(mesh)
            }
        }

        static func hasLanded(_ mesh: Mesh, _ path: String, _ bytes: [UInt8]) -> Bool {
            let landed = "\(mesh.home("collector"))/landed/origin/\(path)"
            return FileManager.default.contents(atPath: landed).map { Array($0) } == bytes
        }

        static func waitToLand(_ mesh: Mesh, _ path: String, _ bytes: [UInt8]) async throws {
            try await Pace.wait("\(path) has landed", within: 20) {
                Self.hasLanded(mesh, path, bytes)
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func aFileThatIsRenamedIntoPlaceLandsAtOnce() async throws {
            try await Self.with { mesh in
                var random = Seeded()
                let bytes = Sample.bytes(100_000, &random)
                try Tree.write(bytes, to: "\(mesh.directory)/being-made")
                try Tree.makeDirectory("\(mesh.directory)/renamed/new/deep")
                rename("\(mesh.directory)/being-made", "\(mesh.directory)/renamed/new/deep/file")
                try await Self.waitToLand(mesh, "renamed/new/deep/file", bytes)
                // Found by its event: the next scan is minutes away.
                let source = try await Self.sources(mesh).report.sources.first
                #expect(source?.watch.directories == 3)
                #expect(source?.lastScan?.files == 0)
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func aMarkedFileLandsWhenItsMarkerIsThere() async throws {
            try await Self.with { mesh in
                var random = Seeded()
                let bytes = Sample.bytes(5_000, &random)
                try Tree.write(bytes, to: "\(mesh.directory)/marked/file")
                try await Pace.wait("the file waits for its marker", within: 20) {
                    let marked = try await Self.sources(mesh).report.sources
                        .first { $0.flow == "marked" }
                    return marked?.leftAlone.map(\.reason) == ["no_marker"]
                }
                #expect(!Self.hasLanded(mesh, "marked/file", bytes))
                try Tree.write([], to: "\(mesh.directory)/marked/file.done")
                try await Self.waitToLand(mesh, "marked/file", bytes)
                try await mesh.rest(["origin", "collector"], within: 20)
                let marker = try await mesh.command(
                    ["trace", "--home", mesh.home("collector"), "file.done"]
                )
                #expect(marker.ending == .exited(6))
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func aFileThatIsBeingWrittenLandsOnceAndWhole() async throws {
            try await Self.with { mesh in
                var random = Seeded()
                let bytes = Sample.bytes(200_000, &random)
                let writer = open("\(mesh.directory)/quiet/file", O_CREAT | O_WRONLY, 0o644)
                _ = bytes[..<100_000].withUnsafeBytes { write(writer, $0.baseAddress, $0.count) }
                // Long quiet, and yet not done.
                try await Pace.wait("the writer is noticed", within: 20) {
                    let quiet = try await Self.sources(mesh).report.sources
                        .first { $0.flow == "quiet" }
                    return quiet?.leftAlone.map(\.reason) == ["being_written"]
                }
                _ = bytes[100_000...].withUnsafeBytes { write(writer, $0.baseAddress, $0.count) }
                close(writer)
                try await Self.waitToLand(mesh, "quiet/file", bytes)
                #expect(try await mesh.trace("file", at: "origin").parcels.count == 1)
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func aMissingSourceIsReportedAndComesBackByItself() async throws {
            try await Self.with { mesh in
                let (source, away) = ("\(mesh.directory)/renamed", "\(mesh.directory)/away")
                #expect(try await Self.sources(mesh).ending == .exited(0))
                rename(source, away)
                try await Pace.wait("the source is missing", within: 20) {
                    try await Self.sources(mesh).ending == .exited(3)
                }
                try Tree.write([1, 2, 3], to: "\(away)/file")
                rename(away, source)
                try await Self.waitToLand(mesh, "renamed/file", [1, 2, 3])
                #expect(try await Self.sources(mesh).ending == .exited(0))
                let stray = try await mesh.command(
                    ["sources", "nothing", "--home", mesh.home("origin")]
                )
                #expect(stray.ending == .exited(6), "\(stray.errors)")
                let text = try await mesh.command(["sources", "--home", mesh.home("origin")])
                #expect(
                    String(decoding: text.output, as: UTF8.self).contains("watching 1 directory")
                )
            }
        }

        /// Stopped or killed, a node takes what came meanwhile when it starts.
        @Test(.timeLimit(.minutes(5)))
        func whatCameWhileTheNodeWasAwayIsTakenWhenItStarts() async throws {
            try await Self.with { mesh in
                #expect(await mesh.stop("origin") == .exited(0))
                try Tree.write([1], to: "\(mesh.directory)/renamed/away")
                try await mesh.start("origin")
                try await Self.waitToLand(mesh, "renamed/away", [1])
                try await mesh.kill("origin")
                try Tree.write([2], to: "\(mesh.directory)/renamed/killed")
                try await mesh.start("origin")
                try await Self.waitToLand(mesh, "renamed/killed", [2])
                #expect(try await mesh.trace("away", at: "origin").parcels.count == 1)
            }
        }
    }
}
