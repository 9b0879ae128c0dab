import MeshCustody
import MeshIdentity
import MeshLinks
import MeshModel
import MeshProtocol
import MeshTesting
import Synchronization
import Testing

@testable import MeshNode

/// Dialling, with a clock and pauses of the test's own.
@Suite(.timeLimit(.minutes(5))) struct CallerTests {
    /// A world in which each attempt and each pause waits for the test's word.
    final class World: Sendable {
        enum Happening: Sendable {
            case dials(AsyncStream<Result<ScriptedCall, LinkError>>.Continuation)
            case pauses(Int64, AsyncStream<Never>.Continuation)
            case counts
            case tells(DialEvent)
        }

        let happenings: AsyncStream<Happening>
        private let happens: AsyncStream<Happening>.Continuation
        let clock = TestClock()
        let book = CallBook { _ in }
        let peer: NodeName

        init() throws {
            (self.happenings, self.happens) = AsyncStream.makeStream()
            self.peer = try #require(NodeName("hq"))
        }

        func caller() -> Caller {
            let happens = self.happens
            return Caller(
                self.peer,
                calls: self.book,
                CallerParts(
                    dial: {
                        let (results, continuation) = AsyncStream<
                            Result<ScriptedCall, LinkError>
                        >.makeStream()
                        happens.yield(.dials(continuation))
                        for await result in results { return try result.get() }
                        throw CancellationError()
                    },
                    tell: { happens.yield(.tells($0)) },
                    clock: self.clock,
                    random: { 0 },
                    pause: { milliseconds in
                        // The moment after which a call counts is no wait between calls.
                        let (ends, continuation) = AsyncStream<Never>.makeStream()
                        happens.yield(
                            milliseconds == Caller.moment
                                ? .counts : .pauses(milliseconds, continuation)
                        )
                        for await _ in ends {}
                    }
                )
            )
        }

        /// The next attempt.
        func dial() async throws -> AsyncStream<Result<ScriptedCall, LinkError>>.Continuation {
            for await happening in self.happenings {
                if case .dials(let attempt) = happening { return attempt }
            }
            throw CancellationError()
        }

        /// The next pause: its length, and what ends it.
        func pause() async throws -> (Int64, AsyncStream<Never>.Continuation) {
            for await happening in self.happenings {
                if case .pauses(let milliseconds, let end) = happening {
                    return (milliseconds, end)
                }
            }
            throw CancellationError()
        }

        /// A call was opened, and its time counts.
        func counting() async throws {
            for await happening in self.happenings { if case .counts = happening { return } }
        }

        /// What was told of the next failure.
        func failure() async throws -> String {
            for await happening in self.happenings {
                if case .tells(.failed(let code, _, _)) = happening { return code }
            }
            throw CancellationError()
        }

        func open(_ id: UInt64, isDialler: Bool = true) throws -> ScriptedCall {
            let session = ScriptedCall(id: id, peer: self.peer, isDialler: isDialler)
            let hello = Hello(
                mesh: try #require(MeshName("mesh")),
                node: self.peer,
                runID: 1,
                incarnation: Incarnation(number: 1, random: 1),
                clock: UnixMilliseconds(0)
            )
            self.book.heard(.opened(session, hello: hello))
            return session
        }

        func close(_ session: ScriptedCall, _ reason: String, callAgain: UnixMilliseconds? = nil) {
            if let callAgain {
                let bye = Bye(why: reason, callAgain: callAgain)
                self.book.heard(.message(session, .bye(bye)))
            }
            self.book.heard(.closed(session, reason: reason, detail: "words"))
        }
    }

    final class ScriptedCall: Session {
        let id: UInt64
        let peer: NodeName
        let isDialler: Bool

        init(id: UInt64, peer: NodeName, isDialler: Bool) {
            (self.id, self.peer, self.isDialler) = (id, peer, isDialler)
        }

        func send(_ message: Message) {}
        func want(_ parcel: ParcelID, _ blobs: [WantedBlob]) {}
        func unwant(_ parcel: ParcelID) {}
        func serve(_ parcel: ParcelID, class parcelClass: UInt8, _ blobs: [ServedBlob]) {}
        func serveSmall(_ small: Message, class parcelClass: UInt8) {}
        func withdraw(_ parcel: ParcelID) {}
        func handled() {}
        func probe() {}
        func end(_ bye: Bye) {}
    }

    static let unreachable = LinkError(.unreachable, "Nobody is there.", hint: "Look.")
    static let lineDown = LinkError(.noRoute, "The line is down.")

    /// Runs a body beside a caller that is at work.
    static func with(
        _ body: (World, Caller) async throws -> Void
    ) async throws {
        let world = try World()
        let caller = world.caller()
        try await withThrowingTaskGroup { group in
            group.addTask { await caller.run() }
            try await body(world, caller)
            group.cancelAll()
        }
    }

    @Test func delaysGrowWhileNobodyAnswers() async throws {
        try await Self.with { world, _ in
            var delays: [Int64] = []
            for _ in 0..<9 {
                try await world.dial().yield(.failure(Self.unreachable))
                let (milliseconds, end) = try await world.pause()
                delays.append(milliseconds)
                end.finish()
            }
            #expect(delays == [250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
        }
    }

    @Test func delaysDoNotGrowWhileTheLineIsDownAndEndWhenItIsBack() async throws {
        try await Self.with { world, caller in
            for _ in 0..<20 {
                try await world.dial().yield(.failure(Self.lineDown))
                let (milliseconds, end) = try await world.pause()
                #expect(milliseconds == 5_000)
                end.finish()
            }
            try await world.dial().yield(.failure(Self.lineDown))
            _ = try await world.pause()
            caller.routesChanged()
            // At once: nobody has ended the pause. And as if nothing had failed before.
            try await world.dial().yield(.failure(Self.unreachable))
            let (milliseconds, _) = try await world.pause()
            #expect(milliseconds == 250)
        }
    }

    @Test func aPeerThatDoesNotAnswerIsNotDialledForAChangeOfRoutes() async throws {
        try await Self.with { world, caller in
            try await world.dial().yield(.failure(Self.unreachable))
            let (_, end) = try await world.pause()
            caller.routesChanged()
            end.finish()
            // One attempt for the end of the pause, and none for the routes.
            try await world.dial().yield(.failure(Self.unreachable))
            let (milliseconds, _) = try await world.pause()
            #expect(milliseconds == 500)
        }
    }

    @Test func aCallThatEndsAtOnceIsAFailure() async throws {
        try await Self.with { world, _ in
            for expected in [250, 500, 1_000] as [Int64] {
                let attempt = try await world.dial()
                let session = try world.open(UInt64(expected))
                world.close(session, "doubled")
                attempt.yield(.success(session))
                #expect(try await world.failure() == "doubled")
                let (milliseconds, end) = try await world.pause()
                #expect(milliseconds == expected)
                end.finish()
            }
            // One that lasts is none.
            let attempt = try await world.dial()
            let session = try world.open(1)
            attempt.yield(.success(session))
            try await world.counting()
            world.clock.advance(milliseconds: Caller.shortest)
            world.close(session, "cut")
            let (milliseconds, _) = try await world.pause()
            #expect(milliseconds == 250)
        }
    }

    @Test func theTimeThatAPeerNamesIsWaitedFor() async throws {
        try await Self.with { world, _ in
            let attempt = try await world.dial()
            let session = try world.open(1)
            let later = world.clock.now().adding(milliseconds: 3_600_000)
            world.close(session, "window", callAgain: later)
            attempt.yield(.success(session))
            let (milliseconds, _) = try await world.pause()
            #expect((3_590_000...3_600_000).contains(milliseconds))
        }
    }

    @Test func aCommandEndsThePauseAndHearsWhatBecameOfIt() async throws {
        try await Self.with { world, caller in
            try await world.dial().yield(.failure(Self.unreachable))
            _ = try await world.pause()
            async let outcome = caller.callNow()
            try await world.dial().yield(.failure(LinkError(.wrongNode, "Another.", hint: "Do.")))
            #expect(
                await outcome == .failed(code: "wrong_node", message: "Another.", hint: "Do.")
            )
        }
    }

    @Test func aCallThatIsOpenIsNotDialledAgain() async throws {
        try await Self.with { world, caller in
            let attempt = try await world.dial()
            let session = try world.open(1)
            attempt.yield(.success(session))
            #expect(await caller.callNow() == .alreadyOpen)
        }
    }

    @Test func whileThePeerHasCalledNobodyDials() async throws {
        let world = try World()
        let session = try world.open(1, isDialler: false)
        let caller = world.caller()
        try await withThrowingTaskGroup { group in
            group.addTask { await caller.run() }
            #expect(await caller.callNow() == .alreadyOpen)
            world.close(session, "cut")
            _ = try await world.dial()
            group.cancelAll()
        }
    }

    @Test func whoWaitsForACallIsToldThatTheNodeStops() async throws {
        let world = try World()
        let caller = world.caller()
        let running = Task { await caller.run() }
        _ = try await world.dial()
        async let outcome = caller.callNow()
        running.cancel()
        let answer = await outcome
        guard case .failed(let code, _, _) = answer else { throw UnexpectedAnswer() }
        #expect(code == "stopping")
    }

    struct UnexpectedAnswer: Error {}
}
