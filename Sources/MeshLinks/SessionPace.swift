import MeshModel
import NIOCore

/// The times and sizes of one session, from what is declared of its line.
///
/// A slice on its way holds up whatever is said after it, and a slow line is not a dead one: no
/// patience is shorter than the time that four slices take.
struct SessionPace {
    /// The silence after which the dialler pings; `nil`: never.
    let keepalive: TimeAmount?
    /// The silence that ends the call while anything is outstanding.
    let silence: TimeAmount
    /// The time for a ping's answer when nothing else is outstanding.
    let answer: TimeAmount
    /// The time for the answer to a probe.
    let probe: TimeAmount
    /// The most payload in a slice.
    let sliceBytes: Int
    /// The bytes handed to the transport at a time.
    let writeBytes: Int
    /// The bytes that the system may hold unsent; `nil` for its own choice.
    let unsentBytes: Int?

    /// Below this speed, in bits per second, slices are small.
    private static let thinSpeed: Int64 = 1_000_000
    private static let thinSliceBytes = 16 << 10
    private static let writeBytesMax = 256 << 10

    init(_ times: LinkTimes, _ line: LinkLine) {
        let sliceBytes =
            line.speed.map { $0 < Self.thinSpeed } ?? false
            ? Self.thinSliceBytes : Limits.slicePayloadBytesMax
        self.sliceBytes = sliceBytes
        let bytesPerSecond = line.speed.map { max(1, $0 / 8) }
        let slices = bytesPerSecond.map {
            TimeAmount.milliseconds(4 * Int64(sliceBytes) * 1_000 / $0)
        }
        func patience(_ time: Duration) -> TimeAmount { max(TimeAmount(time), slices ?? .zero) }
        self.silence = patience(times.silence)
        self.answer = patience(times.silence / 3)
        self.probe = patience(times.probe)
        self.keepalive = line.keepalive.map { TimeAmount($0) }
        self.writeBytes =
            bytesPerSecond.map {
                Int(min(max($0 / 2, Int64(Self.thinSliceBytes)), Int64(Self.writeBytesMax)))
            } ?? Self.writeBytesMax
        self.unsentBytes = bytesPerSecond.map { Int(min(2 * $0, Int64(Int32.max))) }
    }
}
