import Foundation
import Glibc
import MeshCustody
import MeshFiles
import MeshModel
import MeshTesting
import Testing

@Suite(.serialized, .timeLimit(.minutes(5))) struct SourceTests {
    static func topology(_ flow: String = "{}", spool: String = "1 GiB") -> String {
        """
        mesh: two
        nodes:
          o: {sends: {f: data}, spool: \(spool)}
          hq: {receives: landed, listens: "127.0.0.1:1"}
        links: [o -> hq]
        flows: {f: \(flow)}
        """
    }

    /// A mesh whose origin watches its source, and has scanned it once.
    static func with(
        _ flow: String = "{}",
        clock: TestClock = TestClock(),
        _ body: (TestMesh, _ source: String, _ landed: String) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.topology(flow), directory: scratch.path, clock: clock)
        try await mesh.start("hq")
        try await mesh.start("o", watched: true)
        try await mesh.connect("o", "hq")
        #expect(
            try await mesh.waitForSource("o") { $0.watch.state == "watching" && $0.lastScan != nil }
        )
        try await body(
            mesh,
            mesh.home("o").source("f"),
            mesh.home("hq").landing + "/o/f"
        )
        await mesh.stop()
    }

    static func landed(_ mesh: TestMesh, _ count: UInt64) async throws -> Bool {
        try await mesh.wait(for: "o") { $0.flows.first?.landed == count }
    }

    @Test func whatASendWaitedToBeHeldNeedsNoSourceAnyMore() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.topology(), directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        for node in ["o", "hq"] { try await mesh.start(node) }
        let large = noise(24 << 20, seed: 1)
        let small = noise(500, seed: 2)
        try Scratch.write(large, to: "\(source)/large")
        try Scratch.write(small, to: "\(source)/small")
        // Nobody is called: nothing leaves.
        let sent = try await mesh.node("o").send([source], wait: .held, id: 1)
        let report = try sent.get()
        #expect(report.files == 2)
        #expect(report.refused == [])
        for name in ["large", "small"] {
            let parcel = try await mesh.node("o").trace(name).parcels.first
            #expect(parcel?.state == "held")
            try Scratch.remove("\(source)/\(name)")
        }
        // Once more, when it is held already.
        try Scratch.write(small, to: "\(source)/small")
        let again = try await mesh.node("o").send([source], wait: .held, id: 2)
        #expect(try again.get().files == 1)
        try await mesh.connect("o", "hq")
        #expect(try await Self.landed(mesh, 3))
        let landing = try await mesh.home("hq").landing
        #expect(Scratch.read("\(landing)/o/f/large") == large)
        #expect(Scratch.read("\(landing)/o/f/small") == small)
        await mesh.stop()
    }

    static func left(_ source: SourcesReport.Source, _ reason: String) -> [String]? {
        source.leftAlone.first { $0.reason == reason }?.examples
    }

    static func append(_ bytes: ArraySlice<UInt8>, to file: Int32) {
        bytes.withUnsafeBytes { #expect(write(file, $0.baseAddress, $0.count) == $0.count) }
    }

    @Test func whatIsRenamedIntoPlaceLandsWithoutAScan() async throws {
        try await Self.with { mesh, source, landed in
            let before = try await mesh.source("o").lastScan
            for (number, size) in [10, 200_000].enumerated() {
                try Scratch.write(noise(size, seed: 1), to: "\(source)/../\(number)")
                #expect(mkdir("\(source)/d\(number)", 0o755) == 0)
                rename("\(source)/../\(number)", "\(source)/d\(number)/file")
            }
            try Scratch.write(noise(20, seed: 2), to: "\(source)/../linked")
            link("\(source)/../linked", "\(source)/linked")
            #expect(try await Self.landed(mesh, 3))
            #expect(Scratch.read("\(landed)/d1/file") == noise(200_000, seed: 1))
            #expect(try await mesh.source("o").lastScan == before)
        }
    }

    @Test func whatIsWrittenInPlaceWaitsForItsWriter() async throws {
        let clock = TestClock(at: Self.realNow)
        try await Self.with(clock: clock) { mesh, source, landed async throws in
            let writer = open("\(source)/file", O_CREAT | O_WRONLY, 0o644)
            let bytes = noise(100, seed: 1)
            Self.append(bytes[..<50], to: writer)
            #expect(
                try await mesh.waitForSource("o") { Self.left($0, "being_written") == ["file"] }
            )
            Self.append(bytes[50...], to: writer)
            close(writer)
            #expect(try await mesh.waitForSource("o") { Self.left($0, "too_young") == ["file"] })
            clock.advance(milliseconds: 10_000)
            #expect(try await Self.landed(mesh, 1))
            #expect(Scratch.read("\(landed)/file") == noise(100, seed: 1))
            #expect(try await mesh.node("o").trace("file").parcels.count == 1)
        }
    }

    @Test func aMarkedFileLandsAndItsMarkerDoesNot() async throws {
        try await Self.with("{done-when: marker .ok}") { mesh, source, landed in
            try Scratch.write(noise(10, seed: 1), to: "\(source)/d/file")
            #expect(try await mesh.waitForSource("o") { Self.left($0, "no_marker") == ["d/file"] })
            #expect(try await mesh.node("o").status().flows.first?.waiting == 0)
            try Scratch.write([], to: "\(source)/d/file.ok")
            #expect(try await Self.landed(mesh, 1))
            #expect(try FileManager.default.contentsOfDirectory(atPath: "\(landed)/d") == ["file"])
            #expect(FileManager.default.fileExists(atPath: "\(source)/d/file.ok"))
            #expect(try await mesh.waitForSource("o") { $0.leftAlone.isEmpty })
        }
    }

    @Test func aQuietFileLandsWhenNobodyHasItOpenAnyMore() async throws {
        let clock = TestClock(at: Self.realNow)
        try await Self.with("{done-when: quiet 60 s}", clock: clock) { mesh, source, landed in
            try Scratch.write(noise(10, seed: 1), to: "\(source)/file")
            #expect(try await mesh.waitForSource("o") { Self.left($0, "too_young") == ["file"] })
            let writer = open("\(source)/file", O_WRONLY)
            clock.advance(milliseconds: 61_000)
            #expect(
                try await mesh.waitForSource("o") { Self.left($0, "being_written") == ["file"] }
            )
            close(writer)
            clock.advance(milliseconds: 31_000)
            #expect(try await Self.landed(mesh, 1))
            #expect(Scratch.read("\(landed)/file") == noise(10, seed: 1))
        }
    }

    /// The probe at the look said nobody; by the time of reading somebody has opened it.
    @Test(arguments: [10, 300_000])
    func aQuietFileThatIsOpenedBeforeItIsReadIsNoParcelThatLands(size: Int) async throws {
        let clock = TestClock(at: Self.realNow)
        try await Self.with("{done-when: quiet 60 s}", clock: clock) { mesh, source, _ in
            try Scratch.write(noise(size, seed: 1), to: "\(source)/file")
            let writer = open("\(source)/file", O_WRONLY)
            // A command takes it at once, open or not; reading it asks again.
            let id = await mesh.nextTask()
            let report = try await mesh.node("o").send(["\(source)/file"], id: id).get()
            #expect(report.landed == 0)
            #expect(report.refused?.count == 1)
            close(writer)
            clock.advance(milliseconds: 100_000)
            #expect(try await Self.landed(mesh, 1))
        }
    }

    @Test func lostEventsAreMadeGoodByAScan() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.topology(), directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        let flow = try #require(FlowName("f"))
        try await mesh.startAll()
        let engine = try await mesh.node("o").engine
        engine.post(.capture(.heard(flow, .watching(directories: 1))))
        #expect(try await mesh.waitForSource("o") { $0.lastScan != nil && !$0.isScanning })
        // The kernel told nothing of this one.
        try Scratch.write(noise(10, seed: 1), to: "\(source)/file")
        engine.post(.capture(.heard(flow, .lost)))
        engine.post(.capture(.heard(flow, .watching(directories: 1))))
        #expect(try await Self.landed(mesh, 1))
        #expect(try await mesh.source("o").watch.overflows == 1)
        await mesh.stop()
    }

    /// A mesh whose origin has no room for the last of three files, which a command handed over.
    private static func withOneThatWaits(
        _ body: (TestMesh, TestClock, Engine) async throws -> Void
    ) async throws {
        let scratch = try Scratch()
        let clock = TestClock(at: Self.realNow)
        let mesh = try TestMesh(
            Self.topology("{first: newest}", spool: "128 MiB"),
            directory: scratch.path,
            clock: clock
        )
        let source = try await mesh.home("o").source("f")
        let flow = try #require(FlowName("f"))
        try await mesh.start("hq")
        try await mesh.start("o", scanEvery: 60_000)
        let engine = try await mesh.node("o").engine
        engine.post(.capture(.heard(flow, .watching(directories: 1))))
        #expect(try await mesh.waitForSource("o") { $0.lastScan != nil && !$0.isScanning })
        for (id, name) in ["one", "two"].enumerated() {
            try Scratch.write(noise(40 << 20, seed: UInt64(id)), to: "\(source)/\(name)")
            let path = "\(source)/\(name)"
            let sent = try await mesh.node("o").send([path], wait: .held, id: UInt64(id + 1))
            #expect(try sent.get().refused == [])
        }
        try Scratch.write(noise(40 << 20, seed: 3), to: "\(source)/three")
        let node = try await mesh.node("o")
        async let sent = node.send(["\(source)/three"], id: 3)
        #expect(try await mesh.waitForSource("o") { $0.waiting == 1 && $0.isFull })
        try await body(mesh, clock, engine)
        #expect(try await sent.get().refused == [])
        await mesh.stop()
    }

    @Test func aScanThatIsDueWaitsForWhatACommandHandsOver() async throws {
        try await Self.withOneThatWaits { mesh, clock, engine in
            let flow = try #require(FlowName("f"))
            let before = try await mesh.source("o").lastScan
            engine.post(.capture(.heard(flow, .lost)))
            engine.post(.capture(.heard(flow, .watching(directories: 1))))
            // It hears of that before the time goes on.
            _ = try await mesh.source("o")
            clock.advance(milliseconds: 29_000)
            engine.post(.tick)
            let source = try await mesh.source("o")
            #expect(source.lastScan == before && !source.isScanning && source.waiting == 1)
            clock.advance(milliseconds: 2_000)
            #expect(try await mesh.waitForSource("o") { $0.lastScan != before })
            try await mesh.connect("o", "hq")
        }
    }

    @Test func aSourceThatComesBackIsSeenAtOnceThoughFilesHandedOverWait() async throws {
        try await Self.withOneThatWaits { mesh, clock, engine in
            let flow = try #require(FlowName("f"))
            let source = try await mesh.home("o").source("f")
            rename(source, "\(source)-away")
            engine.post(.capture(.heard(flow, .lost)))
            engine.post(.capture(.heard(flow, .watching(directories: 1))))
            _ = try await mesh.source("o")
            clock.advance(milliseconds: 31_000)
            #expect(try await mesh.waitForSource("o") { $0.missing != nil && $0.waiting == 1 })
            rename("\(source)-away", source)
            clock.advance(milliseconds: 61_000)
            #expect(try await mesh.waitForSource("o", seconds: 20) { $0.missing == nil })
            // Were it not seen, what was handed over would not land, and the test never end.
            clock.advance(milliseconds: 31_000)
            _ = try await mesh.waitForSource("o") { $0.missing == nil }
            try await mesh.connect("o", "hq")
        }
    }

    @Test func whatACommandHandedOverKeepsItsPlaceWhenItIsNoticed() async throws {
        try await Self.withOneThatWaits { mesh, _, engine in
            let flow = try #require(FlowName("f"))
            let source = try await mesh.home("o").source("f")
            try Scratch.write(noise(40 << 20, seed: 4), to: "\(source)/newer")
            var changes: [PathBytes: SourceChange] = [:]
            for name in ["three", "newer"] { changes[try #require(PathBytes(name))] = .placed }
            engine.post(.capture(.heard(flow, .changed(changes, directories: 1))))
            #expect(try await mesh.waitForSource("o") { $0.waiting == 2 })
            try await mesh.connect("o", "hq")
            #expect(try await Self.landed(mesh, 4))
            let three = try await mesh.node("o").trace("three").parcels.first?.sequence
            let newer = try await mesh.node("o").trace("newer").parcels.first?.sequence
            #expect(try #require(three) < #require(newer))
        }
    }

    @Test func aSourceThatCannotBeWatchedIsScannedAndSaysWhy() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.topology(), directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        let flow = try #require(FlowName("f"))
        try await mesh.start("hq")
        try await mesh.start("o", scanEvery: 100)
        try await mesh.connect("o", "hq")
        let engine = try await mesh.node("o").engine
        engine.post(.capture(.heard(flow, .blind(code: "watch_limit"))))
        #expect(try await mesh.waitForSource("o") { $0.lastScan != nil })
        try Scratch.write(noise(10, seed: 1), to: "\(source)/file")
        #expect(try await Self.landed(mesh, 1))
        let watch = try await mesh.source("o").watch
        #expect(watch.state == "scanning" && watch.why == "watch_limit")
        await mesh.stop()
    }

    @Test func aSourceThatVanishesIsMissingAndNothingOfItIsLost() async throws {
        try await Self.with { mesh, source, landed in
            try Scratch.write(noise(10, seed: 1), to: "\(source)/../before")
            rename("\(source)/../before", "\(source)/before")
            #expect(try await Self.landed(mesh, 1))
            rename(source, "\(source)-away")
            #expect(
                try await mesh.waitForSource("o") { $0.missing?.code == "source_missing" }
            )
            #expect(try await mesh.node("o").status().counts["sources_missing"] == 1)
            #expect(try await mesh.node("o").trace("before").parcels.map(\.state) == ["landed"])
            try Scratch.write(noise(10, seed: 2), to: "\(source)-away/after")
            rename("\(source)-away", source)
            #expect(try await Self.landed(mesh, 2))
            #expect(try await mesh.waitForSource("o") { $0.missing == nil })
            #expect(Scratch.read("\(landed)/after") == noise(10, seed: 2))
            #expect(try await mesh.node("o").trace("before").parcels.count == 1)
        }
    }

    @Test func backlogComesLastThoughTheNodeStartedAnew() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(
            Self.topology("{backlog: last, first: oldest}", spool: "64 MiB"),
            directory: scratch.path
        )
        let source = try await mesh.home("o").source("f")
        for number in 0..<4 {
            try Scratch.write(noise(30 << 20, seed: UInt64(number)), to: "\(source)/old-\(number)")
        }
        try await mesh.start("o")
        #expect(try await mesh.waitForSource("o") { $0.waiting > 0 && $0.isFull })
        // What is begun is begun; the rest are backlog, now and after the start.
        let begun = try await 4 - mesh.source("o").waiting
        try await mesh.crash("o", kept: .everything)
        try Scratch.write(noise(30 << 20, seed: 9), to: "\(source)/new")
        try await mesh.start("o")
        #expect(try await mesh.waitForSource("o") { $0.waiting == 5 - begun })
        try await mesh.start("hq")
        try await mesh.connect("o", "hq")
        #expect(try await Self.landed(mesh, 5))
        let sequence = try await mesh.node("o").trace("new").parcels.first?.sequence
        #expect(sequence == UInt64(begun + 1))
        #expect(try await mesh.source("o").isFull == false)
        await mesh.stop()
    }

    @Test func whatIsLargerThanTheFlowTakesIsLeftAlone() async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(Self.topology("{largest: 1 MiB}"), directory: scratch.path)
        let source = try await mesh.home("o").source("f")
        try Scratch.write(noise(2 << 20, seed: 1), to: "\(source)/huge")
        try Scratch.write(noise(10, seed: 1), to: "\(source)/file")
        symlink("file", "\(source)/link")
        try await mesh.startAll()
        #expect(try await Self.landed(mesh, 1))
        let report = try await mesh.source("o")
        #expect(Self.left(report, "too_large") == ["huge"])
        #expect(Self.left(report, "link") == ["link"])
        #expect(report.lastScan?.files == 2)
        let id = await mesh.nextTask()
        let sent = try await mesh.node("o").send(["\(source)/huge"], id: id).get()
        #expect(sent.refused == [.init(path: "huge", why: "too_large")])
        await mesh.stop()
    }

    /// The real time, for files have that.
    static var realNow: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }
}
