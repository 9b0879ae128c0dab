import Glibc

/// Keeps other commands from changing a directory at the same time, for as long as it lives.
final class DirectoryLock: Sendable {
    private let directory: CInt

    /// Waits until nobody else has it; those who do are commands, and soon done.
    init(_ path: String) throws {
        self.directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard self.directory >= 0 else { throw HomeFiles.failed("open", path) }
        while flock(self.directory, LOCK_EX) != 0 {
            guard errno == EINTR else { throw HomeFiles.failed("lock", path) }
        }
    }

    deinit { close(self.directory) }
}
