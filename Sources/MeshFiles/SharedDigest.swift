import Dispatch
import MeshContent
import MeshModel
import Synchronization

/// A file's digest, fed with its pieces in order by whoever is free first: the thread that reads
/// the file, or another beside it.
final class SharedDigest: Sendable {
    private struct State {
        var digest: PieceDigest
        /// The number of the piece that is to be taken next.
        var next: UInt64 = 0
    }

    /// A piece that another thread may take.
    private struct Offer: Sendable {
        let number: UInt64
        let plain: LentBytes
    }

    private let state: Mutex<State>
    private let offers = Mutex<[Offer]>([])
    private let algorithm: DigestAlgorithm

    private static let helpers = DispatchQueue(label: "tributary.digest", attributes: .concurrent)

    /// Begins with no pieces.
    init(_ algorithm: DigestAlgorithm) {
        self.algorithm = algorithm
        self.state = Mutex(State(digest: PieceDigest(algorithm)))
    }

    /// Lets another thread take a piece, if one is free before ``take(_:_:_:)`` is called.
    ///
    /// Nothing of a tree is done ahead: it hardly looks at the bytes, and needs the entry.
    ///
    /// - Parameters:
    ///   - number: Which piece it is.
    ///   - plain: Its bytes: they must stay until ``take(_:_:_:)`` or ``drop()`` has returned.
    func offer(_ number: UInt64, _ plain: UnsafeRawBufferPointer) {
        guard self.algorithm == .sha256 else { return }
        let offer = Offer(number: number, plain: LentBytes(bytes: plain))
        self.offers.withLock { $0.append(offer) }
        // Piece by piece, so that whoever comes for one does not wait for those behind it.
        Self.helpers.async {
            while self.state.withLockIfAvailable({ self.takeOffered(&$0) }) == true {}
        }
    }

    /// Takes the next piece, unless another thread did or does: then waits for that.
    func take(_ number: UInt64, _ entry: Entry, _ plain: UnsafeRawBufferPointer) {
        self.state.withLock { state in
            guard state.next == number else { return }
            if !self.takeOffered(&state) {
                state.digest.take(entry, plain)
                state.next += 1
            }
        }
    }

    /// Takes the next piece, which is all zeros, as a hole reads.
    func take(zeros count: UInt32) {
        self.state.withLock { state in
            state.digest.take(zeros: count)
            state.next += 1
        }
    }

    /// Lets go of pieces that were offered and not taken.
    func drop() {
        self.offers.withLock { $0 = [] }
        // Whoever is at one has it.
        self.state.withLock { _ in }
    }

    /// The digest of all pieces so far; more may follow.
    func finalize() -> Digest { self.state.withLock { $0.digest.finalize() } }

    /// Whether the next piece was on offer, and is taken.
    private func takeOffered(_ state: inout State) -> Bool {
        let next = state.next
        let offer = self.offers.withLock { offers in
            offers.first?.number == next ? offers.removeFirst() : nil
        }
        guard let offer else { return false }
        state.digest.take(whole: offer.plain.bytes)
        state.next += 1
        return true
    }
}
