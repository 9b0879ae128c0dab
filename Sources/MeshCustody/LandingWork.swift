import Dispatch
import MeshContent
import MeshFiles
package import MeshModel
import MeshProtocol
package import MeshSpool

/// What landing threads tell the engine.
package enum LandingEvent: Sendable {
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
    let row: ParcelRow
    let opening: Opening
    let closing: Closing
    let final: PathBytes
    let root: LandingRoot
}

/// Makes files out of blobs, on threads of its own; knows nothing of custody.
struct LandingWork: Sendable {
    let spool: Spool
    let store: Index
    static let queue = DispatchQueue(label: "tributary.landing", attributes: .concurrent)

    /// Assembles each parcel beside its final name, durably.
    func assemble(_ jobs: [LandingJob]) -> [LandingOutcome] {
        let decoder = BlobDecoder()
        return jobs.map { job in
            LandingOutcome(parcel: job.row.id, result: self.assemble(job, decoder))
        }
    }

    private func assemble(_ job: LandingJob, _ decoder: BlobDecoder) -> LandingOutcome.Result {
        var reading = job.row.id.digest
        do {
            let tag = String("\(job.row.id)".prefix(32))
            let file = try job.root.begin(job.final, tag: tag)
            defer { file.close() }
            var digest = FileDigest()
            if job.row.isSmall {
                try self.writeSmall(job, to: file, &digest)
            } else {
                try self.writePieces(job, to: file, &digest, decoder, &reading)
            }
            guard digest.finalize() == job.closing.digest else {
                job.root.remove(file.temporary)
                return .digestDiffers
            }
            try file.finish(
                mode: job.opening.mode,
                modifiedNanoseconds: job.opening.modified,
                size: job.closing.size.rawValue
            )
            try file.sync()
            return .ready(
                LandingIntent(
                    parcel: job.row.id,
                    temporary: file.temporary,
                    device: file.device,
                    inode: file.inode,
                    final: job.final
                )
            )
        } catch let error as SpoolError {
            return error.code == .damaged || error.code == .missing
                ? .damaged(reading) : .waits(code: error.code.rawValue, detail: error.message)
        } catch is ContentError {
            return .digestDiffers
        } catch is MissingBlob {
            return .damaged(reading)
        } catch {
            return Self.result(of: error)
        }
    }

    private func writeSmall(
        _ job: LandingJob,
        to file: LandingFile,
        _ digest: inout FileDigest
    ) throws {
        guard let body = job.row.body else { throw MissingBlob() }
        let small = try SmallParcel(recordBody: try self.spool.read(body, verify: true))
        let plain = try SmallCodec.decompress(
            codec: small.codec,
            small.content,
            size: Int(job.closing.size.rawValue)
        )
        try plain.withUnsafeBytes { bytes in
            digest.update(bytes)
            try file.write(bytes)
        }
    }

    private func writePieces(
        _ job: LandingJob,
        to file: LandingFile,
        _ digest: inout FileDigest,
        _ decoder: BlobDecoder,
        _ reading: inout Digest
    ) throws {
        var next: UInt64 = 0
        while next < job.closing.entryCount {
            let run = try self.store.entries(of: job.row.number, from: next, limit: 1_024)
            guard !run.isEmpty else { throw MissingBlob() }
            for located in run {
                guard let entry = Entry(encoded: located.entry) else { throw MissingBlob() }
                reading = entry.blob.digest
                if entry.isHole {
                    digest.update(zeros: Int(entry.plainLength))
                    try file.skip(Int64(entry.plainLength))
                    continue
                }
                guard let location = located.location else { throw MissingBlob() }
                let stored = try self.spool.read(location, verify: true)
                try stored.withUnsafeBytes { bytes in
                    try decoder.decode(entry, stored: bytes) { plain in
                        digest.update(plain)
                        try file.write(plain)
                    }
                }
            }
            next += UInt64(run.count)
        }
    }

    /// Gives files their final names; every directory is synced once.
    func rename(_ intents: [LandingIntent], in roots: [ParcelID: LandingRoot]) -> [LandingOutcome] {
        var outcomes: [LandingOutcome] = []
        var directories: [[UInt8]: (LandingRoot, LandingIntent)] = [:]
        for intent in intents {
            guard let root = roots[intent.parcel] else { continue }
            do {
                try root.rename(temporary: intent.temporary, to: intent.final)
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

/// A complete parcel lacks a blob: the index and the segments disagree.
struct MissingBlob: Error {}
