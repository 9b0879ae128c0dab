import Foundation
import Glibc
import Testing

extension IntegrationTests {
    /// `tributary demo` as people run it, with fewer files.
    @Suite(.serialized)
    struct Demo {
        private static func scratch() throws -> URL {
            // Short: the path of a Unix socket has at most 107 bytes.
            let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
            let scratch = URL(filePath: place).appending(path: "t-\(UInt32.random(in: 0 ... .max))")
            try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
            return scratch
        }

        private static func demo(_ words: [String], in scratch: URL) async throws -> Answer {
            try await Program.answer(
                Mesh.tributary,
                ["demo", "\(scratch.path)/demo", "--from", "/usr/bin"] + words,
                in: scratch.path,
                within: 240
            )
        }

        private static func answering(in scratch: URL) async throws -> [String] {
            var answering: [String] = []
            for node in ["site", "dmz", "hq"] {
                let status = try await Program.answer(
                    Mesh.tributary,
                    ["status", "--home", "\(scratch.path)/demo/mesh/\(node)"],
                    in: scratch.path
                )
                if status.ending == .exited(0) { answering.append(node) }
            }
            return answering
        }

        @Test(.timeLimit(.minutes(5)))
        func theDemoEndsWithTheProofThatAllOfItHeld() async throws {
            let scratch = try Self.scratch()
            defer { try? FileManager.default.removeItem(at: scratch) }
            let answer = try await Self.demo(
                ["--files", "40", "--mebibytes", "8", "--large", "3"],
                in: scratch
            )
            #expect(answer.ending == .exited(0), "\(answer.errors)")
            #expect(answer.text.contains("41 files compared by SHA-256; nothing differs."))
            #expect(answer.text.contains("large/random.bin: landed"))
            #expect(answer.text.contains("Nothing is left in the DMZ"))
            #expect(answer.text.contains("All of it held."))
            for wire in ["site -> dmz", "dmz -> hq"] { try Self.checkWire(wire, answer.text) }
            #expect(try await Self.answering(in: scratch) == [])
            let again = try await Self.demo([], in: scratch)
            #expect(again.ending == .exited(1))
            #expect(again.errors.contains("[home_exists]"))
        }

        /// The wire carried the large file, which does not compress, and not much besides.
        private static func checkWire(_ wire: String, _ text: String) throws {
            let row = try #require(
                text.firstMatch(
                    of: try Regex(
                        wire + " +([0-9.]+) MiB +[0-9.]+ [KM]iB +([0-9.]+) MiB +([0-9.]+) %",
                        as: (Substring, Substring, Substring, Substring).self
                    )
                )
            )
            let (there, files) = (Double(row.output.1) ?? 0, Double(row.output.2) ?? 0)
            let others = Double(row.output.3) ?? 100
            #expect((2.8...11).contains(files), "\(row.0)")
            #expect(there >= files && there < 1.1 * files, "\(row.0)")
            #expect(others > 0 && others < 10, "\(row.0)")
        }

        @Test func aDiskThatIsTooSmallIsToldBefore() async throws {
            let scratch = try Self.scratch()
            defer { try? FileManager.default.removeItem(at: scratch) }
            let answer = try await Self.demo(["--large", "1000000"], in: scratch)
            #expect(answer.ending == .exited(75))
            #expect(answer.errors.contains("[no_room]"))
            #expect(answer.errors.contains("The demo needs 4."))
        }

        @Test func aDemoThatIsKeptRunsOn() async throws {
            let scratch = try Self.scratch()
            defer { try? FileManager.default.removeItem(at: scratch) }
            let answer = try await Self.demo(
                ["--files", "3", "--mebibytes", "1", "--large", "1", "--keep"],
                in: scratch
            )
            #expect(answer.ending == .exited(0), "\(answer.errors)")
            let line = try #require(answer.text.firstMatch(of: /End it: kill ([0-9 ]+);/))
            let processes = line.1.split(separator: " ").compactMap { pid_t($0) }
            #expect(processes.count == 3)
            #expect(try await Self.answering(in: scratch) == ["site", "dmz", "hq"])
            for process in processes { kill(process, SIGTERM) }
            try await Pace.wait("they have ended", within: 20) {
                try await Self.answering(in: scratch) == []
            }
        }
    }
}
