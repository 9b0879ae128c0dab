import MeshCustody
import MeshNode
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Queues {
        /// What an operator types while a file waits, and what scripts see.
        @Test(.timeLimit(.minutes(5)))
        func aFileThatWaitsIsExplainedHeldReleasedAndTriedAgain() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let file = "\(mesh.directory)/source/in/file"
                try Tree.makeDirectory("\(mesh.directory)/source/in")
                try Tree.write([1, 2, 3], to: file)
                try await mesh.start("origin", "relay")

                var why = try await mesh.why(file, at: "origin")
                #expect(why.items.first?.reasons.first?.code == "not_sent")
                #expect(try await mesh.send(file).ending == .exited(0))
                try await Pace.wait("the relay waits for the collector", within: 20) {
                    why = try await mesh.why("in/file", at: "relay", mayFail: true)
                    return why.items.first?.reasons.first?.code == "no_call"
                }
                let id = try #require(why.items.first?.id)

                // Its short name goes with a line of the list.
                let list = try await mesh.ask("queue", "list", "--to", "collector", at: "relay")
                let prefix = String(id.prefix(12))
                #expect(String(decoding: list.output, as: UTF8.self).contains(prefix))
                let held = try await mesh.ask("queue", "hold", prefix, at: "relay")
                #expect(String(decoding: held.output, as: UTF8.self) == "Held: 1 parcel.\n")
                let again = try await mesh.ask("queue", "hold", "--json", id, at: "relay")
                #expect(try again.decode(HoldReport.self).parcels == 0)

                let retried = try await mesh.ask("queue", "retry", "--json", at: "relay")
                #expect(retried.ending == .exited(3), "\(retried.errors)")
                let answer = try retried.decode(RetryAnswer.self)
                #expect(answer.calls.map(\.node) == ["collector"])
                #expect(answer.calls.first?.error != nil)

                try await mesh.start("collector")
                _ = try await mesh.ask("queue", "retry", "--to", "collector", at: "relay")
                #expect(
                    try await mesh.why(id, at: "relay").items.first?.reasons.first?.code
                        == "held_back"
                )
                let released = try await mesh.ask("queue", "release", "in/file", at: "relay")
                #expect(released.ending == .exited(0), "\(released.errors)")
                try await mesh.rest(within: 20)
                #expect(try await mesh.why(file, at: "origin").items.first?.state == "landed")

                let age = try await mesh.ask("queue", "age", "--json", at: "relay")
                #expect(try age.decode(QueueAgeReport.self).lines == [])
                for words in [
                    ["why", "nothing"], ["queue", "hold", "in/file"],
                    ["queue", "retry", "--to", "nobody"], ["queue", "release", "--flow", "other"],
                ] {
                    let answer = try await mesh.ask(words, at: "relay")
                    #expect(answer.ending == .exited(6), "\(words): \(answer.errors)")
                }
                let usage = try await mesh.ask("queue", "list", "--state", "odd", at: "relay")
                #expect(usage.ending == .exited(2), "\(usage.errors)")
            }
        }
    }
}

extension Mesh {
    /// Runs a command at a node.
    func ask(_ words: String..., at node: String) async throws -> Answer {
        try await self.ask(words, at: node)
    }

    func ask(_ words: [String], at node: String) async throws -> Answer {
        try await self.command(words + ["--home", self.home(node)])
    }

    /// Why a file is where it is; nothing, where that may fail.
    func why(_ file: String, at node: String, mayFail: Bool = false) async throws -> WhyReport {
        let answer = try await self.ask("why", "--json", file, at: node)
        if mayFail, answer.ending == .exited(6) { return WhyReport(items: []) }
        return try answer.decode(WhyReport.self)
    }
}
