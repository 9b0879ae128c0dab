import Glibc

/// Keeps other daemons out of a home for as long as it lives.
///
/// The kernel lets go of it when the process ends, however it ends.
package final class HomeLock: Sendable {
    private let file: CInt

    /// Takes the lock at once, or not at all.
    ///
    /// - Throws: ``NodeError`` with code ``NodeError/Code/alreadyRunning`` if another has it.
    package init(_ paths: HomePaths) throws {
        self.file = open(paths.lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard self.file >= 0 else { throw HomeFiles.failed("open", paths.lock) }
        guard flock(self.file, LOCK_EX | LOCK_NB) == 0 else {
            let isHeld = errno == EWOULDBLOCK
            guard isHeld else { throw HomeFiles.failed("lock", paths.lock) }
            let holder = Self.holder(self.file)
            throw NodeError(
                .alreadyRunning,
                "A daemon\(holder.map { " (process \($0))" } ?? "") runs in \(paths.root).",
                hint: "Stop that one first; a host needs only one for each node."
            )
        }
        // For people; the lock itself is the kernel's.
        let note = Array("\(getpid())\n".utf8)
        _ = ftruncate(self.file, 0)
        _ = note.withUnsafeBytes { pwrite(self.file, $0.baseAddress, $0.count, 0) }
    }

    deinit { close(self.file) }

    /// Whether a daemon has it now, and the number of its process if that is known.
    ///
    /// Nothing is written. Shared and for a moment only, so that whoever asks is in nobody's way.
    static func look(_ paths: HomePaths) -> (isHeld: Bool, process: Int?) {
        let file = open(paths.lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else { return (false, nil) }
        defer { close(file) }
        let isHeld = flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK
        return (isHeld, isHeld ? Self.holder(file) : nil)
    }

    private static func holder(_ file: CInt) -> Int? {
        var bytes = [UInt8](repeating: 0, count: 20)
        let count = pread(file, &bytes, bytes.count, 0)
        let digits = bytes.prefix(max(0, count)).prefix { $0 != UInt8(ascii: "\n") }
        return Int(String(decoding: digits, as: UTF8.self))
    }
}
