import Dispatch
import Glibc
package import MeshModel

/// What happened to a file of a source, as far as the kernel tells.
package enum SourceChange: Int, Hashable, Sendable, Comparable {
    /// It is not there any more.
    case removed
    /// It is new: linked into place, or somebody has begun to write it.
    case created
    /// Somebody who could write to it has closed it, or its mode or times were changed.
    case written
    /// It was renamed into place.
    case placed

    /// Ordered by what matters more when several happened.
    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What a watch tells.
package enum WatchNotice: Hashable, Sendable {
    /// Every directory is watched, from now on: what happened before is for a scan to find.
    case watching(directories: Int)
    /// Nothing is watched now, and why: a stable code.
    case blind(code: String)
    /// Something happened to these files; at most ``SourceWatch/changesMax`` at a time.
    case changed([PathBytes: SourceChange], directories: Int)
    /// The kernel could not keep up; ``watching(directories:)`` or ``blind(code:)`` follows.
    case lost
}

/// Hears from the kernel what happens in a source, on a queue of its own.
///
/// Watches every directory, those that come later included. Follows the root when it is removed,
/// mounted over or comes back. When it cannot watch, it says so and tries again.
///
/// Unchecked, because all that changes is touched on `queue` only, which is serial.
package final class SourceWatch: @unchecked Sendable {
    /// The most changes in one notice.
    package static let changesMax = 1_024
    /// How long changes are gathered before they are told, in milliseconds.
    private static let gatherMilliseconds = 100
    /// How often the root is looked at, in seconds; when watches ran out, every twelfth time.
    private static let lookSeconds = 5

    private let root: SourceRoot
    private let tell: @Sendable (WatchNotice) -> Void
    private let watchesMax: Int
    let queue: DispatchQueue
    private var live: Live?
    private var timer: (any DispatchSourceTimer)?
    private var trouble: String?
    private var looks = 0

    /// A root that is being watched.
    private final class Live {
        let notify: INotify
        let source: any DispatchSourceRead
        let identity: FileIdentity
        var tree = WatchedTree()
        var changes: [PathBytes: SourceChange] = [:]
        var isTelling = false

        init(_ notify: consuming INotify, _ identity: FileIdentity, on queue: DispatchQueue) {
            self.source = DispatchSource.makeReadSource(
                fileDescriptor: notify.number,
                queue: queue
            )
            self.notify = notify
            self.identity = identity
        }
    }

    /// Makes a watch that does nothing yet.
    ///
    /// - Parameters:
    ///   - root: What to watch.
    ///   - watchesMax: Beyond how many directories it gives up as if the kernel had refused more.
    ///   - tell: Called on the watch's queue; must not block.
    package init(
        _ root: SourceRoot,
        watchesMax: Int = .max,
        tell: @escaping @Sendable (WatchNotice) -> Void
    ) {
        self.root = root
        self.watchesMax = watchesMax
        self.tell = tell
        self.queue = DispatchQueue(label: "tributary.watch")
    }

    /// Begins; ``WatchNotice/watching(directories:)`` or ``WatchNotice/blind(code:)`` comes first.
    package func start() {
        self.queue.async {
            let timer = DispatchSource.makeTimerSource(queue: self.queue)
            timer.schedule(deadline: .now(), repeating: .seconds(Self.lookSeconds))
            timer.setEventHandler { [weak self] in self?.look() }
            self.timer = timer
            timer.activate()
        }
    }

    /// Ends; nothing is told once it has returned.
    package func stop() {
        self.queue.sync {
            self.timer?.cancel()
            self.timer = nil
            self.end()
        }
    }
}

extension SourceWatch {
    /// Sees whether the root is still the one that is watched, and watches it otherwise.
    private func look() {
        guard self.timer != nil else { return }
        self.looks += 1
        if let live = self.live {
            guard self.identity() != live.identity else { return }
            self.end()
        } else if self.trouble == Trouble.limit, self.looks % 12 != 0 {
            return
        }
        self.begin()
    }

    private func identity() -> FileIdentity? {
        guard let root = try? self.root.open() else { return nil }
        return try? root.status().identity
    }

    private func begin() {
        do {
            let root = try self.root.open()
            let live = Live(try INotify(), try root.status().identity, on: self.queue)
            self.live = live
            live.source.setEventHandler { [weak self] in self?.read() }
            // The kernel's queue stays open until nobody waits for it any more.
            live.source.setCancelHandler { withExtendedLifetime(live) {} }
            live.source.activate()
            try self.enter([], nil, of: live, beneath: root)
            self.trouble = nil
            self.tell(.watching(directories: live.tree.count))
        } catch { self.give(up: error) }
    }

    private func give(up error: any Error) {
        self.end()
        let code = Trouble.code(of: error)
        if self.trouble != code { self.tell(.blind(code: code)) }
        self.trouble = code
    }

    private func end() {
        self.live?.source.cancel()
        self.live = nil
    }

    /// Watches a directory and all beneath it; tells of the files there, unless they are no news.
    private func enter(
        _ path: [UInt8],
        _ change: SourceChange?,
        of live: Live,
        beneath root: borrowing Descriptor
    ) throws {
        let leftOut = self.root.leftOutNow()
        var pending = [path]
        while let path = pending.popLast() {
            do {
                let directory =
                    path.isEmpty
                    ? try root.open(name: [UInt8(ascii: ".")], O_RDONLY | O_DIRECTORY)
                    : try PathBytes(path).map { try root.open(beneath: $0, O_RDONLY | O_DIRECTORY) }
                guard let directory else { continue }
                if !path.isEmpty, !leftOut.isEmpty,
                    try leftOut.contains(directory.status().identity)
                {
                    continue
                }
                guard live.tree.count < self.watchesMax else { throw SystemError(number: ENOSPC) }
                live.tree.enter(path, try live.notify.watch(directory))
                let prefix = path.isEmpty ? [] : path + [UInt8(ascii: "/")]
                try directory.names { name, kind in
                    guard !name.starts(with: TreeWalk.reservedPrefix) else { return }
                    switch try kind ?? directory.status(name: name).kind {
                    case .directory: pending.append(prefix + name)
                    case .regular:
                        guard let change, let file = PathBytes(prefix + name) else { return }
                        self.note(file, change, live)
                    default: break
                    }
                }
            } catch let error as SystemError {
                // What cannot be read is not watched; a scan reports it. What is gone is gone.
                switch error.number {
                case ENOSPC, ENOMEM, EMFILE, ENFILE: throw error
                default:
                    if path.isEmpty { throw error }
                    live.tree.isClosed(path)
                }
            }
        }
    }

    // MARK: Events

    private func read() {
        guard let live = self.live else { return }
        do {
            while true {
                let events = try live.notify.read()
                if events.isEmpty { return }
                for event in events {
                    for step in live.tree.steps(for: event) {
                        guard try self.take(step, live) else {
                            self.end()
                            return self.begin()
                        }
                    }
                }
            }
        } catch { self.give(up: error) }
    }

    /// Does what an event asks for; `false` when watching has to begin anew.
    private func take(_ step: WatchedTree.Step, _ live: Live) throws -> Bool {
        switch step {
        case .tell(let path, let change): self.note(path, change, live)
        case .enter(let path, let change):
            guard let root = try? self.root.open() else { return false }
            try self.enter(path, change, of: live, beneath: root)
        case .forget(let watches): for watch in watches { live.notify.forget(watch) }
        case .lost:
            // Nobody knows which directories are new or have moved: all is begun anew.
            self.tell(.lost)
            return false
        case .rootIsGone: return false
        }
        return true
    }

    private func note(_ path: PathBytes, _ change: SourceChange, _ live: Live) {
        live.changes[path] = max(change, live.changes[path] ?? change)
        if live.changes.count >= Self.changesMax { return self.flush(live) }
        guard !live.isTelling else { return }
        live.isTelling = true
        self.queue.asyncAfter(deadline: .now() + .milliseconds(Self.gatherMilliseconds)) {
            [weak self] in
            guard let self, let live = self.live else { return }
            live.isTelling = false
            self.flush(live)
        }
    }

    private func flush(_ live: Live) {
        guard !live.changes.isEmpty else { return }
        self.tell(.changed(live.changes, directories: live.tree.count))
        live.changes = [:]
    }

    /// Why nothing is watched, in stable words.
    private enum Trouble {
        static let limit = "watch_limit"

        static func code(of error: any Error) -> String {
            if let error = error as? FilesError { return error.code.rawValue }
            guard let error = error as? SystemError else { return "watch_failed" }
            return switch error.number {
            case ENOSPC, EMFILE, ENFILE, ENOMEM: Self.limit
            case ENOENT: FilesError.Code.sourceMissing.rawValue
            default: "watch_failed"
            }
        }
    }
}
