import MeshCustody
import MeshModel
import MeshProtocol
import MeshTesting
import Synchronization
import Testing

/// Homes that were copied or restored: they stand still, and after `adopt` all lands once.
@Suite(.serialized, .timeLimit(.minutes(5))) struct CopiedHomeTests {
    @Test func anOriginFromYesterdayMovesNothingUntilItIsAdopted() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing + "/origin/files"
        try await mesh.startAll()
        var backup = FaultyDisk()
        for (word, seed) in [("a", 100), ("b", 200)] as [(String, UInt64)] {
            try LifeTests.write(word, 6, to: source, seed: seed)
            let id = await mesh.nextTask()
            #expect(try await mesh.node("origin").send([source], id: id).get().refused == [])
            #expect(try await mesh.settle())
            if word == "a" { backup = try await mesh.backUp("origin") }
        }
        #expect(mesh.landings.renames == 12)

        // Files came since, and one changed; the first scan opens them under numbers given before.
        try LifeTests.write("c", 4, to: source, seed: 300)
        try Scratch.write(noise(90_000, seed: 999), to: "\(source)/b-1")
        try await mesh.crash("origin")
        try await mesh.restore("origin", from: backup)
        try await mesh.start("origin")
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.held == 10 })
        for _ in 0..<2 {
            try await mesh.connect("origin", "relay")
            #expect(try await mesh.wait(for: "origin") { $0.life?.state == "doubled" })
            let status = try await mesh.node("origin").status()
            #expect(status.life?.hint?.contains("tributary adopt") == true)
            #expect(
                try await mesh.wait(for: "relay") {
                    $0.neighbours.contains { $0.name == "origin" && $0.state == "doubled" }
                }
            )
            let sent = try await mesh.node("origin").send([source], id: mesh.nextTask())
            #expect(throws: EngineError.self) { try sent.get() }
            #expect(mesh.landings.renames == 12)
            // A restart changes nothing.
            try await mesh.crash("origin")
            try await mesh.start("origin")
        }
        try await mesh.connect("origin", "relay")
        let report = try await mesh.node("origin").adopt().get()
        #expect(report.before.hasPrefix("1-") && report.incarnation.hasPrefix("2-"))

        #expect(try await mesh.settle(seconds: 30))
        #expect(
            try await mesh.wait(for: "collector") { _ in
                LifeTests.landed("c", 4, in: landing, seed: 300) == 4
                    && Scratch.read("\(landing)/b-1") == noise(90_000, seed: 999)
            }
        )
        #expect(try await mesh.settle(seconds: 30))
        #expect(LifeTests.landed("a", 6, in: landing, seed: 100) == 6)
        #expect(LifeTests.landed("b", 6, in: landing, seed: 200) == 5)
        #expect(mesh.landings.renames == 17)
        #expect(try await mesh.node("origin").status().life?.state == "whole")
        let again = try await mesh.node("origin").adopt()
        #expect(throws: EngineError.self) { try again.get() }
        await mesh.stop()
    }

    @Test func aCopyAtTheSameNeighbourStopsBothUntilOneIsAdopted() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing + "/origin/files"
        try await mesh.startAll()
        try LifeTests.write("a", 4, to: source, seed: 100)
        #expect(try await mesh.node("origin").send([source], id: 1).get().landed == 4)
        #expect(try await mesh.settle())
        try await mesh.copy("origin", as: "copy")
        try await mesh.start("copy")
        try await mesh.connect("copy", "relay")
        for node in ["origin", "copy"] {
            #expect(try await mesh.wait(for: node) { $0.life?.state == "doubled" })
        }
        try LifeTests.write("b", 4, to: source, seed: 200)
        _ = try await mesh.node("origin").send([source], wait: nil, id: 2).get()
        try await mesh.connect("origin", "relay")
        #expect(try await mesh.node("relay").status().flows.first?.held == 0)
        #expect(mesh.landings.renames == 4)

        // One is stopped; the relay takes nothing before the other has a life of its own.
        try await mesh.crash("copy")
        _ = try await mesh.node("origin").adopt().get()
        try await mesh.connect("origin", "relay")
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.landed == 8 })
        #expect(LifeTests.landed("b", 4, in: landing, seed: 200) == 4)
        #expect(mesh.landings.renames == 8)
        await mesh.stop()
    }

    @Test func aCopyAtAnotherNeighbourIsNoticedAtTheCollector() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(LifeTests.fork, directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        let landing = try await mesh.home("hq").landing + "/o/f"
        for node in ["o", "r1", "r2", "hq"] { try await mesh.start(node) }
        try await mesh.connect("o", "r1")
        try await mesh.connect("hq", "r1")
        try await mesh.connect("o", "r2")
        #expect(try await mesh.wait(for: "o") { $0.life?.state == "whole" })
        try await mesh.cut("o", "r2")
        try LifeTests.write("a", 4, to: source, seed: 100)
        #expect(try await mesh.node("o").send([source], id: 1).get().landed == 4)
        #expect(try await mesh.settle())
        try await mesh.copy("o", as: "copy")
        let other = try await mesh.home("copy").source("f")

        // Both hand over other files under the same numbers, by other ways.
        try LifeTests.write("b", 4, to: source, seed: 200)
        #expect(try await mesh.node("o").send(["\(source)/"], id: 2).get().refused == [])
        try await mesh.start("copy")
        try await mesh.connect("copy", "r2")
        try LifeTests.write("c", 4, to: other, seed: 300)
        _ = try await mesh.node("copy").send([other], wait: nil, id: 3).get()
        #expect(try await mesh.wait(for: "r2") { $0.flows.first?.held == 4 })
        try await mesh.connect("hq", "r2")
        #expect(try await mesh.wait(for: "copy") { $0.life?.state == "doubled" })
        #expect(try await mesh.wait(for: "r2") { $0.flows.first?.held == 0 })
        #expect(mesh.landings.renames == 8)
        #expect(LifeTests.landed("c", 4, in: landing, seed: 300) == 0)

        #expect(try await mesh.node("copy").adopt().get().incarnation.hasPrefix("2-"))
        #expect(
            try await mesh.wait(for: "hq") { _ in
                LifeTests.landed("c", 4, in: landing, seed: 300) == 4
            }
        )
        #expect(LifeTests.landed("b", 4, in: landing, seed: 200) == 4)
        #expect(mesh.landings.renames == 12)

        // The one that was not adopted is shown that it is another's turn now.
        try await mesh.crash("copy")
        try await mesh.connect("o", "r2")
        #expect(try await mesh.wait(for: "o") { $0.life?.state == "doubled" })
        await mesh.stop()
    }

    @Test func aRelayFromYesterdayGivesBackOnlyWhatItHasForgotten() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let landing = try await mesh.home("collector").landing + "/origin/files"
        for node in ["origin", "relay", "collector"] { try await mesh.start(node) }
        try await mesh.connect("origin", "relay")
        var backup = FaultyDisk()
        for (word, seed) in [("a", 100), ("b", 200)] as [(String, UInt64)] {
            try LifeTests.write(word, 10, to: source, seed: seed)
            let id = await mesh.nextTask()
            _ = try await mesh.node("origin").send([source], wait: nil, id: id).get()
            #expect(try await mesh.wait(for: "origin") { $0.flows.first?.held == 0 })
            if word == "a" { backup = try await mesh.backUp("relay") }
        }
        try await mesh.crash("relay")
        try await mesh.restore("relay", from: backup)
        try await mesh.start("relay")
        try await mesh.connect("relay", "collector")
        // The collector knows nothing of it yet: what it has goes on, and its batches with it.
        try await mesh.connect("origin", "relay")
        #expect(try await mesh.wait(for: "relay") { $0.life?.state == "rolled-back" })
        _ = try await mesh.node("relay").adopt().get()

        #expect(try await mesh.wait(for: "origin", seconds: 60) { $0.flows.first?.landed == 20 })
        #expect(try await mesh.settle())
        #expect(LifeTests.landed("a", 10, in: landing, seed: 100) == 10)
        #expect(LifeTests.landed("b", 10, in: landing, seed: 200) == 10)
        #expect(mesh.landings.renames == 20)
        for number in 0..<10 {
            let events = try await mesh.node("origin").trace("a-\(number)").parcels.first?.events
            #expect(events?.contains { $0.what == "lost" } == false)
        }
        await mesh.stop()
    }

    @Test func aClaimThatNobodyProvesDoesNotStopANode() async throws {
        let scratch = try Scratch()
        let claims = Mutex(0)
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path) { node, event in
            guard node.text == "origin", case .opened(let session, var hello) = event else {
                return event
            }
            claims.withLock { $0 += 1 }
            if hello.heldIncarnation != nil { hello.heldBatch = 1_000 }
            return .opened(session, hello: hello)
        }
        let source = try await mesh.home("origin").source("files")
        try LifeTests.write("a", 2, to: source, seed: 1)
        try await mesh.startAll()
        #expect(try await mesh.node("origin").send([source], id: 1).get().landed == 2)
        try await mesh.cut("origin", "relay")
        try LifeTests.write("b", 2, to: source, seed: 2)
        try await mesh.connect("origin", "relay")
        _ = try await mesh.node("origin").send([source], wait: nil, id: 2).get()
        // Until its time is over nothing moves.
        #expect(try await mesh.node("origin").status().flows.first?.held == 2)
        mesh.clock.advance(milliseconds: 6_000)
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.landed == 4 })
        #expect(try await mesh.node("origin").status().life?.state == "whole")
        #expect(claims.withLock { $0 } == 2)
        await mesh.stop()
    }
}
