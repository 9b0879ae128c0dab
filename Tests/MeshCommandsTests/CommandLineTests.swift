import Foundation
import Testing

@testable import MeshCommands

/// What a person types, and the exit status that a script sees.
@Suite struct CommandLineTests {
    @Test(arguments: [
        ["--version"], ["--help"], ["send", "--help"], ["topology", "check", "--help"],
    ])
    func whatIsAskedForIsNoFailure(arguments: [String]) async {
        #expect(await TributaryCommand.status(of: arguments) == .done)
    }

    @Test(arguments: [
        ["nonsense"], ["send"], ["send", "x", "--wait", "forever"],
        ["status", "--json", "--quiet"], ["queue", "hold"], ["why"],
        ["queue", "hold", "x", "--flow", "f"], ["queue", "retry", "x", "--all"],
        ["queue", "list", "--limit", "0"],
        ["init", "--topology", "x"],
    ])
    func whatCannotBeUnderstoodIsUsage(arguments: [String]) async {
        #expect(await TributaryCommand.status(of: arguments) == .usage)
    }

    @Test func aMistypedCommandIsToldTheNearest() throws {
        func hint(_ words: String...) -> String? {
            TributaryCommand.unknownCommand(in: words)?.description
        }
        #expect(
            hint("satus", "--json")
                == """
                tributary: `tributary` has no command `satus`. [usage]
                  Did you mean `tributary status`?
                """
        )
        #expect(try #require(hint("queue", "lsit")).contains("`tributary queue list`?"))
        #expect(try #require(hint("keys", "xyzzy")).contains("`tributary keys --help` lists all."))
        #expect(hint("send", "satus") == nil)
        #expect(hint("help", "status") == nil)
        #expect(hint("--helpp") == nil)
    }

    @Test(arguments: [
        ["status"], ["send", "x"], ["trace", "x"], ["why", "x"], ["queue", "list"],
        ["queue", "age"], ["queue", "hold", "x"], ["queue", "retry"],
    ])
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

    @Test func aTopologyCanBeExamined() async throws {
        let scratch = FileManager.default.temporaryDirectory
            .appending(path: "tributary-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: false)
        defer { try? FileManager.default.removeItem(at: scratch) }
        func file(_ name: String, _ text: String) throws -> String {
            let file = scratch.appending(path: name)
            try Data(text.utf8).write(to: file)
            return file.path
        }
        _ = try file("nodes.yaml", "nodes: {a: {sends: {f: /a}}}\n")
        let text = """
            mesh: m
            include: nodes.yaml
            nodes: {b: {listens: "b:1", receives: /b}}
            links: [a -> b]
            """
        let mesh = try file("mesh.yaml", text)
        let other = try file("other.yaml", text.replacing("mesh: m", with: "mesh: n"))
        let wrong = try file("wrong.yaml", "mesh: m\n")
        func status(_ arguments: String...) async -> CommandStatus {
            await TributaryCommand.status(of: ["topology"] + arguments)
        }
        #expect(await status("check", mesh) == .done)
        #expect(await status("graph", mesh) == .done)
        #expect(await status("graph", mesh, "--format", "dot", "--all") == .done)
        #expect(await status("graph", mesh, "--format", "svg") == .usage)
        #expect(await status("firewall", mesh, "--node", "b", "--json") == .done)
        #expect(await status("firewall", mesh, "--format", "nftables") == .done)
        #expect(await status("firewall", mesh, "--format", "nftables", "--json") == .usage)
        #expect(await status("firewall", mesh, "--node", "c") == .notFound)
        #expect(await status("explain", mesh, "a") == .done)
        #expect(await status("explain", mesh, "a", "--json") == .done)
        #expect(await status("explain", mesh, "c") == .notFound)
        #expect(await status("plan", mesh, mesh) == .done)
        #expect(await status("plan", mesh, other) == .failed)
        #expect(await status("plan", mesh, wrong) == .failed)
        #expect(await status("graph", wrong) == .failed)
        #expect(await status("check", scratch.path) == .failed)
    }
}
