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
    /// A file that an earlier run of the node wrote, and how many entries of it are durable.
    struct Written: Sendable {
        let landing: OpenLanding
        let entries: UInt64
    }

    /// What it is made of.
    struct Parts: Sendable {
        let parcel: ParcelID
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
        /// The temporary file's name is durable too.
        var isNamed = false
        /// Bytes that were read again of what was written before a restart.
        var readAgain: Int64 = 0
        var hasFailed = false
    }

    let parts: Parts
    /// What was there before, if it goes on with a file.
    let written: Written?
    private let state: Mutex<State>

    init(_ parts: Parts, goingOnWith written: Written? = nil) {
        self.parts = parts
        self.written = written
        self.state = Mutex(State(digest: PieceDigest(parts.algorithm)))
    }

    /// The blob that was read last: whoever catches an error knows which one was bad.
    var reading: Digest { self.state.withLock { $0.reading } }

    /// Whether a step failed before: what stands in the file is not to be trusted.
    var hasFailed: Bool { self.state.withLock { $0.hasFailed } }

    /// Writes and hashes the pieces before entry `end`, from where it left off.
    func run(upTo end: UInt64) throws { try self.attempt { try self.run(&$0, upTo: end) } }

    /// The same with blobs that are in no log, by their numbers; all of it is durable then.
    func place(_ blobs: [UInt64: StoredBlob], upTo end: UInt64) throws -> OpenLanding {
        try self.attempt { state in
            try self.run(&state, upTo: end, blobs)
            let file = try self.file(&state)
            try file.sync()
            if !state.isNamed { try self.parts.root.syncDirectory(of: file.temporary) }
            state.isNamed = true
            return OpenLanding(
                parcel: self.parts.parcel,
                temporary: file.temporary,
                device: file.device,
                inode: file.inode
            )
        }
    }

    private func attempt<R>(_ body: (inout State) throws -> R) throws -> R {
        try self.state.withLock { state in
            // What stands in the file may end amid a piece.
            guard !state.hasFailed else { throw MissingBlob() }
            do { return try body(&state) } catch {
                state.hasFailed = true
                throw error
            }
        }
    }

    private func run(
        _ state: inout State,
        upTo end: UInt64,
        _ blobs: [UInt64: StoredBlob] = [:]
    ) throws {
        let file = try self.file(&state)
        let decoder = BlobDecoder()
        func write(_ entry: Entry, _ stored: [UInt8], _ state: inout State) throws {
            try stored.withUnsafeBytes { bytes in
                try decoder.decode(entry, stored: bytes) { plain in
                    state.digest.take(entry, plain)
                    try file.write(plain)
                }
            }
        }
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
                if state.next < self.written?.entries ?? 0 {
                    try self.readAgain(entry, of: file, &state)
                } else if entry.isHole {
                    state.digest.take(zeros: entry.plainLength)
                    try file.skip(Int64(entry.plainLength))
                } else if let blob = blobs[state.next] {
                    try write(entry, blob.bytes, &state)
                } else {
                    guard let location = located.location else { throw MissingBlob() }
                    try write(entry, self.parts.spool.blob(entry.blob, at: location), &state)
                }
                state.next += 1
            }
        }
    }

    /// Hashes a piece that is in the file from before a restart.
    private func readAgain(_ entry: Entry, of file: LandingFile, _ state: inout State) throws {
        defer { state.readAgain += Int64(entry.plainLength) }
        guard !entry.isHole else { return state.digest.take(zeros: entry.plainLength) }
        let plain = try [UInt8](unsafeUninitializedCapacity: Int(entry.plainLength)) {
            bytes,
            count in
            try file.read(into: UnsafeMutableRawBufferPointer(bytes), at: state.readAgain)
            count = bytes.count
        }
        try plain.withUnsafeBytes { bytes in
            // A tree takes the name of a piece that is stored as it is for its digest.
            if !entry.flags.contains(.zstd), Digest.sha256(of: bytes) != entry.blob.digest {
                throw MissingBlob()
            }
            state.digest.take(entry, bytes)
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
            // Nor is it begun by a step that comes after this.
            state.hasFailed = true
            guard let file = state.file else { return }
            file.close()
            self.parts.root.remove(file.temporary)
            state.file = nil
        }
    }

    private func file(_ state: inout State) throws -> LandingFile {
        if let file = state.file { return file }
        let file: LandingFile
        if let written = self.written {
            file = try self.goOn(with: written)
        } else {
            file = try self.parts.root.begin(self.parts.final, tag: self.parts.tag)
        }
        state.file = file
        return file
    }

    private func goOn(with written: Written) throws -> LandingFile {
        var length: Int64 = 0
        var next: UInt64 = 0
        while next < written.entries {
            let limit = Int(min(1_024, written.entries - next))
            let run = try self.parts.store.entries(of: self.parts.number, from: next, limit: limit)
            guard !run.isEmpty else { throw MissingBlob() }
            for located in run {
                length += Int64(Entry(encoded: located.entry)?.plainLength ?? 0)
            }
            next += UInt64(run.count)
        }
        let landing = written.landing
        let file = try self.parts.root.resume(
            landing.temporary,
            of: FileIdentity(device: landing.device, inode: landing.inode),
            length: length
        )
        guard let file else { throw MissingBlob() }
        return file
    }
}
