import Logging
import MeshLinks
import Synchronization

/// Logs calls that came in and did not become sessions: one line each, but no flood of them.
final class RefusalLog: Sendable {
    private let logger: Logger
    private let lines = Mutex<[String: Line]>([:])

    private struct Line {
        var begun: ContinuousClock.Instant
        var count = 0
        var left = 0
    }

    /// Lines of one code within ``window``; of those beyond only the number is told.
    private static let linesMax = 20
    private static let window: Duration = .seconds(60)

    init(_ logger: Logger) { self.logger = logger }

    @Sendable func refused(_ address: String, _ error: any Error) {
        let code = (error as? LinkError)?.detailCode ?? "failed"
        guard let left = self.take(code, at: .now) else { return }
        var metadata: Logger.Metadata = [
            "peer.address": "\(address)", "error.code": "\(code)", "error": "\(error)",
        ]
        if left > 0 { metadata["call.unlogged"] = "\(left)" }
        self.logger.warning("Call refused", metadata: metadata)
    }

    /// How many lines were left out since the last; `nil` when this one is to be.
    func take(_ code: String, at now: ContinuousClock.Instant) -> Int? {
        self.lines.withLock { lines in
            var line = lines[code] ?? Line(begun: now)
            defer { lines[code] = line }
            if now - line.begun >= Self.window { (line.begun, line.count) = (now, 0) }
            line.count += 1
            guard line.count <= Self.linesMax else {
                line.left += 1
                return nil
            }
            defer { line.left = 0 }
            return line.left
        }
    }
}
