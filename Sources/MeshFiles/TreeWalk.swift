import Glibc
import MeshModel

/// Goes through everything beneath a directory, without recursion and without following a link.
///
/// Holds one directory open at a time and the names of those still to come, so neither depth nor
/// breadth runs into the limit of open files.
struct TreeWalk: ~Copyable {
    /// What a walk meets.
    enum Event {
        case file(PathBytes)
        /// A regular file whose name is kept for Tributary's own use.
        case reserved(PathBytes)
        case skipped([UInt8], SkipReason)
    }

    /// Each event comes with the directory in which its path's last component lies.
    typealias Visit = (Event, borrowing Descriptor) throws -> Void

    /// Names that begin so are ours: a landing's files while they are being written.
    static let reservedPrefix = Array(".tributary-".utf8)

    private let root: Descriptor
    private let leftOut: Set<FileIdentity>
    private var pending: [PathBytes] = []
    /// How many names the root itself has.
    private(set) var rootCount = 0

    init(_ root: consuming Descriptor, leavingOut: Set<FileIdentity> = []) {
        self.root = root
        self.leftOut = leavingOut
    }

    /// Walks, parents before what is in them, otherwise in the file system's order.
    ///
    /// What vanishes or changes its kind meanwhile is left out.
    ///
    /// - Throws: ``SystemError`` if the root cannot be read or the process has run out of
    ///   something; whatever `visit` throws.
    mutating func run(_ visit: Visit) throws {
        let start = try self.root.open(name: [UInt8(ascii: ".")], O_RDONLY | O_DIRECTORY)
        self.rootCount = try self.list(start, prefix: [], visit)
        while let path = self.pending.popLast() {
            do {
                let directory = try self.root.open(beneath: path, O_RDONLY | O_DIRECTORY)
                if !self.leftOut.isEmpty,
                    self.leftOut.contains(try directory.status().identity)
                {
                    try visit(.skipped(path.bytes, .ownHome), self.root)
                    continue
                }
                if try self.list(directory, prefix: path.bytes + [UInt8(ascii: "/")], visit) == 0 {
                    try visit(.skipped(path.bytes, .emptyDirectory), self.root)
                }
            } catch let error as SystemError {
                guard try error.meansUnreadable() else { continue }
                try visit(.skipped(path.bytes, .unreadable), self.root)
            }
        }
    }

    /// Visits what is in one directory, keeps its directories for later, says how much there was.
    private mutating func list(
        _ directory: borrowing Descriptor,
        prefix: [UInt8],
        _ visit: Visit
    ) throws -> Int {
        var count = 0
        try directory.names { name, kind in
            count += 1
            try self.meet(name, kind, in: directory, prefix, visit)
        }
        return count
    }

    private mutating func meet(
        _ name: [UInt8],
        _ known: Descriptor.Kind?,
        in directory: borrowing Descriptor,
        _ prefix: [UInt8],
        _ visit: Visit
    ) throws {
        let bytes = prefix + name
        let isReserved = name.starts(with: Self.reservedPrefix)
        do {
            let kind = try known ?? directory.status(name: name).kind
            switch kind {
            case .regular, .directory:
                guard let path = PathBytes(bytes) else {
                    return try visit(.skipped(bytes, .unnameable), directory)
                }
                if kind == .regular {
                    try visit(isReserved ? .reserved(path) : .file(path), directory)
                } else if !isReserved {
                    self.pending.append(path)
                }
            case .link: try visit(.skipped(bytes, .link), directory)
            case .device: try visit(.skipped(bytes, .device), directory)
            case .socket: try visit(.skipped(bytes, .socket), directory)
            case .pipe: try visit(.skipped(bytes, .pipe), directory)
            }
        } catch let error as SystemError {
            guard try error.meansUnreadable() else { return }
            try visit(.skipped(bytes, .unreadable), directory)
        }
    }
}

extension SystemError {
    /// Whether something that a walk met cannot be read; `false` if it is not there any more.
    ///
    /// - Throws: Itself, if it is the process that is short of something and not the file.
    func meansUnreadable() throws(SystemError) -> Bool {
        switch self.number {
        case ENOENT, ENOTDIR, ELOOP: false
        case EMFILE, ENFILE, ENOMEM: throw self
        default: true
        }
    }
}
