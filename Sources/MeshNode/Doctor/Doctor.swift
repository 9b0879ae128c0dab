import Glibc
import MeshCustody
package import MeshModel
import MeshTopology

/// Examines what a node needs of its machine and of its neighbours, with its daemon or without.
///
/// Nothing is changed: what is written to measure a disk has no name and is gone at once.
package struct Doctor: Sendable {
    private let paths: HomePaths
    private let now: UnixMilliseconds

    /// Looks after the node whose home is there.
    package init(home path: String, at now: UnixMilliseconds) {
        self.paths = HomePaths(path)
        self.now = now
    }

    /// Examines everything; takes some seconds where a disk or a neighbour is slow.
    package func examine() async -> DoctorReport {
        var home: Home?
        var checks: [DoctorReport.Check] = []
        do {
            home = try Home.open(self.paths.root)
            let serial = home?.index.serial ?? 0
            checks.append(
                .init("home", .ok, "\(self.paths.root) can be read; its serial is \(serial).")
            )
        } catch {
            let worded = ControlError(wording: error)
            checks.append(
                .init("home", .error, "\(worded.message) [\(worded.code)]", hint: worded.hint)
            )
        }
        checks += DoctorHome(self.paths).files()
        let client = ControlClient(socketPath: self.paths.controlSocket)
        let asked = Result { try client.call(ControlRequest("status")).decode(StatusReport.self) }
        let status = try? asked.get()
        guard let home else { return self.report(nil, status, checks) }
        checks += await DoctorHome.certificate(home, at: self.now)
        checks += DoctorHome.site(home)
        checks += DoctorDaemon.daemon(home, asked)
        checks += DoctorDaemon.clock(home, status, at: self.now)
        checks += DoctorDisks(home, status).all()
        checks += DoctorLimits(home).all()
        checks += await DoctorNetwork(home, status).all()
        return self.report(home, status, checks)
    }

    private func report(
        _ home: Home?,
        _ status: StatusReport?,
        _ checks: [DoctorReport.Check]
    ) -> DoctorReport {
        DoctorReport(
            home: self.paths.root,
            node: home?.node.text,
            isRunning: status != nil,
            at: ReportTime(self.now),
            checks: checks
        )
    }
}

extension Array<DoctorReport.Check> {
    /// What is wrong in a list, or, if nothing is, that it is well.
    static func wrong(_ found: Self, otherwise fine: DoctorReport.Check) -> Self {
        found.isEmpty ? [fine] : found
    }
}
