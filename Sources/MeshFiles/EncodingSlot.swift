import Dispatch
import MeshContent
import MeshModel
import Synchronization

/// What a piece became.
struct EncodedPiece: Sendable {
    let entry: Entry
    /// What is stored of it; `nil` for a hole.
    let blob: StoredBlob?
}

/// Bytes in the memory of a thread that keeps them in place, and unchanged, until it has heard that
/// they are done with: unchecked, because the compiler cannot see that it waits.
struct LentBytes: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer
}

/// Encodes one piece after the other, each by whoever is free first: the thread that reads the
/// file, when it comes for the result, or another before that.
final class EncodingSlot: Sendable {
    private enum Work {
        case none
        case given(LentBytes)
        case underWay(isAwaited: Bool)
        case done(EncodedPiece)
    }

    private let work = Mutex(Work.none)
    /// Wakes who awaits a piece.
    ///
    /// They do not wait for a lock: that spins for as long as encoding takes.
    private let encoded = DispatchSemaphore(value: 0)
    /// For whoever has taken the piece.
    private nonisolated(unsafe) let encoder: BlobEncoder
    private static let helpers = DispatchQueue(label: "tributary.encode", attributes: .concurrent)

    init(profile: CutProfile) { self.encoder = BlobEncoder(profile: profile) }

    /// Takes up a piece, which must stay where it is until ``finish()`` or ``drop()``.
    func begin(_ piece: UnsafeRawBufferPointer) {
        let lent = LentBytes(bytes: piece)
        self.work.withLock { $0 = .given(lent) }
        // One that comes late finds another piece, or none.
        Self.helpers.async { self.encode() }
    }

    /// What the piece became.
    func finish() -> EncodedPiece? {
        self.encode()
        return self.takeResult()
    }

    /// Lets go of the piece.
    func drop() {
        self.work.withLock { if case .given = $0 { $0 = .none } }
        _ = self.takeResult()
    }

    /// Whether a piece is the one that an earlier run made `entry` from; only where none is begun.
    func matches(_ entry: Entry, _ piece: UnsafeRawBufferPointer) -> Bool {
        self.encoder.matches(entry, piece)
    }

    /// Encodes the piece, unless somebody does already.
    private func encode() {
        let taken = self.work.withLock { work -> LentBytes? in
            guard case .given(let piece) = work else { return nil }
            work = .underWay(isAwaited: false)
            return piece
        }
        guard let taken else { return }
        let (entry, blob) = self.encoder.encode(taken.bytes)
        let isAwaited = self.work.withLock { work in
            defer { work = .done(EncodedPiece(entry: entry, blob: blob)) }
            if case .underWay(isAwaited: true) = work { return true }
            return false
        }
        if isAwaited { self.encoded.signal() }
    }

    private func takeResult() -> EncodedPiece? {
        let isUnderWay = self.work.withLock { work in
            guard case .underWay = work else { return false }
            work = .underWay(isAwaited: true)
            return true
        }
        if isUnderWay { self.encoded.wait() }
        return self.work.withLock { work in
            defer { work = .none }
            if case .done(let piece) = work { return piece }
            return nil
        }
    }
}
