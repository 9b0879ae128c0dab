import Foundation
import Glibc
import Synchronization

/// How large a show is: as every run of the tests bears it, or in full, as `make show` wants it.
enum Show {
    static let isFull = getenv("TRIBUTARY_SHOW") != nil

    /// One of two sizes.
    static func size<Size>(_ usual: Size, full: Size) -> Size { Self.isFull ? full : usual }

    /// Writes a figure down where `make show` prints it from.
    static func note(_ figure: String) {
        guard let path = getenv("TRIBUTARY_SHOW"),
            let file = fopen(String(cString: path), "a")
        else { return }
        fputs(figure + "\n", file)
        fclose(file)
    }
}

/// What nodes take while they run: looked at often, from outside.
final class Watch: Sendable {
    /// The most that a node has taken, in bytes.
    struct Peak: Sendable {
        /// Resident memory, as the kernel keeps it (`VmHWM`).
        var memory: Int64 = 0
        /// Allocated blocks of the log.
        var log: Int64 = 0
        /// Allocated blocks of the whole spool, with index and snapshots.
        var spool: Int64 = 0

        var description: String {
            "memory \(self.memory >> 20) MiB, log \(self.log >> 20) MiB, "
                + "spool \(self.spool >> 20) MiB"
        }
    }

    private let mesh: Mesh
    private let peaks: Mutex<[String: Peak]>
    private let isEnded = Mutex(false)
    private static let queue = DispatchQueue(label: "watch")

    init(_ mesh: Mesh, _ nodes: String...) {
        self.mesh = mesh
        self.peaks = Mutex(Dictionary(uniqueKeysWithValues: nodes.map { ($0, Peak()) }))
        self.lookAgain()
    }

    private func lookAgain() {
        guard !self.isEnded.withLock({ $0 }) else { return }
        // Shorter than a segment takes to fill.
        Self.queue.asyncAfter(deadline: .now() + 0.05) {
            self.look()
            self.lookAgain()
        }
    }

    /// Looks no more; otherwise it would for ever.
    func end() { self.isEnded.withLock { $0 = true } }

    func peak(_ node: String) -> Peak {
        self.look()
        return self.peaks.withLock { $0[node] ?? Peak() }
    }

    private func look() {
        for node in self.peaks.withLock({ Array($0.keys) }) {
            let spool = "\(self.mesh.home(node))/spool"
            let (log, all) = (Self.blocks("\(spool)/log"), Self.blocks(spool))
            let memory = self.mesh.daemon(node).map { Self.memory($0.pid) } ?? 0
            self.peaks.withLock { peaks in
                var peak = peaks[node] ?? Peak()
                peak.memory = max(peak.memory, memory)
                peak.log = max(peak.log, log)
                peak.spool = max(peak.spool, all)
                peaks[node] = peak
            }
        }
    }

    private static func blocks(_ directory: String) -> Int64 {
        let files = try? Tree.files(beneath: directory)
        return files?.values.reduce(0) { $0 + $1.allocated } ?? 0
    }

    private static func memory(_ pid: pid_t) -> Int64 {
        let text = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        let words = line?.split(whereSeparator: \.isWhitespace) ?? []
        return words.count > 1 ? (Int64(words[1]) ?? 0) << 10 : 0
    }
}
