import Dispatch
import MeshContent
import MeshModel
import Synchronization

/// A file's digest, fed with its pieces in order by whoever is free first: the thread that encodes
/// them, or another beside it.
final class SharedDigest: Sendable {
    private struct State {
        var digest: PieceDigest
        /// The number of the piece that is to be taken next.
        var next: UInt64 = 0
    }

    private let state: Mutex<State>
    private let algorithm: DigestAlgorithm

    private static let helpers = DispatchQueue(label: "tributary.digest", attributes: .concurrent)

    /// Begins with no pieces.
    init(_ algorithm: DigestAlgorithm) {
        self.algorithm = algorithm
        self.state = Mutex(State(digest: PieceDigest(algorithm)))
    }

    /// Lets another thread take the next piece, if one is free before ``take(_:_:_:)`` is called.
    ///
    /// Nothing of a tree is done ahead: it hardly looks at the bytes, and needs the entry.
    ///
    /// - Parameters:
    ///   - number: Which piece it is.
    ///   - plain: Its bytes: they must stay until ``take(_:_:_:)`` returns, which must be called.
    func offer(_ number: UInt64, _ plain: UnsafeRawBufferPointer) {
        guard self.algorithm == .sha256 else { return }
        // Read under the lock only, and only while the piece is the next: not once it was taken.
        nonisolated(unsafe) let plain = plain
        Self.helpers.async {
            // Whoever has the lock takes this piece, or a later one.
            _ = self.state.withLockIfAvailable { state in
                guard state.next == number else { return }
                state.digest.take(whole: plain)
                state.next += 1
            }
        }
    }

    /// Takes the next piece, unless another thread did or does: then waits for that.
    func take(_ number: UInt64, _ entry: Entry, _ plain: UnsafeRawBufferPointer) {
        self.state.withLock { state in
            guard state.next == number else { return }
            state.digest.take(entry, plain)
            state.next += 1
        }
    }

    /// Takes the next piece, which is all zeros, as a hole reads.
    func take(zeros count: UInt32) {
        self.state.withLock { state in
            state.digest.take(zeros: count)
            state.next += 1
        }
    }

    /// The digest of all pieces so far; more may follow.
    func finalize() -> Digest { self.state.withLock { $0.digest.finalize() } }
}
