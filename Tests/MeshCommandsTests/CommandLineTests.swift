import Foundation
import Testing

@testable import MeshCommands

/// What a person types, and the exit status that a script sees.
@Suite struct CommandLineTests {
    @Test(arguments: [["--help"], ["send", "--help"], ["topology", "check", "--help"]])
    func helpIsNoFailure(arguments: [String]) async {
        #expect(await TributaryCommand.status(of: arguments) == .done)
    }

    @Test(arguments: [
        ["nonsense"], ["send"], ["send", "x", "--wait", "forever"],
        ["status", "--json", "--quiet"],
        ["init", "--topology", "x"],
    ])
    func whatCannotBeUnderstoodIsUsage(arguments: [String]) async {
        #expect(await TributaryCommand.status(of: arguments) == .usage)
    }

    @Test(arguments: [["status"], ["send", "x"], ["trace", "x"]])
    func withoutADaemonCommandsSayNotReachable(arguments: [String]) async {
        let home = "/nonexistent/\(UUID().uuidString)"
        let status = await TributaryCommand.status(of: arguments + ["--home", home])
        #expect(status == .notReachable)
    }

    @Test func aMeshIsMadeOnce() async throws {
        let scratch = FileManager.default.temporaryDirectory
            .appending(path: "tributary-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let topology = scratch.appending(path: "line.yaml").path
        let text = """
            mesh: line
            nodes:
              a: {sends: {files: data}}
              b: {listens: "127.0.0.1:7441", receives: landed}
            links:
              - a -> b
            """
        try Data(text.utf8).write(to: URL(filePath: topology))
        #expect(
            await TributaryCommand.status(of: ["topology", "check", topology, "--json"]) == .done
        )
        let arguments = ["init", "--topology", topology, "--out", scratch.path + "/mesh", "--json"]
        #expect(await TributaryCommand.status(of: arguments) == .done)
        #expect(await TributaryCommand.status(of: arguments) == .failed)

        try Data((text + "\n  - b -> c\n  - nonsense\n").utf8).write(to: URL(filePath: topology))
        #expect(await TributaryCommand.status(of: ["topology", "check", topology]) == .failed)
        #expect(
            await TributaryCommand.status(of: ["topology", "check", topology + "x"]) == .notFound
        )
    }
}
