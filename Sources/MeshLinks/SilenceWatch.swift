import NIOCore

/// Tells a dead call from one that has nothing to say.
///
/// Times in, steps out; ask it every ``checkEvery``.
///
/// - With anything outstanding: ping after half of ``SessionPace/silence``, the end after all of it.
/// - With nothing outstanding the dialler pings after ``SessionPace/keepalive``; the end comes if
///   nothing answers. The end that was dialled waits for three such pings.
/// - Who takes in data and has nothing to answer yet says so from time to time: else the sender
///   could not tell whether a large blob on a thin line arrives at all.
struct SilenceWatch {
    /// What is to be done now.
    enum Step: Equatable {
        case nothing
        /// Ask for a sign of life.
        case ping
        /// Give one.
        case sign
        /// End the call: nothing came for so long.
        case end(TimeAmount)
    }

    private let pace: SessionPace
    private let isDialler: Bool
    private var lastHeard: NIODeadline
    private var lastSaid: NIODeadline
    private var pingedAt: NIODeadline?
    /// Whether the ping went over a line with nothing else on it: its answer comes soon or never.
    private var isPingAlone = false
    private var owedSince: NIODeadline?
    private var dataSeen: UInt64 = 0

    /// Often enough that all ends within a tenth of its time.
    var checkEvery: TimeAmount {
        .nanoseconds(max(1_000_000, self.pace.silence.nanoseconds / 30))
    }

    init(_ pace: SessionPace, isDialler: Bool, at now: NIODeadline) {
        self.pace = pace
        self.isDialler = isDialler
        (self.lastHeard, self.lastSaid) = (now, now)
    }

    /// Bytes came.
    mutating func heard(at now: NIODeadline) {
        self.lastHeard = now
        self.pingedAt = nil
    }

    /// Bytes went, when data frames so far were `dataFrames`: to the peer they are a sign of life.
    mutating func said(at now: NIODeadline, dataFrames: UInt64) {
        self.lastSaid = now
        self.dataSeen = dataFrames
    }

    /// Decides; `isOwed` while the peer owes anything, `dataFrames` counts those that came.
    mutating func check(at now: NIODeadline, isOwed: Bool, dataFrames: UInt64) -> Step {
        self.owedSince = isOwed ? self.owedSince ?? now : nil
        let silence = now - self.lastHeard
        if let pingedAt = self.pingedAt, self.isPingAlone, now - pingedAt >= self.pace.answer {
            return .end(silence)
        }
        if let owedSince = self.owedSince {
            let waited = now - max(owedSince, self.lastHeard)
            if waited >= self.pace.silence { return .end(silence) }
            if self.pingedAt == nil, waited.nanoseconds >= self.pace.silence.nanoseconds / 2 {
                (self.pingedAt, self.isPingAlone) = (now, false)
                return .ping
            }
        } else if let keepalive = self.pace.keepalive {
            if self.isDialler, self.pingedAt == nil, silence >= keepalive {
                (self.pingedAt, self.isPingAlone) = (now, true)
                return .ping
            }
            if silence.nanoseconds >= 3 * keepalive.nanoseconds { return .end(silence) }
        }
        if dataFrames != self.dataSeen,
            (now - self.lastSaid).nanoseconds >= self.pace.silence.nanoseconds / 3
        {
            return .sign
        }
        return .nothing
    }
}
