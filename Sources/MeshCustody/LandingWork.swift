import Dispatch
import MeshContent
import MeshFiles
package import MeshModel
import MeshProtocol
package import MeshSpool
import Synchronization

/// What landing threads tell the engine.
package enum LandingEvent: Sendable {
    /// A parcel that still arrives was assembled as far as it could.
    case advanced(ParcelID)
    /// The same of one that is written where it lands, durably; or what was written is lost.
    case placed(ParcelID, Result<OpenLanding, any Error>)
    /// Temporary files were made, or not.
    case assembled([LandingOutcome])
    /// Temporary files got their final names, durably, or not.
    case renamed([LandingOutcome])
    /// What a restart found of a landing whose intent was durable.
    case found(LandingIntent, LandingOutcome.Result)
}

/// What became of one parcel's landing.
package struct LandingOutcome: Sendable {
    /// What it came to.
    package enum Result: Sendable {
        /// Durable under its temporary name.
        case ready(LandingIntent)
        /// Durable under its final name.
        case renamed
        /// A consumer took it, or somebody removed the temporary file.
        case unseen
        /// A blob, or a small parcel's record, does not verify.
        case damaged(Digest)
        /// Every blob verifies, and yet the file is not what the closing says.
        case digestDiffers
        /// It can never land here.
        case refused(code: String, detail: String)
        /// It cannot land now.
        case waits(code: String, detail: String)
    }
    /// The parcel.
    package var parcel: ParcelID
    /// What it came to.
    package var result: Result
}

/// One parcel to be landed.
struct LandingJob: Sendable {
    var row: ParcelRow
    let opening: Opening
    let closing: Closing
    let final: PathBytes
    let root: LandingRoot
    let assembly: LandingAssembly

    /// Its bytes are in the assembly's file, and custody is stated once that is whole.
    var isInPlace: Bool { self.row.state == .arriving }
}

/// Makes files out of blobs, on threads of its own; knows nothing of custody.
struct LandingWork: Sendable {
    let spool: Spool
    let store: Index
    static let queue = DispatchQueue(label: "tributary.landing", attributes: .concurrent)

    /// Assembles each parcel beside its final name, durably.
    func assemble(_ jobs: [LandingJob]) -> [LandingOutcome] {
        let assemblies = jobs.map { job in
            guard job.assembly.hasFailed else { return job.assembly }
            job.assembly.discard()
            return LandingAssembly(job.assembly.parts)
        }
        var directories = Directories()
        let written = zip(jobs, assemblies).map { self.assemble($0, $1, &directories) }
        return zip(zip(jobs, assemblies), self.sync(written)).map { made, result in
            if case .ready = result {
            } else {
                // Nothing is left behind: the next attempt begins anew.
                made.1.discard()
            }
            return LandingOutcome(parcel: made.0.row.id, result: result)
        }
    }

    /// What is written of one parcel, and the file, if it is what its closing says.
    private typealias Written = (result: LandingOutcome.Result, file: LandingFile?)

    /// Makes files durable that were written together, and closes them.
    ///
    /// Many are synced with their whole file system. Few are synced one by one, for that takes
    /// others' files along, but beside each other: a file system makes those that wait at the same
    /// time durable with one commit.
    private func sync(_ written: [Written]) -> [LandingOutcome.Result] {
        let files = written.compactMap(\.file)
        defer { for file in files { file.close() } }
        if files.count >= Self.syncTogetherMin {
            do {
                if try LandingFile.sync(together: files) { return written.map(\.result) }
            } catch {
                // What failed to become durable must not be synced again: it would seem to succeed.
                return written.map { $0.file == nil ? $0.result : Self.result(of: error) }
            }
        }
        let results = Mutex(written.map(\.result))
        let next = Atomic<Int>(0)
        // Of files, not of threads: a helper that no thread was free for has nothing to be waited for.
        let unsynced = DispatchGroup()
        let sync: @Sendable () -> Void = {
            while case let place = next.add(1, ordering: .relaxed).oldValue,
                place < written.count
            {
                do { try written[place].file?.sync() } catch {
                    results.withLock { $0[place] = Self.result(of: error) }
                }
                unsynced.leave()
            }
        }
        for _ in written { unsynced.enter() }
        for _ in 1..<max(1, min(files.count, Self.syncsMax)) { Self.syncs.async(execute: sync) }
        sync()
        unsynced.wait()
        return results.withLock { $0 }
    }

    private static let syncs = DispatchQueue(label: "tributary.sync", attributes: .concurrent)
    /// How many files are synced beside each other.
    private static let syncsMax = 16
    /// From how many files on their whole file system is synced.
    private static let syncTogetherMin = 32

    private func assemble(
        _ job: LandingJob,
        _ assembly: LandingAssembly,
        _ directories: inout Directories
    ) -> Written {
        do {
            if job.row.isSmall {
                try assembly.write(self.content(of: job), in: directories[job.root])
            } else {
                try assembly.run(upTo: job.closing.entryCount)
            }
            guard let file = try assembly.finish(job.opening, job.closing) else {
                return (.digestDiffers, nil)
            }
            // There are no others of its bytes here: it must still be what its name stands for.
            if job.isInPlace, try job.root.look(file.temporary)?.inode != file.inode {
                return (.damaged(job.row.id.digest), nil)
            }
            let intent = LandingIntent(
                parcel: job.row.id,
                temporary: file.temporary,
                device: file.device,
                inode: file.inode,
                final: job.final
            )
            return (.ready(intent), file)
        } catch let error as SpoolError {
            guard error.code == .damaged || error.code == .missing else {
                return (.waits(code: error.code.rawValue, detail: error.message), nil)
            }
            return (.damaged(job.row.isSmall ? job.row.id.digest : assembly.reading), nil)
        } catch is ContentError {
            return (.digestDiffers, nil)
        } catch is MissingBlob {
            return (.damaged(job.row.isSmall ? job.row.id.digest : assembly.reading), nil)
        } catch {
            return (Self.result(of: error), nil)
        }
    }

    private func content(of job: LandingJob) throws -> [UInt8] {
        guard let body = job.row.body else { throw MissingBlob() }
        let small = try SmallParcel(recordBody: try self.spool.read(body, verify: true))
        return try SmallCodec.decompress(
            codec: small.codec,
            small.content,
            size: Int(job.closing.size.rawValue)
        )
    }

    /// Gives files their final names; every directory is synced once.
    func rename(_ intents: [LandingIntent], in roots: [ParcelID: LandingRoot]) -> [LandingOutcome] {
        var outcomes: [LandingOutcome] = []
        var open = Directories()
        var directories: [[UInt8]: (LandingRoot, LandingIntent)] = [:]
        for intent in intents {
            guard let root = roots[intent.parcel] else { continue }
            do {
                try open[root].rename(temporary: intent.temporary, to: intent.final)
                let parent = Array(intent.final.components.dropLast().joined(separator: [0x2F]))
                directories[Array(root.path.utf8) + [0] + parent] = (root, intent)
                outcomes.append(LandingOutcome(parcel: intent.parcel, result: .renamed))
            } catch {
                outcomes.append(
                    LandingOutcome(parcel: intent.parcel, result: Self.result(of: error))
                )
            }
        }
        do {
            for (root, intent) in directories.values { try root.syncDirectory(of: intent.final) }
        } catch {
            // The names may not be durable: a restart looks again.
            return intents.map { LandingOutcome(parcel: $0.parcel, result: Self.result(of: error)) }
        }
        return outcomes
    }

    /// Finishes what a crash left after an intent was durable.
    static func recover(_ intent: LandingIntent, in root: LandingRoot) -> LandingOutcome.Result {
        do {
            guard try root.hasDirectory(of: intent.final, on: intent.device) else {
                return .waits(
                    code: "landing_missing",
                    detail: "The directory of \(intent.final) is not there."
                )
            }
            if let found = try root.look(intent.temporary), found.inode == intent.inode,
                found.device == intent.device
            {
                try root.rename(temporary: intent.temporary, to: intent.final)
                try root.syncDirectory(of: intent.final)
                return .renamed
            }
            if let found = try root.look(intent.final), found.inode == intent.inode,
                found.device == intent.device
            {
                try root.syncDirectory(of: intent.final)
                return .renamed
            }
            return .unseen
        } catch {
            return Self.result(of: error)
        }
    }

    private static func result(of error: any Error) -> LandingOutcome.Result {
        guard let error = error as? FilesError else {
            return .waits(code: "io_failed", detail: "\(error)")
        }
        return switch error.code {
        case .pathRefused, .tooLarge: .refused(code: error.code.rawValue, detail: error.message)
        case .sizeDiffers: .digestDiffers
        default: .waits(code: error.code.rawValue, detail: error.message)
        }
    }
}

/// The directories in which the files of one batch land, one for each landing.
private struct Directories {
    private var open: [String: LandingDirectory] = [:]

    subscript(root: LandingRoot) -> LandingDirectory {
        mutating get {
            if let directory = self.open[root.path] { return directory }
            let directory = LandingDirectory(of: root)
            self.open[root.path] = directory
            return directory
        }
    }
}

/// A parcel lacks a blob that it should have: index, segments and the landing's file disagree.
struct MissingBlob: Error, CustomStringConvertible {
    var description: String { "bytes that should be here are not" }
}
