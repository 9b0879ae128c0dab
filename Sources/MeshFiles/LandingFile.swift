import Glibc
package import MeshModel
import Synchronization

/// A file that is being written under a temporary name in the directory where it will land.
///
/// Write and skip in order, then ``finish(mode:modifiedNanoseconds:size:)``, ``sync()`` and
/// ``close()``. Closed with its last reference; the temporary file stays until it is renamed or
/// removed.
package final class LandingFile: Sendable {
    /// Its name beneath the landing's root.
    package let temporary: PathBytes
    /// The file itself, which keeps its identity when it is renamed.
    package let identity: FileIdentity

    private struct State: ~Copyable {
        let descriptor: Descriptor
        var offset: Int64 = 0
        var hasHoles = false
    }

    private let state: Mutex<State?>
    private let observer: (@Sendable (LandingStep) -> Void)?

    init(
        _ temporary: PathBytes,
        _ descriptor: consuming Descriptor,
        identity: FileIdentity,
        written: Int64 = 0,
        observer: (@Sendable (LandingStep) -> Void)?
    ) {
        self.temporary = temporary
        self.identity = identity
        // Where holes are in what was written before nobody knows.
        self.state = Mutex(
            State(descriptor: descriptor, offset: written, hasHoles: written > 0)
        )
        self.observer = observer
    }

    /// The file system's device number.
    package var device: UInt64 { self.identity.device }
    /// The inode.
    package var inode: UInt64 { self.identity.inode }

    /// Appends bytes.
    ///
    /// - Throws: ``FilesError/Code/noRoom`` with part of them written: start the landing anew;
    ///   ``FilesError/Code/tooLarge``; ``FilesError/Code/ioFailed``.
    package func write(_ bytes: UnsafeRawBufferPointer) throws {
        try self.use("write") { (state) throws(SystemError) in
            try state.descriptor.write(bytes, at: state.offset)
            state.offset += Int64(bytes.count)
        }
        self.observer?(.wrote(self.temporary))
    }

    /// Reads bytes that were written, here or before a restart; what was skipped reads as zeros.
    ///
    /// Only of a file that ``LandingRoot/resume(_:of:length:)`` opened.
    ///
    /// - Throws: ``FilesError``, also if there are not so many.
    package func read(into target: UnsafeMutableRawBufferPointer, at offset: Int64) throws {
        try self.use("read") { (state) throws(SystemError) in
            var done = 0
            while done < target.count {
                let rest = UnsafeMutableRawBufferPointer(rebasing: target[done...])
                let count = try state.descriptor.read(into: rest, at: offset + Int64(done))
                guard count > 0 else { throw SystemError(number: EIO) }
                done += count
            }
        }
    }

    /// Appends zeros that take no room: a hole, where the file system knows such a thing.
    package func skip(_ count: Int64) throws {
        precondition(count >= 0)
        try self.use("write") { (state) throws(SystemError) in
            state.offset += count
            state.hasHoles = true
        }
    }

    /// Gives the file its length, permission bits and time of last change.
    ///
    /// Only the nine permission bits are taken: no origin makes a file that runs with somebody
    /// else's rights. File systems without modes or such times keep their own.
    ///
    /// - Throws: ``FilesError/Code/sizeDiffers`` if what was appended does not have `size` bytes.
    package func finish(mode: UInt16, modifiedNanoseconds: Int64, size: Int64) throws {
        var written: Int64 = 0
        try self.use("finish") { (state) throws(SystemError) in
            written = state.offset
            guard written == size else { return }
            if state.hasHoles { try state.descriptor.setSize(size) }
            try Self.allowingPlainFileSystems { () throws(SystemError) in
                try state.descriptor.setMode(mode & 0o777)
            }
            try Self.allowingPlainFileSystems { () throws(SystemError) in
                try state.descriptor.setModified(nanoseconds: modifiedNanoseconds)
            }
        }
        guard written == size else {
            throw FilesError.size(of: self.temporary, is: written, not: size)
        }
    }

    /// Makes all of it durable, except its name.
    ///
    /// - Throws: ``FilesError``; after that the file is worth nothing, for the kernel may have
    ///   dropped what it could not write: remove it and start the landing anew.
    package func sync() throws {
        try self.use("sync") { (state) throws(SystemError) in try state.descriptor.sync() }
        self.observer?(.syncedFile(self.temporary))
    }

    /// Makes many files durable with one call for the whole file system, if that can be relied on.
    ///
    /// A file system that is asked for one file after another writes the same blocks of inodes again
    /// and again. Whatever else waits to be written there is written too: it is for batches that
    /// would take long in any case.
    ///
    /// - Returns: Whether they are durable as after ``sync()``; if not, each is to be synced.
    /// - Throws: ``FilesError`` if the disk failed: none of them can be relied on then, nor be made
    ///   durable by another sync.
    package static func sync(together files: [LandingFile]) throws -> Bool {
        // Errors are told to whoever had a file open when they happened: the first was before all.
        guard let first = files.first, files.allSatisfy({ $0.device == first.device }) else {
            return false
        }
        var isDone = false
        try first.use("sync") { (state) throws(SystemError) in
            isDone = state.descriptor.syncFileSystem()
            // Without a journal the disk's own cache is flushed for a file only.
            if isDone { try state.descriptor.sync() }
        }
        guard isDone else { return false }
        for file in files { file.observer?(.syncedFile(file.temporary)) }
        return true
    }

    /// Closes it; nothing but ``close()`` may follow.
    package func close() { self.state.withLock { $0 = nil } }

    private func use(
        _ action: String,
        _ body: (inout State) throws(SystemError) -> Void
    ) throws(FilesError) {
        do throws(SystemError) {
            try self.state.withLock { (state) throws(SystemError) in
                guard var open = state.take() else { preconditionFailure("The file is closed.") }
                // Put back in either case: it cannot be lent from within the optional.
                do throws(SystemError) {
                    try body(&open)
                } catch {
                    state = consume open
                    throw error
                }
                state = consume open
            }
        } catch {
            throw .failed(to: action, self.temporary, error)
        }
    }

    /// FAT and some network file systems refuse modes and times: the bytes are what must land.
    private static func allowingPlainFileSystems(
        _ body: () throws(SystemError) -> Void
    ) throws(SystemError) {
        do throws(SystemError) {
            try body()
        } catch {
            let isRefusal = [
                EPERM, EOPNOTSUPP, EINVAL,
                ENOSYS,
            ].contains(error.number)
            guard isRefusal else { throw error }
        }
    }
}
