import Glibc
import MeshModel

/// Which watch stands for which directory of a source, and what follows from an event.
///
/// Sans I/O: ``SourceWatch`` does what the steps say, in their order.
struct WatchedTree {
    /// What is to be done about an event.
    enum Step: Hashable {
        /// Something happened to a file.
        case tell(PathBytes, SourceChange)
        /// A directory is new here: it is to be watched, and what is in it told.
        case enter([UInt8], SourceChange)
        /// A directory has left: these watches are to be given back.
        case forget([Int32])
        /// The kernel lost events.
        case lost
        /// The root itself was removed, moved or unmounted.
        case rootIsGone
    }

    /// By watch; the root is empty.
    private var directories: [Int32: [UInt8]] = [:]
    /// Directories that could not be entered; a change of their mode may change that.
    private var closed: Set<[UInt8]> = []

    var count: Int { self.directories.count }

    /// Notes that a watch stands for a directory.
    mutating func enter(_ directory: [UInt8], _ watch: Int32) {
        self.directories[watch] = directory
    }

    /// Notes that a directory could not be entered.
    mutating func isClosed(_ directory: [UInt8]) { self.closed.insert(directory) }

    mutating func steps(for event: INotify.Event) -> [Step] {
        func has(_ flag: Int32) -> Bool { event.mask & UInt32(bitPattern: flag) != 0 }
        if has(IN_Q_OVERFLOW) { return [.lost] }
        guard let directory = self.directories[event.watch] else { return [] }
        if event.name.isEmpty {
            let hasLeft = has(IN_IGNORED) || has(IN_UNMOUNT) || has(IN_DELETE_SELF)
            if directory.isEmpty { return hasLeft || has(IN_MOVE_SELF) ? [.rootIsGone] : [] }
            // Of a directory that was moved its parent tells; one that was removed ends here.
            if hasLeft { self.directories[event.watch] = nil }
            return []
        }
        guard !event.name.starts(with: TreeWalk.reservedPrefix) else { return [] }
        let path = directory.isEmpty ? event.name : directory + [UInt8(ascii: "/")] + event.name
        if has(IN_ISDIR) {
            if has(IN_MOVED_FROM) { return [.forget(self.leave(path))] }
            if has(IN_MOVED_TO) { return [.forget(self.leave(path)), .enter(path, .placed)] }
            let isOpened = has(IN_ATTRIB) && self.closed.remove(path) != nil
            return has(IN_CREATE) || isOpened ? [.enter(path, .created)] : []
        }
        guard let file = PathBytes(path) else { return [] }
        if has(IN_MOVED_TO) { return [.tell(file, .placed)] }
        if has(IN_CREATE) { return [.tell(file, .created)] }
        if has(IN_CLOSE_WRITE) || has(IN_ATTRIB) { return [.tell(file, .written)] }
        return has(IN_DELETE) || has(IN_MOVED_FROM) ? [.tell(file, .removed)] : []
    }

    /// Forgets a directory and all beneath it, and says by which watches they were known.
    private mutating func leave(_ path: [UInt8]) -> [Int32] {
        let inner = path + [UInt8(ascii: "/")]
        let left = self.directories.filter { $0.value == path || $0.value.starts(with: inner) }
        for watch in left.keys { self.directories[watch] = nil }
        return Array(left.keys)
    }
}
