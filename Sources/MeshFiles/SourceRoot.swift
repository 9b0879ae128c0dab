import Glibc
package import MeshModel

/// A directory that a flow's files come from.
///
/// Opened anew for every walk and every file, so that a disk may come and go. Nothing beneath the
/// root is reached through a symbolic link; the root itself may be one, for the operator named it.
package struct SourceRoot: Sendable {
    /// The directory as it was declared.
    package let path: String
    /// Directories that are none of the source's even where they lie beneath it.
    private let leftOut: [String]

    /// Names a source; does not look at the disk yet.
    ///
    /// `leavingOut` names directories whose files are not sent: the node's own home.
    ///
    /// - Throws: ``FilesError/Code/pathRefused`` if no directory can have such a name.
    package init(path: String, leavingOut: [String] = []) throws {
        try Descriptor.check(root: path)
        self.path = path
        self.leftOut = leavingOut
    }

    /// Visits every regular file beneath the root, in no particular order.
    ///
    /// Names that begin with `.tributary-` are ours and are passed over in silence. A file that
    /// vanishes meanwhile is left out. What was visited may have changed by the time it is opened.
    ///
    /// - Parameters:
    ///   - suffix: What a marker's name has more than its file's. Markers are passed over.
    ///   - device: Where the root was when it last held something. If it is elsewhere now and holds
    ///     nothing, its disk is not mounted.
    ///   - visit: Called on this thread; what it throws ends the walk.
    /// - Returns: What was visited and what was passed over, counted.
    /// - Throws: ``FilesError/Code/sourceMissing`` if the root is not there, which says nothing
    ///   about its files; ``FilesError/Code/notPermitted`` if it may not be read.
    /// - Complexity: One `stat` a file, two with markers; memory for the names of directories still
    ///   to be read.
    package func survey(
        markedBy suffix: [UInt8]? = nil,
        lastOn device: UInt64? = nil,
        _ visit: (Sight) throws -> Void
    ) throws -> WalkReport {
        var report = WalkReport()
        let root = try self.open()
        do {
            report.device = try root.status().stamp.device
            var walk = TreeWalk(root, leavingOut: self.leftOutNow())
            try walk.run { event, directory in
                switch event {
                case .file(let path):
                    guard let sight = try Self.sight(path, in: directory, markedBy: suffix) else {
                        return
                    }
                    report.files += 1
                    report.bytes += sight.file.stamp.size
                    try visit(sight)
                case .reserved: break
                case .skipped(let path, let reason): report.skip(path, reason)
                }
            }
            report.isEmpty = walk.rootCount == 0
        } catch let error as SystemError {
            // The directory was removed while it was read.
            if error.number == ENOENT { throw FilesError.missing(.sourceMissing, self.path, error) }
            throw FilesError.failed(to: "walk", self.path, error)
        }
        if report.isEmpty, let device, device != report.device {
            throw FilesError.notMounted(self.path)
        }
        return report
    }

    /// Throws ``FilesError/Code/sourceMissing`` if the root's disk, on which a file once was, is not
    /// mounted: the root is not there, or empty and on another device.
    package func checkIsMounted(lastOn device: UInt64) throws {
        struct Found: Error {}
        do { _ = try self.survey(lastOn: device) { _ in throw Found() } } catch is Found {}
    }

    /// Visits every regular file beneath the root; see ``survey(markedBy:lastOn:_:)``.
    package func walk(_ visit: (SeenFile) throws -> Void) throws -> WalkReport {
        try self.survey { try visit($0.file) }
    }

    /// Looks at single files, each as a walk would; what is no regular file is `nil`.
    ///
    /// - Throws: What ``survey(markedBy:lastOn:_:)`` throws of the root; whatever `visit` throws.
    package func look(
        at paths: some Sequence<PathBytes>,
        markedBy suffix: [UInt8]? = nil,
        _ visit: (PathBytes, Sight?) throws -> Void
    ) throws {
        _ = try self.open()
        let directory = SourceDirectory(of: self)
        // Those of one directory one after the other.
        for path in paths.sorted(by: { $0.bytes.lexicographicallyPrecedes($1.bytes) }) {
            var sight: Sight?
            do { sight = try directory.sight(path, markedBy: suffix) } catch is SystemError {}
            try visit(path, sight)
        }
    }

    static func sight(
        _ path: PathBytes,
        in directory: borrowing Descriptor,
        markedBy suffix: [UInt8]?
    ) throws(SystemError) -> Sight? {
        let name = path.name
        if name.starts(with: TreeWalk.reservedPrefix) { return nil }
        if let suffix, name.hasSuffix(suffix) {
            return nil
        }
        let status = try directory.status(name: name)
        guard status.kind == .regular else { return nil }
        var sight = Sight(
            file: SeenFile(path: path, stamp: status.stamp, mode: status.mode),
            links: status.links
        )
        if let suffix, name.count + suffix.count <= PathBytes.componentByteCountMax {
            sight.isMarked = (try? directory.status(name: name + suffix))?.kind == .regular
        }
        return sight
    }

    /// Opens a file beneath the root to read it.
    ///
    /// - Throws: ``FilesError/Code/sourceMissing``; ``FilesError/Code/fileMissing`` if no file has
    ///   this name; ``FilesError/Code/pathRefused`` if a link or a file is in the way;
    ///   ``FilesError/Code/notRegular``; ``FilesError/Code/notPermitted``.
    package func open(_ path: PathBytes) throws -> SourceFile {
        let root = try self.open()
        return try SourceFile.opening(path) { (flags) throws(SystemError) in
            try root.open(beneath: path, flags)
        }
    }

    func open() throws(FilesError) -> Descriptor {
        try Descriptor.open(root: self.path, orThrow: .sourceMissing)
    }

    /// What is left out, by what it is now; whatever is not there leaves nothing out.
    func leftOutNow() -> Set<FileIdentity> {
        Set(
            self.leftOut.compactMap { path in
                guard let directory = try? Descriptor.open(root: path) else { return nil }
                return try? directory.status().identity
            }
        )
    }
}

extension Array where Element == UInt8 {
    /// Whether these bytes end in others.
    package func hasSuffix(_ other: [UInt8]) -> Bool { self.suffix(other.count) == other[...] }
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
