package import MeshModel

/// The directory in which files of a source lie beside each other, opened once for all of them.
///
/// To be kept no longer than a batch takes: the disk may come and go. See ``SourceRoot``.
package final class SourceDirectory {
    private let root: SourceRoot
    private let kept = KeptDirectory()

    /// Opens nothing yet.
    package init(of root: SourceRoot) { self.root = root }

    /// See ``SourceRoot/open(_:)``.
    package func open(_ path: PathBytes) throws -> SourceFile {
        do {
            return try self.use(path) { directory in
                try SourceFile.opening(path) { (flags) throws(SystemError) in
                    try directory.open(name: path.name, flags)
                }
            }
        } catch let error as SystemError {
            throw FilesError.failed(toName: "open", path, error)
        }
    }

    /// What a walk would show of a file; `nil` for what is no regular file.
    func sight(_ path: PathBytes, markedBy suffix: [UInt8]?) throws -> Sight? {
        try self.use(path) { try SourceRoot.sight(path, in: $0, markedBy: suffix) }
    }

    private func use<R>(
        _ path: PathBytes,
        _ body: (borrowing Descriptor) throws -> R
    ) throws -> R {
        try self.kept.use(path, opening: { try self.root.open().openParent(of: path) }, body)
    }
}
