import Dispatch
package import MeshContent
package import MeshFiles
import MeshIdentity
package import MeshModel
import MeshPolicy
package import MeshSpool
import Synchronization

/// What capture and scan threads tell the engine.
package enum CaptureEvent: Sendable {
    /// A scan of a source ended.
    case scanned(FlowName, Result<Scan, CaptureFailure>)
    /// Files of a source were looked at.
    case looked(FlowName, Result<Looked, CaptureFailure>)
    /// A watch of a source has something to say.
    case heard(FlowName, WatchNotice)
    /// Files that a command named.
    case found(FlowName, task: UInt64, Result<Found, CaptureFailure>)
    /// Small files were read.
    case read([ReadFile])
    /// Entries up to a number, and their blobs, are in the log up to a position.
    case grew(ParcelID, entries: UInt64, bytes: Int64, LogPosition)
    /// A file was read to its end.
    case finished(ParcelID, Result<Captured, CaptureFailure>, root: Digest, LogPosition?)
}

/// A small file, read whole.
package struct ReadFile: Sendable {
    /// The flow.
    package var flow: FlowName
    /// The file as it was noticed.
    package var seen: SeenFile
    /// Its bytes as they are stored, or why there are none.
    package var result: Result<(content: SmallCodec.Content, captured: Captured), CaptureFailure>
}

/// Tells worker threads to stop early.
final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)
    var isCancelled: Bool { self.flag.load(ordering: .relaxed) }
    func cancel() { self.flag.store(true, ordering: .relaxed) }
}

/// Reads files of one source on threads of its own; knows nothing of custody.
struct CaptureWork: Sendable {
    let flow: FlowName
    let root: SourceRoot
    /// Whether nobody may have a file open for writing, neither before it is read nor after.
    let isProbed: Bool
    let spool: Spool
    let store: Index
    let mailbox: EngineMailbox
    let cancellation: Cancellation

    static let smalls = DispatchQueue(label: "tributary.capture.small")
    static let files = DispatchQueue(label: "tributary.capture", attributes: .concurrent)

    /// How far a capture runs ahead of the disk, in bytes.
    private static let unsyncedBytesMax = Limits.unsyncedBytesPerSessionMax
    /// How much longer than it takes itself a capture waits for who reads its blobs: who needs still
    /// longer will not keep up in any case.
    private static let patience = 2
    private static let patienceMax = Duration.milliseconds(250)
    /// The same without a copy: what memory lets go of is read and hashed again, not only read.
    private static let patienceWithoutCopy = Duration.milliseconds(500)

    /// Reads small files whole.
    func read(_ files: [SeenFile]) {
        let codec = SmallCodec()
        let directory = SourceDirectory(of: self.root)
        let read = files.map { seen in
            ReadFile(
                flow: self.flow,
                seen: seen,
                result: CaptureFailure.caught {
                    let file = try directory.open(seen.path)
                    let (bytes, captured) = try self.read(file, as: seen.stamp) {
                        try Capture.readSmall(file)
                    }
                    return (codec.compress(bytes), captured)
                }
            )
        }
        self.mailbox.yield(.capture(.read(read)))
    }

    /// Reads a file that must be one version, and nobody's to write, from before to after.
    private func read<T>(
        _ file: SourceFile,
        as stamp: FileStamp,
        _ body: () throws -> T
    ) throws -> T {
        func check() throws {
            guard try file.stamp().isSameVersion(as: stamp) else {
                throw CaptureFailure.changed(file.path)
            }
        }
        func probe() throws {
            if self.isProbed, file.writers() == .some {
                throw CaptureFailure.beingWritten(file.path)
            }
        }
        try check()
        try probe()
        let result = try body()
        try probe()
        try check()
        return result
    }

    /// Opens a file; one that is not there may lie on a disk that is not mounted.
    private func open(_ path: PathBytes, lastOn device: UInt64) throws -> SourceFile {
        do { return try self.root.open(path) } catch let error as FilesError
            where error.code == .fileMissing
        {
            try self.root.checkIsMounted(lastOn: device)
            throw error
        }
    }

    /// Cuts a file into the log, from where a restart left off; without a copy, only its entries are
    /// written.
    func capture(
        _ parcel: ParcelID,
        _ path: PathBytes,
        _ stamp: FileStamp,
        profile: CutProfile,
        digest: DigestAlgorithm,
        isCopied: Bool,
        resumingAfter prefix: [Entry]
    ) {
        var run = EntryRun(parcel: parcel, first: UInt64(prefix.count))
        var merkle = MerkleRootBuilder()
        for entry in prefix { merkle.append(entry.encoded()) }
        var last: LogPosition?
        var waitFor: [(LogPosition, Int64)] = []
        var unsynced: Int64 = 0
        var busySince = ContinuousClock.now
        func flush() throws {
            guard !run.entries.isEmpty else { return }
            if !run.blobs.isEmpty {
                let busy = ContinuousClock.now - busySince
                self.spool.pace(
                    atMost: isCopied
                        ? min(busy * Self.patience, Self.patienceMax) : Self.patienceWithoutCopy
                )
            }
            defer { busySince = .now }
            if !isCopied { self.spool.keepFresh(run.blobs) }
            let position = try self.spool.append(try run.records(withBlobs: isCopied))
            last = position
            let bytes = isCopied ? run.bytes : 0
            self.mailbox.yield(
                .capture(.grew(parcel, entries: run.next, bytes: bytes, position))
            )
            run = EntryRun(parcel: parcel, first: run.next)
            waitFor.append((position, bytes))
            unsynced += bytes
            while unsynced > Int64(Self.unsyncedBytesMax), let (oldest, count) = waitFor.first {
                try self.spool.wait(for: oldest)
                unsynced -= count
                waitFor.removeFirst()
            }
        }
        let result = CaptureFailure.caught { () throws -> Captured in
            let file = try self.open(path, lastOn: stamp.device)
            return try self.read(file, as: stamp) {
                let capture = Capture(profile: profile)
                let captured = try capture.run(file, digest: digest, resumingAfter: prefix) {
                    _,
                    entry,
                    blob in
                    if self.cancellation.isCancelled { throw CancellationError() }
                    merkle.append(entry.encoded())
                    let isHere = try isCopied && self.store.hasBlob(entry.blob)
                    run.append(entry, isHere ? nil : blob)
                    if run.isFull { try flush() }
                }
                try flush()
                return captured
            }
        }
        self.mailbox.yield(
            .capture(.finished(parcel, result, root: merkle.root(), last))
        )
    }
}

/// Entries and blobs of one append: entries first, just ahead of the blobs they name.
private struct EntryRun {
    let parcel: ParcelID
    let first: UInt64
    var entries: [UInt8] = []
    var blobs: [StoredBlob] = []
    var bytes: Int64 = 0

    var next: UInt64 { self.first + UInt64(self.entries.count / Entry.encodedByteCount) }
    /// About 2 MiB, so that the first blobs leave early.
    var isFull: Bool { self.bytes >= 2 << 20 || self.next - self.first >= 256 }

    init(parcel: ParcelID, first: UInt64) {
        self.parcel = parcel
        self.first = first
    }

    mutating func append(_ entry: Entry, _ blob: StoredBlob?) {
        entry.append(to: &self.entries)
        guard let blob else { return }
        self.bytes += Int64(blob.bytes.count)
        self.blobs.append(blob)
    }

    func records(withBlobs: Bool) throws -> [LogRecord] {
        let entries = try LogRecord.entries(self.parcel, first: self.first, self.entries)
        return [entries] + (withBlobs ? self.blobs.map { .blob($0) } : [])
    }
}

/// A capture or scan that did not come about.
package struct CaptureFailure: Error, Sendable {
    /// A code of `FilesError`, or `interrupted`: not the file's fault.
    package var code: String
    /// What happened.
    package var message: String
    /// What to do about it.
    package var hint: String?

    static let interruptedCode = "interrupted"
    static let beingWrittenCode = WaitReason.beingWritten.rawValue
    /// The path fits no opening.
    static let unnameableCode = SkipReason.unnameable.rawValue

    /// Whether the file itself has changed or gone: trying the same again would be in vain.
    var isFinal: Bool {
        let final: [FilesError.Code] = [
            .sourceChanged, .fileMissing, .notRegular, .pathRefused, .tooLarge,
        ]
        return self.code == Self.beingWrittenCode || final.contains { $0.rawValue == self.code }
    }

    init(_ error: any Error) {
        if let error = error as? FilesError {
            (self.code, self.message, self.hint) = (
                error.code.rawValue, error.message, error.hint
            )
        } else {
            (self.code, self.message, self.hint) = (Self.interruptedCode, "\(error)", nil)
        }
    }

    /// The file is not the version that was noticed.
    static func changed(_ path: PathBytes) -> Self {
        Self(code: FilesError.Code.sourceChanged.rawValue, message: "\(path) changed.")
    }

    /// Somebody has the file open for writing.
    static func beingWritten(_ path: PathBytes) -> Self {
        Self(code: Self.beingWrittenCode, message: "\(path) is open for writing.")
    }

    static func caught<T>(_ body: () throws -> T) -> Result<T, CaptureFailure> {
        do { return .success(try body()) } catch let failure as CaptureFailure {
            return .failure(failure)
        } catch {
            return .failure(CaptureFailure(error))
        }
    }

    private init(code: String, message: String) {
        (self.code, self.message) = (code, message)
    }
}
