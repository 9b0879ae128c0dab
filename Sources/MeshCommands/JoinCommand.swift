import ArgumentParser
import MeshCustody
import MeshIdentity
import MeshModel
import MeshNode
import MeshTopology

/// `tributary join`: takes over what the authority issued.
struct JoinCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "join",
        abstract: "Take over the certificate, view and index that the authority issued.",
        discussion: """
            All of it or nothing, also while the node runs: its daemon then ends its calls and \
            begins anew with what is new. A home that knows no mesh yet has to be told that the \
            authority is the right one.

            Examples:
              tributary join buoy-7.join
              tributary join buoy-7.join --home /srv/buoy-7 --trust
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions

    @Argument(help: "NODE.join, as `tributary keys issue` wrote it.")
    var file: String

    @Option(
        help: ArgumentHelp(
            "Accept the authority with this fingerprint, and no other.",
            valueName: "fingerprint"
        )
    )
    var authorityFingerprint: String?

    @Flag(help: "Accept whatever authority the file comes from.")
    var trust = false

    func run() async throws {
        let join = try await HomeJoin(file: self.file, home: self.home.path, at: Terminal.now)
        try self.confirm(join)
        try join.install()
        let daemon = try DaemonReload(home: self.home).run(serial: join.home.index.serial)
        let forbidden = join.home.forbidden
        try self.output.write(Self.json(join, daemon)) { Self.text(join, daemon) }
        for finding in forbidden {
            Terminal.complain("tributary: site_forbids: \(finding.message)")
        }
        if daemon == .notTakenUp {
            throw CommandFailure(
                code: "not_taken_up",
                message: "It is installed, and the daemon has not taken it up.",
                hint: "See its log. What is installed counts from its next start, so correct it "
                    + "before that."
            )
        }
    }

    static func json(_ join: HomeJoin, _ daemon: DaemonReload.Outcome) -> JSONValue {
        [
            "node": .string(join.home.node.text),
            "mesh": .string(join.home.mesh.text),
            "serial": .integer(Int64(join.home.index.serial)),
            "previous_serial": join.previousSerial.map { .integer(Int64($0)) } ?? .null,
            "authority": .string(join.authorityFingerprint.description),
            "expires": .string(join.home.tls.expires.description),
            "daemon": .string(daemon.rawValue),
            "forbidden": .array(join.home.forbidden.map { .string($0.message) }),
        ]
    }

    private func confirm(_ join: HomeJoin) throws {
        let shown = join.authorityFingerprint.description
        if let given = self.authorityFingerprint {
            let digits = given.lowercased().filter { !":- ".contains($0) }
            guard digits == shown else {
                throw NodeError(
                    .authorityChanged,
                    "The authority's fingerprint is \(shown), not \(digits).",
                    hint: "Do not join. Ask whoever has the authority."
                )
            }
            return
        }
        guard join.isFirst, !self.trust else { return }
        let question =
            "This makes the home one of mesh \(join.home.mesh), whose authority has the "
            + "fingerprint\n  \(shown)\n"
        if Terminal.canAsk {
            let answer = Terminal.ask(question + "Is that the right one? [yes/no] ")
            if answer?.lowercased() == "yes" { return }
        }
        throw NodeError(
            .authorityUnconfirmed,
            "Nobody has confirmed the authority of \(join.home.mesh), fingerprint \(shown).",
            hint: "Compare it with `tributary keys show` at another node, or with whoever has the "
                + "authority, then say --authority-fingerprint \(shown)"
        )
    }

    private static func text(_ join: HomeJoin, _ daemon: DaemonReload.Outcome) -> String {
        let home = join.home
        var lines = [
            "\(home.node) is of mesh \(home.mesh), serial \(home.index.serial); its certificate is "
                + "good until \(home.tls.expires.description.prefix(10))."
        ]
        if join.isFirst {
            lines.append("Look at \(home.paths.site): it allows what the mesh asks for now.")
        }
        switch daemon {
        case .reloaded: lines.append("The daemon has taken it up.")
        case .none: lines.append("No daemon runs here; start it with `tributary run`.")
        case .notTakenUp: break
        }
        return lines.joined(separator: "\n")
    }
}

/// Has a running daemon take up what is new in its home.
struct DaemonReload {
    let home: HomeOption

    /// What came of it.
    enum Outcome: String {
        /// It runs with what is new.
        case reloaded
        /// There is none.
        case none
        /// There is one, and it did not come back in time.
        case notTakenUp = "not_taken_up"
    }

    private static let attempts = 300
    private static let intervalMilliseconds: Int32 = 200

    /// Tells the daemon, and waits until it goes by that serial.
    func run(serial: UInt64) throws -> Outcome {
        let told = Terminal.now
        do {
            _ = try self.home.ask(ControlRequest("reload"))
        } catch let error as NodeError where error.code == .notReachable {
            return .none
        } catch let error as NodeError where error.code == .controlFailed {
            // It hangs up on everybody when it begins anew.
        } catch let error as ControlError where error.code == "stopping" {
            // The same.
        }
        for _ in 0..<Self.attempts {
            let report = try? self.home.ask(ControlRequest("status")).decode(StatusReport.self)
            if report?.serial == serial { return .reloaded }
            // It has begun anew, and with something else.
            if let report, report.started.milliseconds > told { return .notTakenUp }
            Terminal.pause(milliseconds: Self.intervalMilliseconds)
        }
        return .notTakenUp
    }
}
