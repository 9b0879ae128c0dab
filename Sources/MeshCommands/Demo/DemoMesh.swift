import Dispatch
import Foundation
import Glibc
import MeshModel
import MeshNode
import MeshTopology
import Synchronization

/// Three daemons of this program on this machine: a site, a DMZ and headquarters.
final class DemoMesh: Sendable {
    static let nodes = ["site", "dmz", "hq"]

    /// `topologies/dmz.yaml`, with a port that is free here.
    static func topology(port: UInt16) -> String {
        """
        # A site and a headquarters that let no call in meet at a host between them: both dial the DMZ,
        # and files still go from site to hq.
        mesh: dmz
        nodes:
          site: {sends: {reports: data}}
          dmz:  {listens: "127.0.0.1:\(port)"}
          hq:   {receives: landed}                                   # landed/{origin}/{flow}/{path}
        links:
          - site -> dmz
          - hq -> dmz

        """
    }

    let directory: String
    private let daemons = Mutex<[String: pid_t]>([:])

    /// The home of a node.
    func home(_ node: String) -> String { "\(self.directory)/mesh/\(node)" }
    /// Where the site's files are.
    var source: String { "\(self.home("site"))/data" }
    /// Where they land.
    var landed: String { "\(self.home("hq"))/landed/site/reports" }
    /// The topology's file.
    var topologyFile: String { "\(self.directory)/dmz.yaml" }
    /// What a node logs.
    func log(_ node: String) -> String { "\(self.directory)/\(node).log" }

    init(directory: String) { self.directory = directory }

    /// Writes the topology, and makes keys and homes.
    func make() throws {
        let text = Self.topology(port: try Self.freePort())
        try Data(text.utf8).write(to: URL(filePath: self.topologyFile))
        _ = try HomeWriter.initialise(
            topology: try Topology.parse(text, file: self.topologyFile),
            out: "\(self.directory)/mesh",
            at: Terminal.now
        )
        for path in [self.source, "\(self.home("hq"))/landed"] {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true
            )
        }
    }

    /// Starts the daemons, and waits until each answers.
    func start() throws {
        for node in Self.nodes {
            let pid = try self.spawn(node)
            self.daemons.withLock { $0[node] = pid }
        }
        for node in Self.nodes {
            let answers = Self.wait(seconds: 30) {
                (try? self.ask(node, ControlRequest("status"))) != nil || self.hasEnded(node)
            }
            guard answers, !self.hasEnded(node) else {
                throw CommandFailure(
                    code: "failed",
                    message: "The daemon of \(node) did not stay.",
                    hint: "Its log is \(self.log(node))."
                )
            }
        }
    }

    /// The process of a node's daemon.
    func process(_ node: String) -> pid_t? { self.daemons.withLock { $0[node] } }

    /// Asks a node's daemon.
    func ask(
        _ node: String,
        _ request: ControlRequest,
        event: (JSONValue) throws -> Void = { _ in }
    ) throws -> JSONValue {
        try ControlClient(socketPath: "\(self.home(node))/control.sock").call(request, event: event)
    }

    /// Ends the daemons that this has started, and no other process.
    ///
    /// - Returns: Those that did not end as they should.
    @discardableResult
    func stop() -> [String] {
        // They are our children: until they are waited for nobody else can have their numbers.
        let daemons = self.daemons.withLock { daemons in
            defer { daemons = [:] }
            return daemons
        }
        for pid in daemons.values { kill(pid, SIGTERM) }
        return daemons.compactMap { node, pid in
            var status: Int32 = 0
            let isOver = Self.wait(seconds: 20) { waitpid(pid, &status, WNOHANG) == pid }
            if !isOver {
                kill(pid, SIGKILL)
                waitpid(pid, &status, 0)
            }
            return status == 0 && isOver ? nil : node
        }
        .sorted()
    }

    /// Has the daemons ended before this process is, whoever ends it.
    func stopOnSignals() -> [any DispatchSourceSignal] {
        [SIGINT, SIGTERM, SIGHUP].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                self.stop()
                Terminal.endProgress()
                Terminal.complain("tributary: stopped; everything is left in \(self.directory)")
                exit(128 + number)
            }
            source.activate()
            return source
        }
    }

    private func hasEnded(_ node: String) -> Bool {
        guard let pid = self.process(node) else { return true }
        var info = siginfo_t()
        // Looked at, not reaped.
        guard waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT | WNOHANG) == 0 else { return true }
        return info.si_signo == SIGCHLD
    }

    private func spawn(_ node: String) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let flags = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, self.log(node), flags, 0o600)
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own: Ctrl-C is for the demo, which ends the daemons in order.
        posix_spawnattr_setflags(
            &attributes,
            Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF)
        )
        posix_spawnattr_setpgroup(&attributes, 0)
        var defaults = sigset_t()
        sigemptyset(&defaults)
        for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&defaults, number) }
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        let arguments: [String] = ["tributary", "run", "--home", self.home(node)]
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let error = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, &words, environ)
        guard error == 0 else {
            throw CommandFailure(
                code: "failed",
                message: "Could not start a daemon: \(String(cString: strerror(error)))."
            )
        }
        return pid
    }

    /// Looks again and again until something is so, or the time is over.
    private static func wait(seconds: Int64, until isSo: () -> Bool) -> Bool {
        let end = Terminal.now.rawValue + seconds * 1_000
        while !isSo() {
            guard Terminal.now.rawValue < end else { return false }
            Terminal.pause(milliseconds: 50)
        }
        return true
    }

    /// A port of the loopback that nobody listens on now.
    private static func freePort() throws -> UInt16 {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(socket, address, length) == 0 && getsockname(socket, address, &length) == 0
            }
        }
        guard isBound else {
            throw CommandFailure(code: "failed", message: "The loopback has no free port.")
        }
        return UInt16(bigEndian: address.sin_port)
    }
}
