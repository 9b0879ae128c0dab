import MeshCustody
import MeshModel
import MeshProtocol
import MeshTesting
import Synchronization
import Testing

/// Two calls of one neighbour: a node `m` hears from `buoy`, which the test plays.
@Suite(.timeLimit(.minutes(5))) struct DoubleCallTests {
    /// A meeting of the node with whoever calls itself its neighbour.
    struct Meeting {
        let scratch: Scratch
        let mesh: TestMesh
        let engine: Engine
        let log = SaidLog()

        init() async throws {
            self.scratch = try Scratch()
            self.mesh = try TestMesh(
                """
                mesh: pair
                nodes:
                  buoy: {sends: {f: data}, listens: "127.0.0.1:1"}
                  m: {receives: landed, listens: "127.0.0.1:1"}
                links: [buoy -> m]
                """,
                directory: self.scratch.path
            )
            try await self.mesh.start("m")
            self.engine = try await self.mesh.node("m").engine
        }

        /// Opens a call; it is known by its number from then on.
        func open(
            _ id: UInt64,
            run: UInt64,
            incarnation: UInt64 = 1,
            isDialler: Bool = false
        ) throws -> ScriptedSession {
            let peer = try #require(NodeName("buoy"))
            let log = self.log
            let session = ScriptedSession(
                peer: peer,
                id: id,
                isDialler: isDialler,
                probed: { log.add("\(id) probe") },
                hear: { if case .bye(let bye) = $0 { log.add("\(id) \(bye.why)") } }
            )
            let hello = Hello(
                mesh: try #require(MeshName("pair")),
                node: peer,
                runID: run,
                incarnation: Incarnation(number: incarnation, random: 1),
                clock: UnixMilliseconds(0)
            )
            self.engine.post(.session(.opened(session, hello: hello)))
            return session
        }

        func close(_ session: ScriptedSession, _ reason: String) {
            self.engine.post(.session(.closed(session, reason: reason, detail: "")))
        }

        /// The state of the neighbour, once all that was posted is done.
        func state() async throws -> String {
            try await self.neighbour().state
        }

        func neighbour() async throws -> StatusReport.Neighbour {
            let report = try await self.mesh.node("m").status()
            return try #require(report.neighbours.first)
        }
    }

    /// What the node said to whom, in order.
    final class SaidLog: Sendable {
        private let lines = Mutex<[String]>([])
        func add(_ line: String) { self.lines.withLock { $0.append(line) } }
        var all: [String] { self.lines.withLock { $0 } }
    }

    @Test func aSiteThatRedialsTakesThePlaceOfItsDeadCallAtOnce() async throws {
        let meeting = try await Meeting()
        let first = try meeting.open(1, run: 7)
        _ = try meeting.open(2, run: 7)
        #expect(try await meeting.state() == "ok")
        #expect(meeting.log.all == ["1 double_call"])
        meeting.close(first, "double_call")
        #expect(try await meeting.state() == "ok")
        await meeting.mesh.stop()
    }

    @Test func ofCallsDialledByBothTheOneOfTheLesserNameStays() async throws {
        for isOwnFirst in [true, false] {
            let meeting = try await Meeting()
            _ = try meeting.open(1, run: 7, isDialler: isOwnFirst)
            _ = try meeting.open(2, run: 7, isDialler: !isOwnFirst)
            #expect(try await meeting.state() == "ok")
            // `buoy` is less than `m`, and dialled the one in which we are not the dialler.
            #expect(meeting.log.all == [isOwnFirst ? "1 double_call" : "2 double_call"])
            await meeting.mesh.stop()
        }
    }

    @Test func twoRunsThatBothAnswerAreDoubled() async throws {
        let meeting = try await Meeting()
        let first = try meeting.open(1, run: 7)
        _ = try meeting.open(2, run: 8)
        #expect(try await meeting.state() == "ok")
        #expect(meeting.log.all == ["1 probe"])
        meeting.engine.post(.session(.alive(first)))
        #expect(try await meeting.state() == "doubled")
        #expect(meeting.log.all == ["1 probe", "1 doubled", "2 doubled"])
        meeting.close(first, "doubled")
        #expect(try await meeting.state() == "doubled")
        #expect(try await meeting.neighbour().lastError?.code == "doubled")

        // Neither gets in again, nor a third run of the same life, until one has a later one.
        for (id, run) in [(3, 7), (4, 8), (5, 9)] as [(UInt64, UInt64)] {
            _ = try meeting.open(id, run: run)
            #expect(try await meeting.state() == "doubled")
            #expect(meeting.log.all.last == "\(id) doubled")
        }
        _ = try meeting.open(6, run: 9, incarnation: 2)
        #expect(try await meeting.state() == "ok")
        #expect(meeting.log.all.last == "5 doubled")
        await meeting.mesh.stop()
    }

    @Test func aRunThatDoesNotAnswerAnyMoreGivesWay() async throws {
        let meeting = try await Meeting()
        let first = try meeting.open(1, run: 7)
        let second = try meeting.open(2, run: 8)
        meeting.close(first, "silent")
        #expect(try await meeting.state() == "ok")
        #expect(meeting.log.all == ["1 probe"])
        meeting.close(second, "cut")
        #expect(try await meeting.state() == "expected")
        await meeting.mesh.stop()
    }

    @Test func whatIsSaidWhileTheOldCallIsProbedIsNotLost() async throws {
        let meeting = try await Meeting()
        let first = try meeting.open(1, run: 7)
        let second = try meeting.open(2, run: 8)
        // A note that breaks the rules ends whichever call it is taken from.
        let note = Message.note(
            number: 1,
            destination: second.peer,
            hops: 1,
            .statement([1, 2, 3])
        )
        meeting.engine.post(.session(.message(second, note)))
        #expect(try await meeting.state() == "ok")
        #expect(meeting.log.all == ["1 probe"])
        meeting.close(first, "silent")
        _ = try await meeting.state()
        #expect(meeting.log.all == ["1 probe", "2 statement_invalid"])
        await meeting.mesh.stop()
    }

    @Test func theOldRunsNewCallProvesThatBothLive() async throws {
        let meeting = try await Meeting()
        _ = try meeting.open(1, run: 7)
        _ = try meeting.open(2, run: 8)
        _ = try meeting.open(3, run: 7)
        #expect(try await meeting.state() == "doubled")
        #expect(meeting.log.all.sorted() == ["1 doubled", "1 probe", "2 doubled", "3 doubled"])
        await meeting.mesh.stop()
    }

    @Test func theWordSaysHowACallEnded() async throws {
        let endings = [
            ("silent", "silent"), ("protocol_violation", "refused"), ("cut", "expected"),
            ("stopping", "expected"), ("doubled", "doubled"), ("rolled-back", "rolled-back"),
        ]
        let meeting = try await Meeting()
        for (number, (reason, word)) in endings.enumerated() {
            let session = try meeting.open(UInt64(number), run: 7)
            meeting.close(session, reason)
            let neighbour = try await meeting.neighbour()
            #expect(neighbour.state == word)
            #expect(neighbour.lastError?.code == (reason == "stopping" ? nil : reason))
        }
        await meeting.mesh.stop()
    }
}
