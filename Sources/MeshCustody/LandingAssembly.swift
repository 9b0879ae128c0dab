import MeshContent
import MeshFiles
import MeshModel
import MeshProtocol
import MeshSpool
import Synchronization

/// A file that is made out of its parcel's blobs, as far as they are here.
///
/// Begun while the parcel still arrives, so that landing overlaps with transfer, and finished by
/// the landing. After a failure it is of no use: the landing begins another.
final class LandingAssembly: Sendable {
    /// What it is made of.
    struct Parts: Sendable {
        let number: Int64
        let final: PathBytes
        let tag: String
        let root: LandingRoot
        let algorithm: DigestAlgorithm
        let spool: Spool
        let store: Index
    }

    private struct State {
        var file: LandingFile?
        var digest: PieceDigest
        var next: UInt64 = 0
        var reading = Digest.zero
        var hasFailed = false
    }

    let parts: Parts
    private let state: Mutex<State>

    init(_ parts: Parts) {
        self.parts = parts
        self.state = Mutex(State(digest: PieceDigest(parts.algorithm)))
    }

    /// The blob that was read last: whoever catches an error knows which one was bad.
    var reading: Digest { self.state.withLock { $0.reading } }

    /// Whether a step failed before: what stands in the file is not to be trusted.
    var hasFailed: Bool { self.state.withLock { $0.hasFailed } }

    /// Writes and hashes the pieces before entry `end`, from where it left off.
    func run(upTo end: UInt64) throws {
        try self.state.withLock { state in
            do { try self.run(&state, upTo: end) } catch {
                state.hasFailed = true
                throw error
            }
        }
    }

    private func run(_ state: inout State, upTo end: UInt64) throws {
        let file = try self.file(&state)
        let decoder = BlobDecoder()
        while state.next < end {
            let limit = Int(min(1_024, end - state.next))
            let run = try self.parts.store.entries(
                of: self.parts.number,
                from: state.next,
                limit: limit
            )
            guard !run.isEmpty else { throw MissingBlob() }
            for located in run {
                guard let entry = Entry(encoded: located.entry) else { throw MissingBlob() }
                state.reading = entry.blob.digest
                if entry.isHole {
                    state.digest.take(zeros: entry.plainLength)
                    try file.skip(Int64(entry.plainLength))
                } else {
                    guard let location = located.location else { throw MissingBlob() }
                    let stored = try self.parts.spool.blob(entry.blob, at: location)
                    try stored.withUnsafeBytes { bytes in
                        try decoder.decode(entry, stored: bytes) { plain in
                            state.digest.take(entry, plain)
                            try file.write(plain)
                        }
                    }
                }
                state.next += 1
            }
        }
    }

    /// Writes a small parcel's content, which comes whole, in a directory that may be open already.
    func write(_ plain: [UInt8], in directory: LandingDirectory) throws {
        try self.state.withLock { state in
            let file =
                try state.file ?? directory.begin(self.parts.final, tag: self.parts.tag)
            state.file = file
            try plain.withUnsafeBytes { bytes in
                state.digest.take(whole: bytes)
                try file.write(bytes)
            }
        }
    }

    /// Gives the file its mode and time, if it is what the closing says.
    ///
    /// - Returns: The file, to be synced and closed; `nil` if its digest is another.
    func finish(_ opening: Opening, _ closing: Closing) throws -> LandingFile? {
        try self.state.withLock { state in
            let file = try self.file(&state)
            guard closing.algorithm == state.digest.algorithm,
                closing.digest == state.digest.finalize()
            else { return nil }
            try file.finish(
                mode: opening.mode,
                modifiedNanoseconds: opening.modified,
                size: closing.size.rawValue
            )
            return file
        }
    }

    /// Removes what was made; it will not land.
    func discard() {
        self.state.withLock { state in
            guard let file = state.file else { return }
            file.close()
            self.parts.root.remove(file.temporary)
            state.file = nil
            state.hasFailed = true
        }
    }

    private func file(_ state: inout State) throws -> LandingFile {
        if let file = state.file { return file }
        let file = try self.parts.root.begin(self.parts.final, tag: self.parts.tag)
        state.file = file
        return file
    }
}
