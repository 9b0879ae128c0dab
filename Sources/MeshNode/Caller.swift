import MeshCustody
import MeshLinks
import MeshModel
import MeshPolicy
import MeshProtocol
import Synchronization

/// How it came out when a neighbour was to be called now.
enum CallOutcome: Hashable, Sendable {
    /// A call was open before.
    case alreadyOpen
    /// A call was opened, and was still open a moment later.
    case opened
    /// There is none: a stable code, what happened, and what to do about it.
    case failed(code: String, message: String, hint: String?)
}

/// What a caller needs of the world; tests have another.
struct CallerParts: Sendable {
    /// Dials once.
    var dial: @Sendable () async throws -> any Session
    /// Hears how it goes.
    var tell: @Sendable (DialEvent) -> Void
    /// Hears of each failure whose code is another than that of the one before.
    var failed: @Sendable (_ code: String, _ error: any Error) -> Void = { _, _ in }
    /// The time of day.
    var clock: any WallClock
    /// A random number.
    var random: @Sendable () -> UInt64
    /// Returns after so many milliseconds, or at once when the task is cancelled.
    var pause: @Sendable (Int64) async -> Void
}

/// Keeps a call open to one neighbour that this node dials.
///
///     dial ── fails, or ends at once ──▶ wait, longer each time ──▶ dial …
///       └──── opens ──▶ wait for its end ──▶ wait a little ──▶ dial …
///
/// The wait is cut short by ``callNow()``, and by ``routesChanged()`` if the line was down.
final class Caller: Sendable {
    private let peer: NodeName
    private let calls: CallBook
    private let parts: CallerParts

    private struct State {
        var askers: [UInt64: CheckedContinuation<CallOutcome, Never>] = [:]
        var lastAsker: UInt64 = 0
        var lastCode = ""
        /// Ends the pause under way.
        var wake: AsyncStream<Never>.Continuation?
        var isLineDown = false
        var isOver = false
    }

    private let state = Mutex(State())

    /// A call that ends within this time, in milliseconds, is no success.
    static let shortest: Int64 = 10_000
    /// A call that is still open after this time, in milliseconds, counts as opened to a command.
    static let moment: Int64 = 400

    init(_ peer: NodeName, calls: CallBook, _ parts: CallerParts) {
        (self.peer, self.calls, self.parts) = (peer, calls, parts)
    }

    /// Runs until it is cancelled.
    func run() async {
        var backOff = BackOff()
        while !Task.isCancelled {
            if let open = self.calls.openCall(with: self.peer) {
                // The peer has called: there is nothing to do until that call ends.
                self.answer(.alreadyOpen)
                _ = await self.calls.waitForEnd(of: open)
                continue
            }
            self.parts.tell(.begun)
            let delay = await self.attempt(&backOff)
            await self.wait(milliseconds: delay)
        }
        self.state.withLock { $0.isOver = true }
        self.answer(Self.stopping)
    }

    private static let stopping = CallOutcome.failed(
        code: "stopping",
        message: "The node is stopping.",
        hint: nil
    )

    /// One call, to its end.
    ///
    /// - Returns: Milliseconds to wait.
    private func attempt(_ backOff: inout BackOff) async -> Int64 {
        let session: any Session
        do { session = try await self.parts.dial() } catch {
            return self.failed(&backOff, error)
        }
        let opened = self.parts.clock.now()
        let end = await withTaskGroup { group in
            group.addTask {
                await self.parts.pause(Self.moment)
                if !Task.isCancelled { self.answer(.opened) }
            }
            let end = await self.calls.waitForEnd(of: session.id)
            group.cancelAll()
            return end
        }
        let now = self.parts.clock.now()
        if now.rawValue - opened.rawValue >= Self.shortest { backOff.succeeded() }
        let isShort = backOff.failures > 0 || now.rawValue - opened.rawValue < Self.shortest
        var delay = backOff.failed(random: self.parts.random())
        if let callAgain = end?.callAgain {
            // Not for ever: a peer's clock may be wrong.
            delay = max(delay, min(callAgain.rawValue - now.rawValue, Self.callAgainMax))
        }
        let next = now.adding(milliseconds: delay)
        if isShort, let end, end.reason != "double_call" {
            self.parts.tell(.failed(code: end.reason, message: end.detail, next: next))
            self.answer(.failed(code: end.reason, message: end.detail, hint: nil))
        } else {
            self.parts.tell(.waits(until: next))
        }
        self.state.withLock { $0.lastCode = "" }
        return delay
    }

    private static let callAgainMax: Int64 = 86_400_000

    private func failed(_ backOff: inout BackOff, _ error: any Error) -> Int64 {
        let link = error as? LinkError
        let isLineDown = link?.code == .noRoute
        let random = self.parts.random()
        let delay = isLineDown ? BackOff.steady(random: random) : backOff.failed(random: random)
        let code = link?.detailCode ?? "failed"
        let message = link.map { "\($0.message)\($0.cause.map { " (\($0))" } ?? "")" } ?? "\(error)"
        let isNew = self.state.withLock { state in
            state.isLineDown = isLineDown
            defer { state.lastCode = code }
            return state.lastCode != code
        }
        guard !Task.isCancelled else { return delay }
        if isNew { self.parts.failed(code, error) }
        let next = self.parts.clock.now().adding(milliseconds: delay)
        self.parts.tell(.failed(code: code, message: message, next: next))
        self.answer(.failed(code: code, message: message, hint: link?.hint))
        return delay
    }
}

extension Caller {
    /// Dials now, whatever the back-off says, or joins the attempt that is under way.
    ///
    /// Cancelled, it gives up waiting; the attempt goes on.
    func callNow() async -> CallOutcome {
        if self.calls.openCall(with: self.peer) != nil { return .alreadyOpen }
        let id = self.state.withLock { state in
            state.lastAsker += 1
            return state.lastAsker
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (wake, isOver) = self.state.withLock { state in
                    state.askers[id] = continuation
                    return (state.wake.take(), state.isOver)
                }
                wake?.finish()
                if isOver || Task.isCancelled { self.giveUp(id) }
            }
        } onCancel: {
            self.giveUp(id)
        }
    }

    /// A way may have come back: if there was none, tries it.
    func routesChanged() {
        let wake = self.state.withLock { $0.isLineDown ? $0.wake.take() : nil }
        wake?.finish()
    }

    /// Dials now, whatever the back-off says; nobody waits for how it comes out.
    func hurry() {
        let wake = self.state.withLock { $0.wake.take() }
        wake?.finish()
    }

    private func giveUp(_ id: UInt64) {
        let asker = self.state.withLock { $0.askers.removeValue(forKey: id) }
        asker?.resume(returning: Self.stopping)
    }

    private func answer(_ outcome: CallOutcome) {
        let askers = self.state.withLock { state in
            defer { state.askers = [:] }
            return state.askers.values
        }
        for asker in askers { asker.resume(returning: outcome) }
    }

    private func wait(milliseconds: Int64) async {
        let (wakes, continuation) = AsyncStream<Never>.makeStream()
        let mustDial = self.state.withLock { state in
            guard state.askers.isEmpty else { return true }
            state.wake = continuation
            return false
        }
        guard !mustDial else { return }
        await withTaskGroup { group in
            group.addTask { await self.parts.pause(milliseconds) }
            group.addTask { for await _ in wakes {} }
            await group.next()
            group.cancelAll()
        }
        self.state.withLock { state in
            state.wake = nil
            state.isLineDown = false
        }
    }
}
