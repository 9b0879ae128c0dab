// The compiler ascribes libc's `stat` to whichever of these modules it met first.
import CDispatch
import CoreFoundation
import Glibc
import MeshCustody
import MeshModel
import MeshTopology

/// Room and speed of the disks that a node writes to, and whether its directories are there.
struct DoctorDisks {
    typealias Check = DoctorReport.Check

    private let home: Home
    private let status: StatusReport?

    /// Fewer syncs in a second are worth a word: each group of files waits for one or two.
    private static let syncsFew = 20
    /// A disk is measured for this long at most, in nanoseconds.
    private static let measureNanoseconds: UInt64 = 1_000_000_000
    private static let syncsMax = 500
    /// What is left free at least: less, and everything beside the node fails too.
    private static let freeMin: Int64 = 64 << 20

    init(_ home: Home, _ status: StatusReport?) {
        self.home = home
        self.status = status
    }

    /// Spool, landings, sources.
    func all() -> [Check] {
        var measured: Set<UInt64> = []
        var checks = self.disk("spool_disk", self.home.paths.spool, &measured)
        checks += self.spoolRoom()
        let view = self.home.view
        let landings = Set(
            view.receives.values.map(\.path).filter { self.home.site.allowsWriting($0) }
        )
        for path in landings.sorted() {
            if access(path, F_OK) != 0 {
                checks.append(
                    .init(
                        "landing",
                        about: path,
                        errno == ENOENT && access(Self.parent(path), W_OK) == 0 ? .ok : .error,
                        "\(path) is not there yet.",
                        hint: "The daemon makes it if it may; otherwise make it."
                    )
                )
                continue
            }
            checks += self.disk("landing", path, &measured)
        }
        for source in view.sends where self.home.site.allowsReading(source.path) {
            checks.append(Self.source(source.path, source.flow.text))
        }
        return checks
    }

    /// One of the sources.
    private static func source(_ path: String, _ flow: String) -> Check {
        if access(path, R_OK | X_OK) == 0 {
            return .init("source", about: path, .ok, "The files of `\(flow)` can be read.")
        }
        let reason = String(cString: strerror(errno))
        return .init(
            "source",
            about: path,
            .warning,
            "The files of `\(flow)` cannot be read: \(reason).",
            hint: "Make the directory, mount its disk, or let this user read it."
        )
    }

    /// Whether a directory can be written to, what room there is, and how fast it syncs.
    private func disk(_ check: String, _ path: String, _ measured: inout Set<UInt64>) -> [Check] {
        var room = statvfs()
        var status = stat()
        guard statvfs(path, &room) == 0, stat(path, &status) == 0 else {
            let reason = String(cString: strerror(errno))
            return [.init(check, about: path, .error, "\(path) cannot be looked at: \(reason).")]
        }
        let free = Int64(room.f_bavail) * Int64(room.f_frsize)
        let said = "\(ByteCount(free)) free"
        if access(path, W_OK | X_OK) != 0 {
            return [
                .init(
                    check,
                    about: path,
                    .error,
                    "This user may not write there: \(String(cString: strerror(errno))).",
                    hint: "Give the directory to the daemon's user."
                )
            ]
        }
        if free < Self.freeMin {
            return [
                .init(
                    check,
                    about: path,
                    .error,
                    "Only \(said): nothing more is taken.",
                    hint: "Make room on that file system."
                )
            ]
        }
        // A file system is measured once, whatever lies on it.
        guard measured.insert(UInt64(status.st_dev)).inserted else {
            return [.init(check, about: path, .ok, "\(said); the same file system as before.")]
        }
        guard let rate = Self.syncsPerSecond(in: path) else {
            return [
                .init(
                    check,
                    about: path,
                    .warning,
                    "\(said); how fast it syncs cannot be measured: "
                        + "\(String(cString: strerror(errno)))."
                )
            ]
        }
        guard rate >= Self.syncsFew else {
            return [
                .init(
                    check,
                    about: path,
                    .warning,
                    "\(said); \(rate) syncs a second: small files will be slow.",
                    hint: "Use a disk with a write cache that survives a power cut, or an SSD."
                )
            ]
        }
        return [.init(check, about: path, .ok, "\(said); \(rate) syncs a second.")]
    }

    /// Whether the spool can become as large as it may.
    private func spoolRoom() -> [Check] {
        var room = statvfs()
        guard statvfs(self.home.paths.spool, &room) == 0 else { return [] }
        let free = Int64(room.f_bavail) * Int64(room.f_frsize)
        let limit = self.home.effectiveView.spool.rawValue
        let missing = limit - (self.status?.spool.used ?? 0) - free
        // Without the daemon nobody says what it takes now.
        guard self.status != nil, missing > 0 else { return [] }
        return [
            .init(
                "spool_room",
                .warning,
                "The spool may take \(ByteCount(limit)), and \(ByteCount(missing)) of that are not "
                    + "there.",
                hint: "Make room on its file system, or lower `spool` in the topology or site.yaml."
            )
        ]
    }

    /// Writes a block and syncs it, again and again for a second at most, in a file without a name.
    private static func syncsPerSecond(in directory: String) -> Int? {
        // O_TMPFILE of fcntl.h, which is O_DIRECTORY and a bit of its own.
        let file = open(directory, O_WRONLY | O_CLOEXEC | O_DIRECTORY | 0o20_000_000, 0o600)
        guard file >= 0 else { return nil }
        defer { close(file) }
        let block = [UInt8](repeating: 0x54, count: 4 << 10)
        let begun = Self.nanoseconds()
        var count = 0
        while count < Self.syncsMax, Self.nanoseconds() - begun < Self.measureNanoseconds {
            let written = block.withUnsafeBytes {
                pwrite(file, $0.baseAddress, $0.count, off_t(count * block.count))
            }
            guard written == block.count, fdatasync(file) == 0 else { return nil }
            count += 1
        }
        let took = max(1, Self.nanoseconds() - begun)
        return Int(UInt64(count) * 1_000_000_000 / took)
    }

    private static func nanoseconds() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static func parent(_ path: String) -> String {
        let end = path.lastIndex(of: "/") ?? path.startIndex
        return end == path.startIndex ? "/" : String(path[..<end])
    }
}
