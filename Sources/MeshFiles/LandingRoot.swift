import Glibc
package import MeshModel

/// A directory beneath which files land.
///
/// Opened anew for every operation, so that a disk may come and go; never made here, for an empty
/// mount point is not the disk that belongs there. Every path is resolved beneath it without
/// following a link. May be used from several threads at a time, for different files.
package struct LandingRoot: Sendable {
    /// The directory as it was declared.
    package let path: String
    let observer: (@Sendable (LandingStep) -> Void)?
    private let durable = DurableDirectories()

    /// Names a landing; does not look at the disk yet.
    ///
    /// - Parameters:
    ///   - path: The directory, absolute or from where the process runs.
    ///   - observer: Told of every durable step, on the thread that made it.
    /// - Throws: ``FilesError/Code/pathRefused`` if no directory can have such a name.
    package init(path: String, observer: (@Sendable (LandingStep) -> Void)? = nil) throws {
        try Descriptor.check(root: path)
        self.path = path
        self.observer = observer
    }

    /// The longest tag that ``begin(_:tag:)`` takes, in bytes, so that a temporary name is a name.
    package static let tagByteCountMax =
        PathBytes.componentByteCountMax - TreeWalk.reservedPrefix.count - Self.suffix.count
    static let suffix = Array(".part".utf8)

    /// Starts to write the file that will have the name `final`.
    ///
    /// Directories on the way are made (mode 0755, less the umask) and their names durable. What an
    /// earlier attempt left under the same temporary name is removed.
    ///
    /// - Parameters:
    ///   - final: Where it will land.
    ///   - tag: Tells the temporary files of a directory apart: `.tributary-TAG.part`. No `/`.
    /// - Returns: The file, empty, under its temporary name.
    /// - Throws: ``FilesError/Code/landingMissing``; ``FilesError/Code/pathRefused`` if a link or a
    ///   file is in the way, a directory has the final name, or the file system knows no such
    ///   name; ``FilesError/Code/noRoom``; ``FilesError/Code/notPermitted``;
    ///   ``FilesError/Code/fileMissing`` if somebody removed a directory meanwhile: call again.
    package func begin(_ final: PathBytes, tag: String) throws -> LandingFile {
        try LandingDirectory(of: self).begin(final, tag: tag)
    }

    /// Goes on with a temporary file that was being written when the node stopped.
    ///
    /// - Parameters:
    ///   - temporary: Its name, as ``begin(_:tag:)`` gave it.
    ///   - identity: The file that it must be.
    ///   - length: How much of it counts, in bytes: what follows was not known to be durable, and is
    ///     cut off.
    /// - Returns: The file, to be appended to; `nil` if there is none, or another.
    /// - Throws: ``FilesError/Code/landingMissing``; others if it cannot be looked at or opened.
    package func resume(
        _ temporary: PathBytes,
        of identity: FileIdentity,
        length: Int64
    ) throws -> LandingFile? {
        let root = try self.open()
        do throws(SystemError) {
            let directory = try root.openParent(of: temporary)
            guard try directory.statusIfPresent(name: temporary.name)?.identity == identity else {
                return nil
            }
            let file = try directory.open(name: temporary.name, O_RDWR)
            guard try file.status().identity == identity else { return nil }
            try file.setSize(length)
            return LandingFile(
                temporary,
                file,
                identity: identity,
                written: length,
                observer: self.observer
            )
        } catch {
            if error.number == ENOENT { return nil }
            throw FilesError.failed(to: "go on with", temporary, error)
        }
    }

    /// Gives a temporary file its final name, in place of whatever file or link had it.
    ///
    /// - Throws: ``FilesError/Code/fileMissing`` if the temporary file is not there;
    ///   ``FilesError/Code/pathRefused`` if the final name is a directory's or none that this file
    ///   system knows.
    package func rename(temporary: PathBytes, to final: PathBytes) throws {
        try LandingDirectory(of: self).rename(temporary: temporary, to: final)
    }

    /// Makes the names in a path's directory durable.
    ///
    /// - Throws: ``FilesError/Code/fileMissing`` if somebody took the whole directory away.
    package func syncDirectory(of path: PathBytes) throws {
        let root = try self.open()
        do throws(SystemError) {
            try root.openParent(of: path).sync()
        } catch {
            throw FilesError.failed(toName: "sync the directory of", path, error)
        }
        self.observer?(.syncedDirectory(of: path))
    }

    /// Whether the directory of a path is there, on a device: an empty mount point is not.
    package func hasDirectory(of path: PathBytes, on device: UInt64) throws -> Bool {
        let root = try self.open()
        do throws(SystemError) {
            return try root.openParent(of: path).status().stamp.device == device
        } catch {
            switch error.number {
            case ENOENT, ENOTDIR, ELOOP: return false
            default: throw FilesError.failed(to: "look at", path, error)
            }
        }
    }

    /// The regular file of this name; `nil` only if there certainly is none.
    package func look(_ path: PathBytes) throws -> Found? {
        let root = try self.open()
        do throws(SystemError) {
            let directory = try root.openParent(of: path)
            guard let status = try directory.statusIfPresent(name: path.name),
                status.kind == .regular
            else { return nil }
            return Found(
                device: status.stamp.device,
                inode: status.stamp.inode,
                size: status.stamp.size
            )
        } catch {
            switch error.number {
            case ENOENT, ENOTDIR, ELOOP: return nil
            default: throw FilesError.failed(to: "look at", path, error)
            }
        }
    }

    /// Removes a temporary file, and says whether it is gone; if not, a later sweep may do it.
    @discardableResult
    package func remove(_ temporary: PathBytes) -> Bool {
        precondition(temporary.name.starts(with: TreeWalk.reservedPrefix), "Only our own files.")
        guard let root = try? self.open() else { return false }
        do throws(SystemError) {
            try root.openParent(of: temporary).remove(name: temporary.name)
            return true
        } catch {
            return error.number == ENOENT
        }
    }

    /// Visits every temporary file beneath the root: what a sweep after a restart looks at.
    ///
    /// - Complexity: Reads every directory beneath the root.
    package func temporaries(_ visit: (PathBytes) throws -> Void) throws {
        var walk = TreeWalk(try self.open())
        do {
            try walk.run { event, _ in
                guard case .reserved(let path) = event, path.name.suffix(5) == Self.suffix[...]
                else { return }
                try visit(path)
            }
        } catch let error as SystemError {
            throw FilesError.failed(to: "walk", self.path, error)
        }
    }

    /// Bytes that the daemon's user may still write to the root's file system.
    package func freeBytes() throws -> Int64 {
        let root = try self.open()
        do throws(SystemError) {
            return try root.freeBytes()
        } catch {
            throw FilesError.failed(to: "look at", self.path, error)
        }
    }

    func open() throws(FilesError) -> Descriptor {
        try Descriptor.open(root: self.path, orThrow: .landingMissing)
    }
}

extension LandingRoot {
    /// What a name belongs to.
    package struct Found: Hashable, Sendable {
        /// The file system's device number.
        package let device: UInt64
        /// The inode.
        package let inode: UInt64
        /// Bytes.
        package let size: Int64
    }

    /// The directory of a path, with every name on the way there, and those names durable.
    func makeParent(
        of path: PathBytes,
        in root: borrowing Descriptor
    ) throws(SystemError) -> Descriptor {
        guard let parent = path.parent else { return try root.openParent(of: path) }
        if let directory = try self.openDurable(parent, in: root) { return directory }
        var directory = try root.open(name: [UInt8(ascii: ".")], O_RDONLY | O_DIRECTORY)
        var reached: [UInt8] = []
        for component in parent.components {
            reached += reached.isEmpty ? component : [UInt8(ascii: "/")] + component
            let isNew = try directory.makeDirectoryIfAbsent(name: component, mode: 0o755)
            let next = try directory.open(name: component, O_RDONLY | O_DIRECTORY)
            let identity = try next.status().identity
            if isNew || !self.durable.contains(identity) {
                try directory.sync()
                self.durable.insert(identity)
            }
            if isNew, let made = PathBytes(reached) { self.observer?(.madeDirectory(made)) }
            directory = next
        }
        return directory
    }

    /// The directory, if it is there and known to stay there.
    private func openDurable(
        _ path: PathBytes,
        in root: borrowing Descriptor
    ) throws(SystemError) -> Descriptor? {
        do throws(SystemError) {
            let directory = try root.open(beneath: path, O_RDONLY | O_DIRECTORY)
            guard try self.durable.contains(directory.status().identity) else { return nil }
            return directory
        } catch {
            if error.number == ENOENT { return nil }
            throw error
        }
    }
}

extension Descriptor {
    /// What a name of this directory belongs to; `nil` if it is free.
    func statusIfPresent(name: [UInt8]) throws(SystemError) -> Status? {
        do throws(SystemError) {
            return try self.status(name: name)
        } catch {
            if error.number == ENOENT { return nil }
            throw error
        }
    }

    /// Makes a directory and says whether it was not there before.
    func makeDirectoryIfAbsent(name: [UInt8], mode: mode_t) throws(SystemError) -> Bool {
        do throws(SystemError) {
            try self.makeDirectory(name: name, mode: mode)
            return true
        } catch {
            if error.number == EEXIST { return false }
            throw error
        }
    }

    /// Makes a file that nobody else can read, in place of one that an earlier attempt left.
    func create(name: [UInt8]) throws(SystemError) -> Descriptor {
        let flags = O_WRONLY | O_CREAT | O_EXCL
        do throws(SystemError) {
            return try self.open(name: name, flags, mode: 0o600)
        } catch {
            guard error.number == EEXIST else { throw error }
            try self.remove(name: name)
            return try self.open(name: name, flags, mode: 0o600)
        }
    }
}
