import Logging
import MeshCustody
import MeshModel
import ServiceLifecycle

/// Says in the log once a day that the node's certificate ends soon, or has ended.
///
/// Who looks after many nodes reads logs, and not the status of each.
struct CertificateService: Service {
    let expires: UnixMilliseconds
    let clock: any WallClock
    let logger: Logger
    /// Returns after so many milliseconds, or at once when the task is cancelled.
    let pause: @Sendable (Int64) async -> Void

    private static let day: Int64 = 86_400_000

    func run() async throws {
        await cancelWhenGracefulShutdown { await self.watch() }
    }

    /// Looks once a day until it is cancelled.
    func watch() async {
        while !Task.isCancelled {
            let left = StatusReport.Certificate(expires: self.expires, at: self.clock.now())
            if left.isShort {
                self.logger.warning(
                    "Certificate has to be renewed",
                    metadata: [
                        "certificate.expires": "\(self.expires)",
                        "certificate.days_left": "\(left.daysLeft)",
                    ]
                )
            }
            await self.pause(Self.day)
        }
    }
}
