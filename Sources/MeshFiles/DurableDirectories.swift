import Synchronization

/// Directories whose own names, up to the root, this process knows to be durable.
///
/// A landed file is lost with any directory above it whose name was in memory only when the power
/// went, so names are made durable before a directory is used for the first time, whoever made it.
/// Remembering which saves that work for all but the first file of a directory.
final class DurableDirectories: Sendable {
    private let known = Mutex<Set<FileIdentity>>([])

    /// Forgetting all costs some syncs; remembering without end costs memory.
    private static let countMax = 4_096

    func contains(_ directory: FileIdentity) -> Bool {
        self.known.withLock { $0.contains(directory) }
    }

    func insert(_ directory: FileIdentity) {
        self.known.withLock { known in
            if known.count >= Self.countMax { known.removeAll() }
            known.insert(directory)
        }
    }
}
