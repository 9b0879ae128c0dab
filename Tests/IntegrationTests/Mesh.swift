import Foundation
import Glibc
import MeshCustody
import Synchronization

/// Real daemons on loopback, in a directory of their own, made from a topology.
///
/// In the topology `PORT` stands for a free port, `VIA` for one with a ``Line`` before it that the
/// test holds, and `HERE` for the directory.
final class Mesh: Sendable {
    let directory: String
    /// The lines that neighbours dial in place of a node, by the name of the node.
    let lines: [String: Line]
    private let daemons = Mutex<[String: Program]>([:])

    static let tributary: String = {
        if let chosen = getenv("TRIBUTARY_PROGRAM") { return String(cString: chosen) }
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &path, path.count - 1)
        let bytes = path.prefix(max(0, length)).map(UInt8.init(bitPattern:))
        let own = String(decoding: bytes, as: UTF8.self)
        return own[..<(own.lastIndex(of: "/") ?? own.startIndex)] + "/tributary"
    }()

    /// Origin, relay and collector in a line; the origin sends `source`.
    static func line(
        source: String = "HERE/source",
        more: String = "flows: {files: {done-when: sent}}"
    ) -> String {
        """
        mesh: line
        nodes:
          origin: {sends: {files: \(source)}}
          relay: {listens: "127.0.0.1:PORT"}
          collector: {listens: "127.0.0.1:PORT", receives: landed}
        links:
          - origin -> relay
          - relay -> collector
        \(more)
        """
    }

    /// Runs a body with a fresh mesh, none of whose nodes runs yet; stops and removes all after it.
    static func with(
        _ topology: String,
        _ body: (Mesh) async throws -> Void
    ) async throws {
        let mesh = try await Mesh(topology)
        do {
            try await body(mesh)
        } catch {
            await mesh.end(keeping: true)
            throw error
        }
        await mesh.end(keeping: false)
    }

    private init(_ topology: String) async throws {
        let place = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(place)/tributary-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure("mkdtemp: errno \(errno)") }
        self.directory = template.withUnsafeBufferPointer {
            $0.baseAddress.map { String(cString: $0) } ?? ""
        }
        var text = topology.replacing("HERE", with: self.directory)
        for port in try Self.freePorts(text.ranges(of: "PORT").count) {
            text.replace("PORT", with: "\(port)", maxReplacements: 1)
        }
        var dialled = text
        var lines: [UInt16: Line] = [:]
        for port in try Self.freePorts(text.ranges(of: "VIA").count) {
            let line = try Line(to: port)
            lines[port] = line
            text.replace("VIA", with: "\(port)", maxReplacements: 1)
            dialled.replace("VIA", with: "\(line.port)", maxReplacements: 1)
        }
        let file = "\(self.directory)/mesh.yaml"
        let homes = "\(self.directory)/mesh"
        try Data(dialled.utf8).write(to: URL(fileURLWithPath: file))
        self.lines = lines.isEmpty ? [:] : try Line.byListener(lines, in: text)
        let made = try await Program.answer(
            Self.tributary,
            ["init", "--topology", file, "--out", homes],
            in: self.directory
        )
        guard made.ending == .exited(0) else { throw Failure("init: \(made.errors)") }
        try Line.place(self.lines.keys.sorted(), of: text, in: homes)
    }

    /// Ports that nobody had when asked: bound all at once, so that they differ.
    private static func freePorts(_ count: Int) throws -> [UInt16] {
        var sockets: [Int32] = []
        defer { for socket in sockets { close(socket) } }
        return try (0..<count).map { _ in
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            sockets.append(descriptor)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = inet_addr("127.0.0.1")
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let result = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, length) == 0 ? getsockname(descriptor, $0, &length) : -1
                }
            }
            guard result == 0 else { throw Failure("no free port: errno \(errno)") }
            return UInt16(bigEndian: address.sin_port)
        }
    }

    func home(_ node: String) -> String { "\(self.directory)/mesh/\(node)" }
    func log(_ node: String) -> String { "\(self.directory)/\(node).log" }
    /// Where files of the origin land.
    var landed: String { "\(self.home("collector"))/landed/origin/files" }

    // MARK: Daemons

    /// Starts nodes and waits until they answer.
    func start(_ nodes: String...) async throws {
        for node in nodes { try self.launch(node) }
        for node in nodes { try await self.waitForAnswer(of: node) }
    }

    /// Starts a node and does not wait for it.
    func launch(_ node: String, under tracer: [String] = []) throws {
        let command = tracer + [Self.tributary, "run", "--home", self.home(node)]
        let daemon = try Program(
            command[0],
            command.dropFirst().map { Array($0.utf8) },
            output: self.log(node),
            errors: self.log(node)
        )
        self.daemons.withLock { $0[node] = daemon }
    }

    func waitForAnswer(of node: String) async throws {
        try await Pace.wait("\(node) answers", within: 60) {
            guard let daemon = self.daemon(node), daemon.isRunning else {
                throw Failure("\(node) ended: \(self.endOfLog(node))")
            }
            return try await self.command(["status", "--home", self.home(node)]).ending
                == .exited(0)
        }
    }

    func daemon(_ node: String) -> Program? { self.daemons.withLock { $0[node] } }

    /// Kills a node without a word, and waits until it is gone.
    func kill(_ node: String) async throws {
        guard let daemon = self.daemon(node) else { throw Failure("\(node) does not run") }
        daemon.signal(SIGKILL)
        let ending = await daemon.ending(within: 10)
        guard ending == .killed(signal: SIGKILL) else {
            throw Failure("\(node) ended by itself: \(ending) \(self.endOfLog(node))")
        }
    }

    /// Asks a node to stop.
    func stop(_ node: String) async -> Ending {
        guard let daemon = self.daemon(node) else { return .overdue }
        daemon.signal(SIGTERM)
        return await daemon.ending(within: 10)
    }

    private func end(keeping: Bool) async {
        let daemons = self.daemons.withLock { $0.values.filter(\.isRunning) }
        for daemon in daemons { daemon.signal(SIGKILL) }
        for daemon in daemons { _ = await daemon.ending(within: 10) }
        for line in self.lines.values { line.end() }
        if !keeping { try? FileManager.default.removeItem(atPath: self.directory) }
    }

    func endOfLog(_ node: String) -> String {
        let bytes = FileManager.default.contents(atPath: self.log(node)) ?? Data()
        return String(decoding: bytes.suffix(3_000), as: UTF8.self)
    }

    // MARK: Commands

    func command(_ arguments: [String], within seconds: Double = 60) async throws -> Answer {
        try await self.command(bytes: arguments.map { Array($0.utf8) }, within: seconds)
    }

    func command(bytes arguments: [[UInt8]], within seconds: Double = 60) async throws -> Answer {
        try await Program.answer(
            Self.tributary,
            bytes: arguments,
            in: self.directory,
            within: seconds
        )
    }

    func send(
        _ paths: String...,
        from node: String = "origin",
        waiting: Bool = false,
        within seconds: Double = 120
    ) async throws -> Answer {
        let wait = waiting ? ["--wait", "landed"] : []
        return try await self.command(
            ["send", "--json", "--home", self.home(node)] + wait + ["--"] + paths,
            within: seconds
        )
    }

    func status(_ node: String) async throws -> StatusReport {
        try await self.command(["status", "--json", "--home", self.home(node)])
            .decode(StatusReport.self)
    }

    func trace(_ what: String, at node: String) async throws -> TraceReport {
        try await self.command(["trace", "--json", "--home", self.home(node), "--", what])
            .decode(TraceReport.self)
    }

    /// What is left to do at a node, in words; empty when it is at rest.
    func unrest(of node: String) async throws -> [String] {
        let status = try await self.status(node)
        var left: [String] = []
        for flow in status.flows {
            if let held = flow.held, held != 0 { left.append("\(node): held \(held)") }
            if let waiting = flow.waiting, waiting != 0 {
                left.append("\(node): waiting \(waiting)")
            }
        }
        for name in ["outbox", "damaged", "quarantined", "offers_waiting", "landings_waiting"] {
            if let count = status.counts[name], count != 0 {
                left.append("\(node): \(name) \(count)")
            }
        }
        return left
    }

    /// Waits until nothing is on its way any more at any of the nodes.
    func rest(_ nodes: [String] = ["origin", "relay", "collector"], within seconds: Double)
        async throws
    {
        var left: [String] = []
        try await Pace.wait("nothing is left to do", within: seconds, every: 0.3) {
            left = []
            for node in nodes { left += try await self.unrest(of: node) }
            return left.isEmpty
        } otherwise: {
            "\(left)"
        }
    }

    /// What the collector counts as landed.
    func landedCount(_ node: String = "collector") async throws -> UInt64 {
        try await self.status(node).flows.first { $0.flow == "files" }?.landed ?? 0
    }
}
