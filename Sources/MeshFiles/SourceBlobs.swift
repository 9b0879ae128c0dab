package import MeshContent
package import MeshModel
import Synchronization

/// Makes blobs of a captured file again, for which the file itself stands: nothing else keeps them.
///
/// Opens the file when the first is asked for, and keeps it open until ``close()``.
package final class SourceBlobs: Sendable {
    private struct State {
        var file: SourceFile?
        var encoder: BlobEncoder?
    }

    private let root: SourceRoot
    private let path: PathBytes
    private let profile: CutProfile
    private let state = Mutex(State())

    /// Names the file, and how it was cut.
    package init(root: SourceRoot, path: PathBytes, profile: CutProfile) {
        (self.root, self.path, self.profile) = (root, path, profile)
    }

    /// The stored bytes of an entry, from the piece that begins at `offset` in the file.
    ///
    /// - Throws: ``FilesError/Code/sourceChanged`` if the file has other bytes there by now, or
    ///   another version of zstd packs them otherwise; or what opening and reading it throws.
    package func read(_ entry: Entry, at offset: Int64) throws -> [UInt8] {
        try self.state.withLock { state in
            // What fails may be another file by now: it is opened anew.
            let file = try state.file.take() ?? self.root.open(self.path)
            let plain = try file.read(Int(entry.plainLength), at: offset)
            guard let blob = self.pack(plain, as: entry, &state) else {
                throw FilesError.changed("\(self.path) has changed since it was captured.")
            }
            state.file = file
            return blob
        }
    }

    /// Gives back what reading takes, until something is read again.
    package func close() { self.state.withLock { $0 = State() } }

    private func pack(_ plain: [UInt8], as entry: Entry, _ state: inout State) -> [UInt8]? {
        guard entry.flags.contains(.zstd) else {
            return plain.withUnsafeBytes { BlobID(ofStored: $0) } == entry.blob ? plain : nil
        }
        guard (1...self.profile.maximum).contains(plain.count) else { return nil }
        let encoder = state.encoder ?? BlobEncoder(profile: self.profile)
        state.encoder = encoder
        let (made, blob) = plain.withUnsafeBytes { encoder.encode($0) }
        return made == entry ? blob?.bytes : nil
    }
}
