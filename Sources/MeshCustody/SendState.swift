import MeshModel
import Synchronization

/// What became of a command's files so far.
///
/// Locked, because whoever waits may read it while the engine goes on.
final class SendState: Sendable {
    /// A file that is to become a parcel.
    struct Awaited {
        let flow: FlowName
        /// The version that was found; `nil` for any.
        ///
        /// A later one will do, but none from before.
        let stamp: FileStamp?

        func isMet(by stamp: FileStamp, of flow: FlowName) -> Bool {
            let since = self.stamp?.changedNanoseconds ?? .min
            return self.flow == flow && stamp.changedNanoseconds >= since
        }
    }

    struct Values {
        var total = 0
        var bytes: Int64 = 0
        var landed = 0
        var landedBytes: Int64 = 0
        /// Lengths of the files that are waited for.
        var sizes: [PathBytes: Int64] = [:]
        /// Not yet parcels.
        var waiting: [PathBytes: Awaited] = [:]
        /// On their way.
        var parcels: [ParcelID: PathBytes] = [:]
        /// Those of them that are still being read here, or have to be once more.
        var arriving: Set<ParcelID> = []
        var skipped: [SendReport.Refusal] = []
        var refused: [SendReport.Refusal] = []
        var isAnswered = false
    }

    private let values = Mutex(Values())

    func with<T>(_ body: (inout sending Values) -> sending T) -> T { self.values.withLock(body) }
}
