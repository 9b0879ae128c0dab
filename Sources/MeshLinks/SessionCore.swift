import Logging
import MeshModel
import MeshProtocol
import NIOCore

/// What carries the bytes of one session; used on the session's event loop only.
protocol SessionTransport: AnyObject {
    /// Whether more bytes are welcome now; ``SessionCore/pump()`` is called when they are again.
    var isWritable: Bool { get }
    /// Whether all bytes that were written have left this process.
    var isFlushed: Bool { get }
    /// An empty buffer to fill.
    func makeBuffer(capacity: Int) -> ByteBuffer
    /// Sends bytes.
    func write(_ bytes: ByteBuffer)
    /// Closes once all written bytes are out, or could not get out in a few seconds.
    func close()
}

/// Runs one session on an event loop, between an engine and a transport.
///
/// Confined to its event loop; others reach it through the mailbox of its ``LinkSession``.
final class SessionCore {
    let session: LinkSession
    private let eventLoop: any EventLoop
    private let side: LinkSide
    private let counter: WireCounter
    private var opened: ((Result<any Session, any Error>) -> Void)?
    private var driver: SessionDriver
    private weak var transport: (any SessionTransport)?

    private var isOpen = false
    private var isClosed = false
    /// The peer broke a rule: what it says from then on is not heard.
    private var isDeaf = false
    /// Bytes that came and are not part of an event yet.
    private var unbookedBytes = 0
    private var pumpsAgain = false
    /// The first reason to end, which is the one that is told.
    private var ending: (reason: String, detail: String)?
    private let pace: SessionPace
    private var watch: SilenceWatch
    /// The token of the ping that a probe waits for.
    private var probe: UInt64?
    private var lastToken: UInt64 = 0
    private var timers: [() -> Void] = []

    /// The most bytes produced before other sessions of the event loop have their turn.
    private static let bytesPerTurn = 1 << 20

    /// Prepares a session with the authenticated `peer`.
    ///
    /// `opened` is told once: the session, after its `opened` event, or why there is none.
    ///
    /// - Throws: When our hello does not fit a frame.
    init(
        peer: NodeName,
        isDialler: Bool,
        counter: WireCounter,
        side: LinkSide,
        eventLoop: any EventLoop,
        transport: any SessionTransport,
        opened: @escaping (Result<any Session, any Error>) -> Void
    ) throws(ProtocolError) {
        let greeting = side.hello(peer)
        self.session = LinkSession(peer: peer, isDialler: isDialler, greeting: greeting)
        self.pace = SessionPace(side.times, side.line(peer))
        self.watch = SilenceWatch(self.pace, isDialler: isDialler, at: eventLoop.now)
        self.driver = try SessionDriver(
            peer: peer,
            hello: greeting,
            sliceBytes: self.pace.sliceBytes
        )
        self.side = side
        self.counter = counter
        self.eventLoop = eventLoop
        self.transport = transport
        self.opened = opened
    }

    /// Sends our hello.
    func start() {
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        self.session.attach { [eventLoop] in eventLoop.execute { bound.value.obey() } }
        let check = self.eventLoop.scheduleRepeatedTask(
            initialDelay: self.watch.checkEvery,
            delay: self.watch.checkEvery
        ) { _ in bound.value.checkSilence() }
        self.timers.append { check.cancel() }
        self.pump()
    }

    /// Takes bytes from the transport.
    func received(_ buffer: ByteBuffer) {
        guard !self.isClosed, !self.isDeaf else { return }
        self.watch.heard(at: self.eventLoop.now)
        self.unbookedBytes += buffer.readableBytes
        do {
            // The engine is called after the driver is done with the bytes: it may call back.
            var arrived: [SessionMachine.Event] = []
            defer { self.deliver(arrived) }
            try buffer.withUnsafeReadableBytes { bytes in
                try self.driver.receive(bytes) { arrived.append($0) }
            }
        } catch {
            self.fail(error)
        }
        if let probe = self.probe, self.driver.lastPong == probe {
            self.probe = nil
            _ = self.session.hand(0)
            self.side.events(.alive(self.session))
        }
        self.obey()
    }

    /// Ends at once: the transport is gone.
    func lost(reason: String, detail: String) { self.finish((reason, detail)) }

    /// Sends what may be sent while the transport takes it.
    func pump() {
        guard !self.isClosed, let transport = self.transport else { return }
        var turn = 0
        while self.driver.hasOutput, transport.isWritable, turn < Self.bytesPerTurn {
            // A produced write ends with the frame that reaches its size.
            let room = self.pace.writeBytes + Limits.frameBodyBytesMax + FrameHeader.byteCount
            var buffer = transport.makeBuffer(capacity: self.driver.hasData ? room : 1 << 10)
            let isWhole = self.reportingFaults { () throws(ProtocolError) in
                try self.driver.produce(into: &buffer, limit: self.pace.writeBytes)
            }
            guard buffer.readableBytes > 0 else {
                if isWhole { break } else { continue }
            }
            turn += buffer.readableBytes
            transport.write(buffer)
        }
        let payload = self.driver.takePayloadBytes()
        if payload > 0 { self.counter.add(payloadSent: payload) }
        if turn > 0 { self.watch.said(at: self.eventLoop.now, dataFrames: self.driver.dataFrames) }
        if self.driver.isFinished {
            self.finish(("cut", "The session ended."))
        } else if turn >= Self.bytesPerTurn, !self.pumpsAgain {
            self.pumpsAgain = true
            let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
            self.eventLoop.execute {
                bound.value.pumpsAgain = false
                bound.value.pump()
            }
        }
    }
}

extension SessionCore {
    /// Does what the engine has asked for since the last time.
    private func obey() {
        guard !self.isClosed else { return }
        for command in self.session.takeCommands() {
            switch command {
            case .end(let bye): self.beginEnding(bye.why, bye.detail)
            case .probe: self.beginProbe()
            default: break
            }
            self.reportingFaults { () throws(ProtocolError) in try self.driver.perform(command) }
        }
        self.pump()
    }

    /// What an event takes in memory beside its bytes, roughly.
    private static let bytesPerEvent = 256

    private func deliver(_ events: [SessionMachine.Event]) {
        guard !events.isEmpty else { return }
        let share = self.unbookedBytes / events.count + Self.bytesPerEvent
        self.unbookedBytes = 0
        var unhandled = 0
        for event in events {
            unhandled = self.session.hand(share)
            self.deliver(event)
        }
        if unhandled > Limits.unhandledBytesPerSessionMax {
            self.fail(
                ProtocolError.violation("\(unhandled) bytes came faster than they can be handled.")
            )
        }
    }

    private func deliver(_ event: SessionMachine.Event) {
        switch event {
        case .hello(let hello):
            self.isOpen = true
            self.side.events(.opened(self.session, hello: hello))
            self.tellOpened(.success(self.session))
        case .message(.bye(let bye)):
            self.beginEnding(bye.why, bye.detail)
            self.side.events(.message(self.session, .bye(bye)))
            // Answered after what the engine still has to say.
            self.session.end(Bye(why: bye.why))
        case .message(let message): self.side.events(.message(self.session, message))
        case .blob(let parcel, let number, let blob):
            self.side.events(.blob(self.session, parcel, number, blob))
        case .badBlob(let parcel, let number):
            self.side.events(.badBlob(self.session, parcel, number))
        }
    }

    /// Ends because the peer broke a rule; it is told which.
    private func fail(_ error: any Error) {
        guard !self.isDeaf else { return }
        self.isDeaf = true
        let name = (error as? ProtocolError)?.code.name ?? "failed"
        if !self.isOpen {
            self.tellOpened(
                .failure(LinkError(.incompatible, "The peer's hello does not fit.", cause: error))
            )
        }
        self.beginEnding(name, "\(error)")
        self.driver.giveUp()
        self.session.end(Bye(why: name, detail: "\(error)"))
    }

    private func tellOpened(_ result: Result<any Session, any Error>) {
        self.opened?(result)
        self.opened = nil
    }

    private func beginEnding(_ reason: String, _ detail: String) {
        guard self.ending == nil else { return }
        self.ending = (reason, detail)
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let timeout = self.eventLoop.scheduleTask(
            in: TimeAmount(self.side.times.bye)
        ) {
            bound.value.finish((reason, detail))
        }
        self.timers.append { timeout.cancel() }
    }

    private func finish(_ end: (reason: String, detail: String)) {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.session.close()
        for cancel in self.timers { cancel() }
        self.timers = []
        let told = self.ending ?? end
        if self.isOpen {
            self.side.events(
                .closed(self.session, reason: told.reason, detail: told.detail)
            )
        } else {
            self.tellOpened(.failure(LinkError(.refused, "\(told.reason): \(told.detail)")))
        }
        self.transport?.close()
    }

    private func beginProbe() {
        guard self.probe == nil else { return }
        let token = self.ping()
        self.probe = token
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let timeout = self.eventLoop.scheduleTask(in: self.pace.probe) {
            guard bound.value.probe == token else { return }
            bound.value.finish(("silent", "A ping was not answered."))
        }
        self.timers.append { timeout.cancel() }
    }

    @discardableResult
    private func ping() -> UInt64 {
        self.lastToken += 1
        let token = self.lastToken
        self.reportingFaults { () throws(ProtocolError) in try self.driver.ping(token) }
        return token
    }

    private func checkSilence() {
        guard !self.isClosed else { return }
        let step = self.watch.check(
            at: self.eventLoop.now,
            isOwed: self.driver.isOwed || self.transport?.isFlushed == false,
            dataFrames: self.driver.dataFrames
        )
        switch step {
        case .nothing: return
        case .ping: self.ping()
        case .sign:
            self.reportingFaults { () throws(ProtocolError) in try self.driver.pong(0) }
        case .end(let silence):
            let milliseconds = silence.nanoseconds / 1_000_000
            return self.finish(
                (
                    "silent",
                    "Nothing came for \(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s."
                )
            )
        }
        self.pump()
    }

    /// A message that does not fit a frame is left out, loudly: it must not end every session.
    @discardableResult
    private func reportingFaults(_ body: () throws(ProtocolError) -> Void) -> Bool {
        do {
            try body()
            return true
        } catch  where error.code != .frameTooLong {
            self.fail(error)
            return false
        } catch {
            self.side.logger.error(
                "A message could not be sent and was left out.",
                metadata: ["peer": "\(self.session.peer)", "error": "\(error)"]
            )
            return false
        }
    }
}
