import Glibc
package import MeshSpool
import Synchronization

/// A disk in memory that loses what was not synced, and fails when told to.
///
/// Files, and the names in directories, have a durable state and operations on top of it that are
/// not durable yet. ``crash(_:seed:)`` gives the disk as it is found after the power came back.
package final class FaultyDisk: Disk {
    /// What a crash keeps of operations that were not synced.
    package enum Kept: CaseIterable, Sendable {
        /// Nothing.
        case nothing
        /// The first ones; the last of them perhaps in part.
        case prefix
        /// Any of them, of writes any sectors: what a real disk may do.
        case anything
        /// All: the process was killed, the machine was not.
        case everything
    }

    /// A change of the names.
    private enum NameChange {
        case add(String, FaultyFile)
        case remove(String)
        case move(String, String)

        func apply(to names: inout [String: FaultyFile]) {
            switch self {
            case .add(let path, let file): names[path] = file
            case .remove(let path): names[path] = nil
            case .move(let path, let other):
                if let file = names.removeValue(forKey: path) { names[other] = file }
            }
        }

        func concerns(_ directory: String) -> Bool {
            switch self {
            case .add(let path, _), .remove(let path), .move(let path, _):
                FaultyDisk.directory(of: path) == directory
            }
        }
    }

    private struct State {
        var names: [String: FaultyFile] = [:]
        var durable: [String: FaultyFile] = [:]
        var changes: [NameChange] = []
        var directories: Set<String> = []
    }

    private let state = Mutex(State())
    private let device = FaultyDevice()

    /// An empty disk.
    package init() {}

    /// The next sync of a file fails as a failing device makes it fail, or a full one.
    ///
    /// Its bytes stay readable until they are forgotten, and are never written: a sync after it
    /// succeeds and means nothing.
    package func failNextSync(_ number: Int32 = EIO) {
        self.device.nextSyncFailure.withLock { $0 = number }
    }

    /// Lets so many more changes through; the power fails at the next one, and nothing works then.
    package func stop(after changes: Int) { self.device.gate.withLock { $0 = changes } }

    /// What is left for new files, in bytes.
    package func setFreeBytes(_ count: UInt64) { self.device.room.withLock { $0.free = count } }

    /// From now on the file system gives back whole files only.
    package func refusePunching() { self.device.room.withLock { $0.canPunch = false } }

    /// Damages one byte of a file, durably.
    package func flipByte(_ path: String, at offset: UInt64) {
        self.file(path)?.change { bytes in
            if offset < bytes.count { bytes[Int(offset)] ^= 0x40 }
        }
    }

    /// Replaces a stretch of a file, durably.
    package func overwrite(_ path: String, at offset: UInt64, with new: [UInt8]) {
        self.file(path)?.change { bytes in
            for (index, byte) in new.enumerated() where Int(offset) + index < bytes.count {
                bytes[Int(offset) + index] = byte
            }
        }
    }

    /// Cuts a file, durably.
    package func cut(_ path: String, to count: UInt64) {
        self.file(path)?.change { $0 = Array($0.prefix(Int(count))) }
    }

    /// A file's bytes as a process reads them; `nil` if there is no such file.
    package func contents(_ path: String) -> [UInt8]? { self.file(path)?.contents }

    /// The paths of all files, sorted.
    package var paths: [String] { self.state.withLock { $0.names.keys.sorted() } }

    /// The disk after a crash; this one goes on as if nothing had happened, seen by nobody.
    package func crash(_ kept: Kept, seed: UInt64) -> FaultyDisk {
        var random = SeededGenerator(seed: seed)
        let after = FaultyDisk()
        self.device.gate.withLock { _ in self.collect(kept, &random, into: after) }
        return after
    }

    /// Gives every file beneath a directory the same place beneath another.
    package func move(from directory: String, to other: String) {
        func moved<Value>(_ names: [String: Value]) -> [String: Value] {
            let pairs = names.map { name, value in
                (name.hasPrefix(directory) ? other + name.dropFirst(directory.count) : name, value)
            }
            return Dictionary(pairs) { $1 }
        }
        self.state.withLock { state in
            (state.names, state.durable) = (moved(state.names), moved(state.durable))
        }
    }

    private func collect(
        _ kept: Kept,
        _ random: inout SeededGenerator,
        into after: FaultyDisk
    ) {
        self.state.withLock { state in
            var names = state.durable
            for change in kept.choose(state.changes, &random) { change.apply(to: &names) }
            // In a fixed order, so that a seed tells everything.
            var copies: [ObjectIdentifier: FaultyFile] = [:]
            for (_, file) in names.sorted(by: { $0.key < $1.key })
            where copies[ObjectIdentifier(file)] == nil {
                copies[ObjectIdentifier(file)] = file.afterCrash(kept, &random, after.device)
            }
            let found = names.compactMapValues { copies[ObjectIdentifier($0)] }
            after.state.withLock { new in
                new.names = found
                new.durable = found
                new.directories = state.directories
            }
        }
        after.device.room.withLock { $0 = self.device.room.withLock { $0 } }
    }

    private func file(_ path: String) -> FaultyFile? { self.state.withLock { $0.names[path] } }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return String(path[..<slash])
    }
}

extension FaultyDisk {
    package func open(_ path: String) throws -> any DiskFile {
        guard let file = self.file(path) else {
            throw DiskError(operation: "open", path: path, number: ENOENT)
        }
        return file
    }

    package func create(_ path: String) throws -> any DiskFile {
        let file = FaultyFile(self.device)
        try self.device.changing {
            try self.state.withLock { state in
                guard state.names[path] == nil else {
                    throw DiskError(operation: "create", path: path, number: EEXIST)
                }
                state.names[path] = file
                state.changes.append(.add(path, file))
            }
        }
        return file
    }

    package func makeDirectory(_ path: String) throws {
        _ = self.state.withLock { $0.directories.insert(path) }
    }

    package func list(_ directory: String) throws -> [String] {
        self.state.withLock { state in
            state.names.keys.filter { Self.directory(of: $0) == directory }
                .map { String($0.dropFirst(directory.count + 1)) }
        }
    }

    package func rename(_ path: String, to other: String) throws {
        try self.change(path, .move(path, other))
    }

    package func unlink(_ path: String) throws { try self.change(path, .remove(path)) }

    private func change(_ path: String, _ change: NameChange) throws {
        try self.device.changing {
            try self.state.withLock { state in
                guard state.names[path] != nil else {
                    throw DiskError(operation: "rename or unlink", path: path, number: ENOENT)
                }
                change.apply(to: &state.names)
                state.changes.append(change)
            }
        }
    }

    package func syncDirectory(_ directory: String) throws {
        try self.device.changing {
            self.state.withLock { state in
                for change in state.changes where change.concerns(directory) {
                    change.apply(to: &state.durable)
                }
                state.changes.removeAll { $0.concerns(directory) }
            }
        }
    }

    package func freeBytes(_ path: String) throws -> UInt64 {
        self.device.room.withLock { $0.free }
    }
}

extension FaultyDisk.Kept {
    /// Some of the elements, in order.
    fileprivate func choose<Element>(
        _ elements: [Element],
        _ random: inout SeededGenerator
    ) -> [Element] {
        switch self {
        case .nothing: []
        case .prefix: Array(elements.prefix(Int.random(in: 0...elements.count, using: &random)))
        case .anything: elements.filter { _ in Bool.random(using: &random) }
        case .everything: elements
        }
    }
}

/// What all files of a ``FaultyDisk`` lie on: its power, its room, its faults.
private final class FaultyDevice: Sendable {
    struct Room {
        var free: UInt64 = 1 << 40
        var canPunch = true
    }

    let room = Mutex(Room())
    let nextSyncFailure = Mutex<Int32?>(nil)
    /// Held by every operation, so that a crash falls between two of them.
    let gate = Mutex<Int?>(nil)

    /// Runs a change, unless the power is gone.
    func changing<R>(_ body: () throws -> R) throws -> R {
        try self.gate.withLock { left in
            if let count = left {
                guard count > 0 else {
                    throw DiskError(operation: "power", path: "", number: EIO)
                }
                left = count - 1
            }
            return try body()
        }
    }

    func takeSyncFailure() -> Int32? {
        self.nextSyncFailure.withLock { number in
            defer { number = nil }
            return number
        }
    }

    func checkPunching() throws {
        guard self.room.withLock({ $0.canPunch }) else {
            throw DiskError(operation: "fallocate", path: "", number: EOPNOTSUPP)
        }
    }

    func take(_ count: UInt64) throws {
        try self.room.withLock { room in
            guard count <= room.free else {
                throw DiskError(operation: "fallocate", path: "", number: ENOSPC)
            }
            room.free -= count
        }
    }
}

/// A file of a ``FaultyDisk``.
private final class FaultyFile: DiskFile {
    /// A change of the bytes.
    enum Change {
        case write([UInt8], at: Int)
        case resize(Int)
        case punch(Range<Int>)

        func apply(to bytes: inout [UInt8]) {
            switch self {
            case .write(let new, let offset):
                if bytes.count < offset + new.count {
                    bytes += [UInt8](repeating: 0, count: offset + new.count - bytes.count)
                }
                bytes.withUnsafeMutableBytes { target in
                    target[offset..<offset + new.count].copyBytes(from: new)
                }
            case .resize(let count):
                if count < bytes.count {
                    bytes.removeLast(bytes.count - count)
                } else {
                    bytes += [UInt8](repeating: 0, count: count - bytes.count)
                }
            case .punch(let range):
                let range = range.clamped(to: bytes.indices)
                bytes.withUnsafeMutableBytes { target in
                    _ = UnsafeMutableRawBufferPointer(rebasing: target[range])
                        .initializeMemory(as: UInt8.self, repeating: 0)
                }
            }
        }
    }

    private static let blockBytes = 4_096

    private struct State {
        var bytes: [UInt8] = []
        var durable: [UInt8] = []
        /// On top of what is durable.
        var changes: [Change] = []
        /// Blocks that were given back; not told to whoever comes after a crash.
        var holes: Set<Int> = []
    }

    private let state = Mutex(State())
    private let device: FaultyDevice

    init(_ device: FaultyDevice) { self.device = device }

    var contents: [UInt8] { self.state.withLock { $0.bytes } }

    func change(_ body: (inout [UInt8]) -> Void) {
        self.state.withLock { state in
            body(&state.bytes)
            body(&state.durable)
        }
    }

    func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws -> Int {
        self.state.withLock { state in
            guard offset < state.bytes.count else { return 0 }
            let end = min(state.bytes.count, Int(offset) + target.count)
            target.copyBytes(from: state.bytes[Int(offset)..<end])
            return end - Int(offset)
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws {
        try self.add(.write(Array(bytes), at: Int(offset)))
    }

    func allocate(_ stretch: Range<UInt64>) throws {
        try self.device.take(UInt64(stretch.count))
        try self.add(.resize(Int(max(stretch.upperBound, try self.size()))))
    }

    func truncate(to count: UInt64) throws { try self.add(.resize(Int(count))) }

    func punch(_ offset: UInt64, count: UInt64) throws {
        try self.device.checkPunching()
        let range = Int(offset)..<Int(offset + count)
        try self.add(.punch(range))
        let first = (range.lowerBound + Self.blockBytes - 1) / Self.blockBytes
        let end = range.upperBound / Self.blockBytes
        self.state.withLock { state in
            if first < end { state.holes.formUnion(first..<end) }
        }
    }

    private func add(_ change: Change) throws {
        try self.device.changing {
            self.state.withLock { state in
                change.apply(to: &state.bytes)
                state.changes.append(change)
            }
        }
    }

    func syncData() throws { try self.syncAll() }

    func syncAll() throws {
        let failure = self.device.takeSyncFailure()
        try self.device.changing {
            self.state.withLock { state in
                // A failed sync forgets what was to be written: the pages are clean now.
                if failure == nil {
                    for change in state.changes { change.apply(to: &state.durable) }
                }
                state.changes = []
            }
        }
        if let failure { throw DiskError(operation: "fdatasync", path: "", number: failure) }
    }

    func forgetCached() throws {
        self.state.withLock { state in
            var bytes = state.durable
            for change in state.changes { change.apply(to: &bytes) }
            state.bytes = bytes
        }
    }

    func size() throws -> UInt64 { self.state.withLock { UInt64($0.bytes.count) } }
    func allocatedBytes() throws -> UInt64 {
        self.state.withLock { state in
            UInt64(max(0, state.bytes.count - state.holes.count * Self.blockBytes))
        }
    }

    /// A copy as a crash leaves it.
    func afterCrash(
        _ kept: FaultyDisk.Kept,
        _ random: inout SeededGenerator,
        _ device: FaultyDevice
    ) -> FaultyFile {
        let found = self.state.withLock { state in
            var bytes = state.durable
            for change in kept.choose(state.changes, &random) {
                if case .punch(let range) = change, kept != .everything {
                    // Block by block, and perhaps not all of them.
                    for block in stride(from: range.lowerBound, to: range.upperBound, by: 512)
                    where Bool.random(using: &random) {
                        Change.punch(block..<min(block + 512, range.upperBound))
                            .apply(to: &bytes)
                    }
                    continue
                }
                guard case .write(let new, let offset) = change, kept != .everything else {
                    change.apply(to: &bytes)
                    continue
                }
                for sector in stride(from: 0, to: new.count, by: 512)
                where Int.random(in: 0..<8, using: &random) > 0 {
                    let end = min(sector + 512, new.count)
                    Change.write(Array(new[sector..<end]), at: offset + sector).apply(to: &bytes)
                }
            }
            return bytes
        }
        let copy = FaultyFile(device)
        copy.state.withLock { state in
            state.bytes = found
            state.durable = found
        }
        return copy
    }
}

/// Numbers that follow from a seed.
///
/// SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    /// Begins at a seed.
    package init(seed: UInt64) { self.state = seed }

    /// The next number.
    package mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var value = self.state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
