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
    private struct State {
        let encoder: BlobEncoder
        var piece: LentBytes?
        var encoded: EncodedPiece?

        mutating func encode() {
            guard let piece = self.piece else { return }
            let (entry, blob) = self.encoder.encode(piece.bytes)
            self.encoded = EncodedPiece(entry: entry, blob: blob)
            self.piece = nil
        }
    }

    private let state: Mutex<State>
    private static let helpers = DispatchQueue(label: "tributary.encode", attributes: .concurrent)

    init(profile: CutProfile) {
        self.state = Mutex(State(encoder: BlobEncoder(profile: profile)))
    }

    /// Takes up a piece, which must stay where it is until ``finish()`` or ``drop()``.
    func begin(_ piece: UnsafeRawBufferPointer) {
        let lent = LentBytes(bytes: piece)
        self.state.withLock { $0.piece = lent }
        // One that comes late finds another piece, or none.
        Self.helpers.async { _ = self.state.withLockIfAvailable { $0.encode() } }
    }

    /// What the piece became.
    func finish() -> EncodedPiece? {
        self.state.withLock { state in
            state.encode()
            defer { state.encoded = nil }
            return state.encoded
        }
    }

    /// Lets go of the piece.
    func drop() { self.state.withLock { ($0.piece, $0.encoded) = (nil, nil) } }

    /// Whether a piece is the one that an earlier run made `entry` from.
    func matches(_ entry: Entry, _ piece: UnsafeRawBufferPointer) -> Bool {
        let lent = LentBytes(bytes: piece)
        return self.state.withLock { $0.encoder.matches(entry, lent.bytes) }
    }
}
