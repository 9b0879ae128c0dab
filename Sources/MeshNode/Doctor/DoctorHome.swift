// The compiler ascribes libc's `stat` to whichever of these modules it met first.
import CDispatch
import CoreFoundation
import Glibc
import MeshCustody
import MeshIdentity
import MeshModel
import MeshTopology

/// The files of a home, its certificate, and what the site allows.
struct DoctorHome {
    typealias Check = DoctorReport.Check

    private let paths: HomePaths

    init(_ paths: HomePaths) { self.paths = paths }

    /// Who may read and change what.
    func files() -> [Check] {
        var found: [Check] = []
        guard let root = Self.look(self.paths.root) else { return [] }
        if root.st_mode & 0o022 != 0 {
            found.append(
                .init(
                    "permissions",
                    about: self.paths.root,
                    .error,
                    "Others may change what is in the home (mode \(Self.octal(root.st_mode))).",
                    hint: "chmod 750 \(self.paths.root)"
                )
            )
        }
        if root.st_uid != geteuid() {
            found.append(
                .init(
                    "permissions",
                    about: self.paths.root,
                    .warning,
                    "The home belongs to user \(root.st_uid), and this is user \(geteuid()): the "
                        + "daemon may see other things than are said here.",
                    hint: "Run `tributary doctor` as the daemon's user."
                )
            )
        }
        for path in [self.paths.keys, self.paths.spool] {
            guard let status = Self.look(path), status.st_mode & 0o077 != 0 else { continue }
            found.append(
                .init(
                    "permissions",
                    about: path,
                    .warning,
                    "Others may look into \(path) (mode \(Self.octal(status.st_mode))).",
                    hint: "chmod 700 \(path)"
                )
            )
        }
        for path in [self.paths.tlsKey, self.paths.statementKey] {
            guard let status = Self.look(path) else { continue }
            if status.st_mode & 0o077 != 0 {
                found.append(
                    .init(
                        "permissions",
                        about: path,
                        .error,
                        "Others may read a private key (mode \(Self.octal(status.st_mode))).",
                        hint: "chmod 600 \(path); if strangers could read it, make new keys."
                    )
                )
            }
            if status.st_uid != root.st_uid {
                found.append(
                    .init(
                        "permissions",
                        about: path,
                        .error,
                        "The key belongs to user \(status.st_uid), the home to user "
                            + "\(root.st_uid).",
                        hint: "chown \(root.st_uid) \(path)"
                    )
                )
            }
        }
        return .wrong(
            found,
            otherwise: .init("permissions", .ok, "Nobody else reads the keys or changes the home.")
        )
    }

    private static func look(_ path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }

    private static func octal(_ mode: mode_t) -> String { String(mode & 0o7777, radix: 8) }

    /// Whether neighbours will accept the certificate, and for how long.
    static func certificate(_ home: Home, at now: UnixMilliseconds) async -> [Check] {
        let left = StatusReport.Certificate(expires: home.tls.expires, at: now)
        let day = home.tls.expires.description.prefix(10)
        let hint = "`tributary keys renew` here, `keys issue` at the authority, `join` here."
        guard left.daysLeft >= 0 else {
            return [
                .init(
                    "certificate",
                    .error,
                    "The certificate expired on \(day): neighbours refuse this node.",
                    hint: "\(hint) Or the clock is wrong."
                )
            ]
        }
        do { try await home.checkCertificate(at: max(now, home.index.signedAt)) } catch {
            let worded = ControlError(wording: error)
            return [.init("certificate", .error, worded.message, hint: worded.hint ?? hint)]
        }
        let message = "The certificate is good until \(day), \(left.daysLeft) days from now."
        return [
            left.isShort
                ? .init("certificate", .warning, message, hint: hint)
                : .init("certificate", .ok, message)
        ]
    }

    /// What the mesh asks for and the site forbids.
    static func site(_ home: Home) -> [Check] {
        .wrong(
            home.forbidden.map {
                .init("site", .warning, "Left undone: \($0.message)", hint: $0.hint)
            },
            otherwise: .init("site", .ok, "site.yaml allows what the mesh asks for.")
        )
    }
}
