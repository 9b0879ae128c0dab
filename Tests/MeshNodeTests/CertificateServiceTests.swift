import Logging
import MeshModel
import MeshTesting
import Synchronization
import Testing

@testable import MeshNode

/// Keeps what is logged.
private final class LogLines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { self.lines.withLock { $0 } }
    func add(_ line: String) { self.lines.withLock { $0.append(line) } }
}

private struct KeepingHandler: LogHandler {
    let lines: LogLines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }
    func log(event: LogEvent) {
        self.lines.add("\(event.message) \(event.metadata?["certificate.days_left"] ?? "")")
    }
}

@Suite struct CertificateServiceTests {
    @Test(.timeLimit(.minutes(5)))
    func theLogWarnsOnceADayFromAMonthBeforeTheEnd() async {
        let day: Int64 = 86_400_000
        let clock = TestClock()
        let lines = LogLines()
        let days = Mutex(0)
        let service = CertificateService(
            expires: clock.now().adding(milliseconds: 32 * day),
            clock: clock,
            logger: Logger(label: "test") { _ in KeepingHandler(lines: lines) },
            pause: { milliseconds in
                clock.advance(milliseconds: milliseconds)
                let passed = days.withLock { days in
                    days += 1
                    return days
                }
                if passed == 34 { withUnsafeCurrentTask { $0?.cancel() } }
            }
        )
        await Task { await service.watch() }.value
        let left = (-2...29).reversed()
        #expect(lines.all == left.map { "Certificate has to be renewed \($0)" })
    }
}
