import Glibc
import MeshModel
import MeshTopology

/// What the system lets a process have.
struct DoctorLimits {
    typealias Check = DoctorReport.Check

    private let home: Home

    /// A call, a segment or a file that is read takes a descriptor or two.
    private static let descriptorsMin = 1_024
    /// A directory of a source takes a watch.
    private static let watchesMin = 8_192

    init(_ home: Home) { self.home = home }

    func all() -> [Check] { [self.descriptors()] + self.watches() }

    private func descriptors() -> Check {
        let own = self.limitOfDaemon()
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        let count = own ?? Int(clamping: limit.rlim_cur)
        let whose = own == nil ? "A process started from here" : "The daemon"
        guard count >= Self.descriptorsMin else {
            return .init(
                "open_files",
                .warning,
                "\(whose) may have \(count) files open.",
                hint: "Raise it to \(Self.descriptorsMin) or more: `ulimit -n`, or LimitNOFILE= in "
                    + "the unit."
            )
        }
        return .init("open_files", .ok, "\(whose) may have \(count) files open.")
    }

    /// Of the daemon that has the home, when it runs and may be looked at.
    private func limitOfDaemon() -> Int? {
        guard let pid = HomeLock.look(self.home.paths).process,
            let limits = Self.read("/proc/\(pid)/limits")
        else { return nil }
        return Self.openFiles(in: limits)
    }

    /// The soft limit in the text of `/proc/PID/limits`.
    static func openFiles(in limits: String) -> Int? {
        let line = limits.split(separator: "\n").first { $0.hasPrefix("Max open files") }
        return line?.split(separator: " ").dropFirst(3).first.flatMap { Int($0) }
    }

    private func watches() -> [Check] {
        guard self.home.view.sends.contains(where: { $0.doneWhen != .sent }) else { return [] }
        let file = "/proc/sys/fs/inotify/max_user_watches"
        guard let text = Self.read(file), let count = Int(text.prefix { $0.isNumber }) else {
            return [
                .init(
                    "inotify",
                    .warning,
                    "\(file) cannot be read: sources may have to be scanned.",
                    hint: "Files are then noticed within 5 seconds."
                )
            ]
        }
        let message = "A user may watch \(count) directories."
        guard count >= Self.watchesMin else {
            return [
                .init(
                    "inotify",
                    .warning,
                    message,
                    hint: "sysctl fs.inotify.max_user_watches=524288, if sources have more; beyond "
                        + "it they are scanned every 5 seconds."
                )
            ]
        }
        return [.init("inotify", .ok, message)]
    }

    private static func read(_ path: String) -> String? {
        guard let bytes = try? HomeFiles.read(path) else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
