import Glibc
package import MeshModel

/// A directory that a flow's files come from.
///
/// Opened anew for every walk and every file, so that a disk may come and go. Nothing beneath the
/// root is reached through a symbolic link; the root itself may be one, for the operator named it.
package struct SourceRoot: Sendable {
    /// The directory as it was declared.
    package let path: String

    /// Names a source; does not look at the disk yet.
    ///
    /// - Throws: ``FilesError/Code/pathRefused`` if no directory can have such a name.
    package init(path: String) throws {
        try Descriptor.check(root: path)
        self.path = path
    }

    /// Visits every regular file beneath the root, in no particular order.
    ///
    /// Names that begin with `.tributary-` are ours and are passed over in silence. A file that
    /// vanishes meanwhile is left out. What was visited may have changed by the time it is opened.
    ///
    /// - Parameter visit: Called on this thread; what it throws ends the walk.
    /// - Returns: What was visited and what was passed over, counted.
    /// - Throws: ``FilesError/Code/sourceMissing`` if the root is not there, which says nothing
    ///   about its files; ``FilesError/Code/notPermitted`` if it may not be read.
    /// - Complexity: One `stat` a file, memory for the names of directories still to be read.
    package func walk(_ visit: (SeenFile) throws -> Void) throws -> WalkReport {
        var report = WalkReport()
        var walk = TreeWalk(try self.open())
        do {
            try walk.run { event, directory in
                switch event {
                case .file(let path):
                    let status = try directory.status(name: path.name)
                    guard status.kind == .regular else { return }
                    report.files += 1
                    report.bytes += status.stamp.size
                    try visit(SeenFile(path: path, stamp: status.stamp, mode: status.mode))
                case .reserved: break
                case .skipped(let path, let reason): report.skip(path, reason)
                }
            }
        } catch let error as SystemError {
            // The directory was removed while it was read.
            if error.number == ENOENT { throw FilesError.missing(.sourceMissing, self.path, error) }
            throw FilesError.failed(to: "walk", self.path, error)
        }
        return report
    }

    /// Opens a file beneath the root to read it.
    ///
    /// - Throws: ``FilesError/Code/sourceMissing``; ``FilesError/Code/fileMissing`` if no file has
    ///   this name; ``FilesError/Code/pathRefused`` if a link or a file is in the way;
    ///   ``FilesError/Code/notRegular``; ``FilesError/Code/notPermitted``.
    package func open(_ path: PathBytes) throws -> SourceFile {
        let root = try self.open()
        do throws(SystemError) {
            // Not blocking: a pipe of this name must not hold us until somebody writes to it.
            let file = try root.open(beneath: path, O_RDONLY | O_NONBLOCK)
            let status = try file.status()
            guard status.kind == .regular else { throw SystemError(number: ENXIO) }
            return SourceFile(path, file, mode: status.mode)
        } catch {
            // What a socket answers, too.
            if error.number == ENXIO { throw FilesError.notRegular(path) }
            throw FilesError.failed(toName: "open", path, error)
        }
    }

    private func open() throws(FilesError) -> Descriptor {
        try Descriptor.open(root: self.path, orThrow: .sourceMissing)
    }
}

extension Descriptor {
    /// Refuses what can never be a root.
    static func check(root path: String) throws(FilesError) {
        guard !path.isEmpty, !path.utf8.contains(0) else {
            throw FilesError(
                code: .pathRefused,
                message: "A root needs a name, and one without NUL.",
                hint: nil,
                cause: nil
            )
        }
    }

    /// Opens a root, or says with `code` that it is not there.
    static func open(
        root path: String,
        orThrow code: FilesError.Code
    ) throws(FilesError) -> Descriptor {
        do throws(SystemError) {
            return try Self.open(root: path)
        } catch {
            switch error.number {
            case ENOENT, ENOTDIR: throw .missing(code, path, error)
            default: throw .failed(to: "open", path, error)
            }
        }
    }
}
