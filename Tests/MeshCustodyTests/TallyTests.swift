import MeshCustody
import MeshIdentity
import MeshModel
import MeshTesting
import Testing

/// The collector knows what it misses; the origin asks for it, and offers it again.
@Suite(.serialized, .timeLimit(.minutes(5))) struct TallyTests {
    private static let day: Int64 = 86_400_000

    /// Carries a large and a small file as far as the relay, and takes the relay away for good.
    private static func loseRelay(_ mesh: TestMesh) async throws -> String {
        let source = try await mesh.home("origin").source("files")
        try Scratch.write(noise(1_500_000, seed: 1), to: "\(source)/large")
        try Scratch.write(noise(5_000, seed: 2), to: "\(source)/small")
        for node in ["origin", "relay"] { try await mesh.start(node) }
        try await mesh.connect("origin", "relay")
        _ = try await mesh.node("origin").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.held == 0 })
        try await mesh.crash("relay")
        return source
    }

    /// A line with a second relay, which takes over.
    private static let forked = """
        mesh: fork
        nodes:
          origin: {sends: {files: data}}
          relay: {listens: "127.0.0.1:1"}
          other: {listens: "127.0.0.1:2"}
          collector: {receives: landed}
        links: [origin -> relay, origin -> other, collector -> relay, collector -> other]
        """

    @Test func whatNobodyEndedIsMissedAskedForAndOfferedAgain() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.forked, directory: scratch.path)
        _ = try await Self.loseRelay(mesh)
        for node in ["other", "collector"] { try await mesh.start(node) }
        try await mesh.connect("collector", "other")
        try await mesh.connect("origin", "other")
        mesh.clock.advance(milliseconds: 60_000)
        // The tally has told that there are two; for a while they may be on their way.
        #expect(try await mesh.waitForSite { $0.onTheWay == 2 && $0.gaps.isEmpty })
        #expect(try await mesh.node("origin").status().counts["overdue"] == 0)
        mesh.clock.advance(milliseconds: 3_600_000)
        #expect(
            try await mesh.waitForSite { site in
                site.gaps.map(\.first) == [1] && site.gaps.map(\.last) == [2]
                    && site.missing == 2 && site.onTheWay == 0
            }
        )

        mesh.clock.advance(milliseconds: 7 * Self.day)
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.landed == 2 })
        let landing = try await mesh.home("collector").landing
        #expect(Scratch.read("\(landing)/origin/files/large") == noise(1_500_000, seed: 1))
        #expect(Scratch.read("\(landing)/origin/files/small") == noise(5_000, seed: 2))
        #expect(
            try await mesh.waitForSite {
                $0.gaps.isEmpty && $0.onTheWay == 0 && $0.landed == 2
            }
        )
        #expect(try await mesh.node("origin").status().counts["overdue"] == 0)
        let trace = try await mesh.node("origin").trace("large")
        #expect(trace.parcels.first?.events.contains { $0.what == "lost" } == true)
        await mesh.stop()
    }

    @Test func aRelayThatStillHasItIsAskedToRepeatItsWord() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(
            WalkThroughTests.line + "\nflows: {files: {done-when: sent}}",
            directory: scratch.path
        )
        let source = try await mesh.home("origin").source("files")
        try Scratch.write(noise(1_500_000, seed: 1), to: "\(source)/large")
        try Scratch.write(noise(5_000, seed: 2), to: "\(source)/small")
        for node in ["origin", "relay", "collector"] { try await mesh.start(node) }
        try await mesh.connect("origin", "relay")
        _ = try await mesh.node("origin").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.held == 0 })
        // The source has other files by now: nothing can be made again, and nothing has to.
        try Scratch.write(noise(300, seed: 3), to: "\(source)/small")
        try Scratch.write(noise(1_400_000, seed: 4), to: "\(source)/large")
        try await mesh.cut("origin", "relay")
        mesh.clock.advance(milliseconds: 8 * Self.day)
        try await mesh.connect("origin", "relay")
        #expect(try await mesh.wait(for: "origin") { $0.counts["overdue"] == 2 })
        #expect(try await mesh.wait(for: "relay") { $0.counts["outbox"] == 2 })
        // Now it reaches the collector, before any parcel does, and comes back.
        try await mesh.connect("relay", "collector")
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.landed == 2 })
        let landing = try await mesh.home("collector").landing
        #expect(Scratch.read("\(landing)/origin/files/large") == noise(1_500_000, seed: 1))
        #expect(Scratch.read("\(landing)/origin/files/small") == noise(5_000, seed: 2))
        let parcels = try await mesh.node("origin").trace("large").parcels
        #expect(parcels.allSatisfy { parcel in !parcel.events.contains { $0.what == "abandoned" } })
        await mesh.stop()
    }

    @Test func whatTheCollectorHasEndedItSaysAgain() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.forked, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        try Scratch.write(noise(5_000, seed: 2), to: "\(source)/small")
        for node in ["origin", "relay", "collector"] { try await mesh.start(node) }
        try await mesh.connect("origin", "relay")
        _ = try await mesh.node("origin").send([source], wait: nil, id: 1).get()
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.held == 0 })
        try await mesh.cut("origin", "relay")
        try await mesh.connect("collector", "relay")
        // The word of the landing has left the collector, and goes with the relay.
        #expect(
            try await mesh.wait(for: "collector") {
                $0.flows.first?.landed == 1 && $0.counts["outbox"] == 0
            }
        )
        try await mesh.crash("relay")
        try await mesh.start("other")
        try await mesh.connect("origin", "other")
        try await mesh.connect("collector", "other")
        mesh.clock.advance(milliseconds: 7 * Self.day)
        #expect(try await mesh.wait(for: "origin") { $0.flows.first?.landed == 1 })
        #expect(mesh.landings.renames == 1)
        await mesh.stop()
    }

    @Test func filesThatChangeWhileTheyAreReadLeaveNoGaps() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        let contents = (0..<4 as Range<UInt64>).map { noise(80_000, seed: $0) }
        let write = { @Sendable (content: [UInt8]) in
            for number in 0..<40 { try Scratch.write(content, to: "\(source)/\(number)") }
        }
        try write(contents[0])
        for node in ["origin", "relay", "collector"] { try await mesh.start(node) }
        let origin = try await mesh.node("origin")
        let sending = Task { await origin.send([source], id: 1) }
        // Every file becomes another one again and again while it is read.
        let writing = Task {
            var round = 0
            while !Task.isCancelled {
                round += 1
                try write(contents[round % contents.count])
                await Task.yield()
            }
        }
        var abandoned: UInt64 = 0
        for round in 1...500 where round <= 10 || abandoned == 0 {
            let id = await mesh.nextTask() + 1_000
            _ = await origin.send([source], wait: nil, id: id)
            abandoned = await origin.status().flows.first?.ended ?? 0
        }
        writing.cancel()
        try await writing.value
        _ = await origin.send([source], wait: nil, id: 2)
        try await mesh.connect("origin", "relay")
        try await mesh.connect("relay", "collector")
        _ = await sending.value
        #expect(try await mesh.settle())
        mesh.clock.advance(milliseconds: 60_000)
        #expect(try await mesh.wait(for: "origin") { $0.counts["outbox"] == 0 })
        #expect(try await mesh.settle())
        abandoned = await origin.status().flows.first?.ended ?? 0
        #expect(abandoned > 0)
        #expect(
            try await mesh.waitForSite {
                $0.tallied != nil && $0.onTheWay == 0 && $0.gaps.isEmpty
            }
        )
        mesh.clock.advance(milliseconds: Self.day)
        #expect(try await mesh.waitForSite { $0.gaps.isEmpty })
        await mesh.stop()
    }

    @Test func theSitesAreTheCollectorsToShow() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        try await mesh.start("relay")
        guard case .failure(let error) = try await mesh.node("relay").sites() else {
            return #expect(Bool(false), "a relay has no sites")
        }
        #expect(error.code == "not_found")
        #expect(error.hint?.contains("collector (files)") == true)
        await mesh.stop()
    }

    @Test func theWholeWayIsVouchedForAtBothEnds() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        let source = try await mesh.home("origin").source("files")
        try Scratch.write(noise(500_000, seed: 1), to: "\(source)/large")
        try Scratch.write(noise(5_000, seed: 2), to: "\(source)/small")
        try await mesh.startAll()
        #expect(try await mesh.node("origin").send([source], id: 1).get().landed == 2)
        for node in ["origin", "collector"] {
            for path in ["large", "small"] {
                let parcel = try #require(
                    try await mesh.node(node).trace(path).parcels.first
                )
                #expect(parcel.hops.map(\.node) == ["origin", "relay", "collector"])
                #expect(parcel.hops.map { $0.sent == nil } == [false, false, true])
                #expect(parcel.hops.allSatisfy { $0.signature == "verifies" })
                #expect(
                    parcel.hops.allSatisfy {
                        $0.arrived.milliseconds <= $0.held.milliseconds
                    }
                )
            }
        }
        await mesh.stop()
    }
}
