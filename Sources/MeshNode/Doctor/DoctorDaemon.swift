// The compiler ascribes libc's `stat` to whichever of these modules it met first.
import CDispatch
import CoreFoundation
import Glibc
import MeshCustody
import MeshModel
import MeshTopology

/// Whether the daemon runs and with what, and whether the clock can be right.
enum DoctorDaemon {
    typealias Check = DoctorReport.Check

    /// Whether it answers, with what is in the home, and as who its log says.
    static func daemon(_ home: Home, _ asked: Result<StatusReport, any Error>) -> [Check] {
        let status: StatusReport
        switch asked {
        case .success(let report): status = report
        case .failure(let error):
            let worded = ControlError(wording: error)
            if worded.code == "not_reachable", !HomeLock.look(home.paths).isHeld {
                return [
                    .init("daemon", .warning, "No daemon runs.", hint: "Start it: `tributary run`.")
                ]
            }
            return [
                .init(
                    "daemon",
                    .error,
                    "A daemon has this home and cannot be asked: \(worded.message)",
                    hint: worded.hint ?? "See its log; restart it if that says nothing."
                )
            ]
        }
        var found: [Check] = []
        if let serial = status.serial, serial != home.index.serial {
            found.append(
                .init(
                    "daemon",
                    .warning,
                    "It goes by serial \(serial); the home has \(home.index.serial).",
                    hint: "Restart it."
                )
            )
        }
        if let life = status.life, life.hint != nil {
            found.append(
                .init(
                    "daemon",
                    .error,
                    "It stands still: \(life.state). \(life.detail ?? "")",
                    hint: life.hint
                )
            )
        }
        return .wrong(
            found,
            otherwise: .init("daemon", .ok, "It runs since \(status.started.milliseconds).")
        )
    }

    /// A clock that is this far off, in milliseconds, is worth a word.
    private static let clockMax: Int64 = 60_000
    /// And this far: a day, beyond which certificates and ages mean little.
    private static let clockBad: Int64 = 86_400_000

    /// Against the neighbours where there are calls; otherwise against what was written before.
    static func clock(
        _ home: Home,
        _ status: StatusReport?,
        at now: UnixMilliseconds
    ) -> [Check] {
        let hint = "Set the clock, and keep it set: chrony or systemd-timesyncd."
        if now < home.index.signedAt {
            return [
                .init(
                    "clock",
                    .error,
                    "It is \(now) here; the authority signed the index at \(home.index.signedAt).",
                    hint: hint
                )
            ]
        }
        if let last = Self.lastWritten(home.paths), now.adding(milliseconds: Self.clockMax) < last {
            return [
                .init(
                    "clock",
                    .error,
                    "It is \(now) here; the spool was written to at \(last).",
                    hint: hint
                )
            ]
        }
        let offsets = (status?.neighbours ?? []).compactMap { neighbour in
            neighbour.clockAhead.map { (neighbour.name, $0) }
        }
        let found = offsets.filter { abs($0.1) > Self.clockMax }.map { name, ahead in
            Check(
                "clock",
                about: name,
                abs(ahead) > Self.clockBad ? .error : .warning,
                "The clock of \(name) is \(abs(ahead) / 1_000) s "
                    + "\(ahead > 0 ? "ahead of" : "behind") this one.",
                hint: "Find out which of the two is wrong. \(hint)"
            )
        }
        let fine =
            offsets.isEmpty
            ? "It is \(now), later than all that was written before; no neighbour to compare with."
            : "It is \(now); \(offsets.map(\.0).joined(separator: ", ")) "
                + "\(offsets.count == 1 ? "agrees" : "agree")."
        return .wrong(found, otherwise: .init("clock", .ok, fine))
    }

    /// When the log of the spool was written to last.
    private static func lastWritten(_ paths: HomePaths) -> UnixMilliseconds? {
        let directory = "\(paths.spool)/log"
        guard let stream = opendir(directory) else { return nil }
        defer { closedir(stream) }
        var last: Int64?
        while let entry = readdir(stream) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard name.hasSuffix(".seg"), stat("\(directory)/\(name)", &status) == 0 else {
                continue
            }
            last = max(last ?? .min, Int64(status.st_mtim.tv_sec) * 1_000)
        }
        return last.map { UnixMilliseconds($0) }
    }
}
