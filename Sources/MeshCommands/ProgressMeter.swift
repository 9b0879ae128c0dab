import MeshModel

/// How fast what is left becomes less, and how long that will take.
struct ProgressMeter {
    private struct Sample {
        let at: Int64
        let left: Int64
    }

    /// The last few seconds: lines are opened and closed, and an old rate says nothing.
    private var samples: [Sample] = []
    private static let window: Int64 = 10_000
    /// A rate of less time than this would jump about.
    private static let least: Int64 = 1_000

    /// Such as `[####------] `, in what `columns` leave beside `text`; empty if that is too little.
    static func bar(_ share: Double, beside text: String, columns: Int) -> String {
        let width = min(20, columns - text.count - 3)
        guard width >= 5 else { return "" }
        let full = Int(min(max(share, 0), 1) * Double(width))
        return "[\(String(repeating: "#", count: full))"
            + "\(String(repeating: "-", count: width - full))] "
    }

    /// Such as `, 88.1 MiB/s, 6 s left`; empty while there is too little to tell by.
    mutating func pace(left: Int64, at now: UnixMilliseconds) -> String {
        self.samples.append(Sample(at: now.rawValue, left: left))
        self.samples.removeAll { now.rawValue - $0.at > Self.window }
        guard let first = self.samples.first, now.rawValue - first.at >= Self.least else {
            return ""
        }
        let done = first.left - left
        guard done > 0 else {
            let isLong = now.rawValue - first.at > Self.window - Self.least
            return isLong ? ", none in the last \(Self.window / 1_000) s" : ""
        }
        let rate = Double(done) * 1_000 / Double(now.rawValue - first.at)
        let pace = ", \(Wording.bytes(Int64(rate)))/s"
        guard left > 0 else { return pace }
        let seconds = min(Double(left) / rate, 1e9)
        return "\(pace), \(Wording.duration(milliseconds: Int64(seconds * 1_000))) left"
    }
}
