import Glibc
package import MeshModel

/// The directory in which a batch lands, opened once for as long as the files are beside each other.
///
/// To be kept no longer than a batch takes: the disk may come and go. See ``LandingRoot``.
package final class LandingDirectory {
    private let root: LandingRoot
    private let kept = KeptDirectory()

    /// Opens nothing yet.
    package init(of root: LandingRoot) { self.root = root }

    /// See ``LandingRoot/begin(_:tag:)``.
    package func begin(_ final: PathBytes, tag: String) throws -> LandingFile {
        precondition((1...LandingRoot.tagByteCountMax).contains(tag.utf8.count))
        precondition(!tag.utf8.contains(UInt8(ascii: "/")) && !tag.utf8.contains(0))
        let isReserved = final.components.contains { $0.starts(with: TreeWalk.reservedPrefix) }
        guard !isReserved else {
            throw FilesError.refused(final, because: "names with .tributary- are ours")
        }
        let name = TreeWalk.reservedPrefix + Array(tag.utf8) + LandingRoot.suffix
        guard let temporary = final.sibling(name) else {
            throw FilesError.refused(final, because: "the path is too long")
        }
        return try self.use(final, to: "land", isMaking: true) { directory in
            if try directory.statusIfPresent(name: final.name)?.kind == .directory {
                throw SystemError(number: EISDIR)
            }
            let file = try directory.create(name: name)
            let status = try file.status()
            return LandingFile(
                temporary,
                file,
                identity: status.identity,
                observer: self.root.observer
            )
        }
    }

    /// See ``LandingRoot/rename(temporary:to:)``.
    package func rename(temporary: PathBytes, to final: PathBytes) throws {
        precondition(temporary.parent == final.parent, "A rename stays in its directory.")
        precondition(temporary.name.starts(with: TreeWalk.reservedPrefix))
        try self.use(final, to: "name", isMaking: false) { directory in
            try directory.rename(temporary.name, to: final.name)
        }
        self.root.observer?(.renamed(temporary, to: final))
    }

    /// Lends the directory of a path, which is opened unless it is open already.
    private func use<R>(
        _ path: PathBytes,
        to action: String,
        isMaking: Bool,
        _ body: (borrowing Descriptor) throws -> R
    ) throws -> R {
        do {
            return try self.kept.use(
                path,
                opening: {
                    let root = try self.root.open()
                    return try isMaking
                        ? self.root.makeParent(of: path, in: root) : root.openParent(of: path)
                },
                body
            )
        } catch let error as SystemError {
            throw FilesError.failed(toName: action, path, error)
        }
    }
}
