import ArgumentParser
import Foundation
import Glibc
import MeshCustody
import MeshModel
import MeshNode

/// `tributary demo`: a mesh on this machine, real files across it, and the proof.
struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run a site, a DMZ and headquarters on this machine, and prove what it does.",
        discussion: """
            Three daemons: the site dials the DMZ, headquarters dials the DMZ, nothing dials in. \
            Files of this machine go from the site to headquarters; then every one is compared by \
            SHA-256, the largest is traced, and the DMZ is drained. Exit 0: all of it held.

            Examples:
              tributary demo
              tributary demo /var/tmp/demo --keep
              tributary demo --files 500 --mebibytes 100 --large 50
            """
    )

    @Argument(help: "Where; empty or not there. Without it a directory that is removed afterwards.")
    var directory: String?

    @Flag(help: "Leave the mesh running, and say how to play with it.")
    var keep = false

    @Option(help: "Whose files are sent.")
    var from = "/usr"

    @Option(help: "The most files that are sent of it.")
    var files = 5_000

    @Option(help: "The most MiB that are sent of it.")
    var mebibytes = 1_024

    @Option(help: "How many MB the one large file has.")
    var large = 300

    func validate() throws {
        guard (1...1_000_000).contains(self.files), (1...1_000_000).contains(self.mebibytes),
            (1...1_000_000).contains(self.large)
        else { throw ValidationError("--files, --mebibytes and --large are from 1 to 1000000.") }
    }

    func run() throws {
        let directory = try self.makeDirectory()
        let mesh = DemoMesh(directory: directory)
        let signals = mesh.stopOnSignals()
        defer { withExtendedLifetime(signals) {} }
        do {
            try self.show(mesh)
        } catch {
            Terminal.endProgress()
            mesh.stop()
            for node in DemoMesh.nodes { Self.showEnd(of: mesh.log(node)) }
            Terminal.complain("demo: everything is left in \(directory)")
            throw error
        }
        if self.directory == nil, !self.keep {
            try? FileManager.default.removeItem(atPath: directory)
        }
    }

    private func show(_ mesh: DemoMesh) throws {
        Self.say("Files")
        let files = DemoFiles(
            from: self.from,
            atMost: self.files,
            bytes: Int64(self.mebibytes) << 20,
            largeBytes: Int64(self.large) * 1_000_000
        )
        let free = DemoFiles.freeBytes(at: mesh.directory)
        guard free >= files.bytesNeeded else {
            throw CommandFailure(
                code: "no_room",
                message: "The demo needs \(Wording.bytes(files.bytesNeeded)) in \(mesh.directory), "
                    + "which has \(Wording.bytes(free)).",
                hint: "Name another directory, or send less: --mebibytes 100 --large 50."
            )
        }
        try mesh.make()
        try files.fill(mesh.source) { done in
            let share = Double(done) / Double(files.count)
            Terminal.showProgress("copying: \(done) of \(files.count) files", share: share)
        }
        Terminal.endProgress()
        let count = Wording.count(UInt64(files.count), "file")
        print("\(count), \(Wording.bytes(files.bytes)) in all,")
        print("one of them \(Wording.bytes(files.largeBytes)), the others from \(self.from).")

        Self.say("Three daemons")
        print("site -> dmz <- hq: both ends dial the DMZ, and nothing dials in.\n")
        try mesh.start()
        for node in DemoMesh.nodes {
            let pid = mesh.process(node).map { "\($0)" } ?? "-"
            print("\(node): process \(pid), log \(mesh.log(node))")
        }

        Self.say("Everything from the site to headquarters")
        let begun = Terminal.now
        try self.send(mesh)
        let milliseconds = max(1, Terminal.now.rawValue - begun.rawValue)

        Self.say("The same at both ends")
        try Self.compare(mesh, count: files.count)

        Self.say("Where the largest has been, as headquarters knows it")
        let trace = try mesh.ask("hq", ControlRequest("trace", ["path": .string(DemoFiles.large)]))
        let report = try trace.decode(TraceReport.self)
        print(report.text(at: Terminal.now))
        let signatures = report.parcels.flatMap { $0.events.map(\.signature) }
        guard report.parcels.first?.state == "landed", !signatures.contains("fails") else {
            throw CommandFailure(code: "damaged", message: "The largest file's trace is no proof.")
        }

        Self.say("The DMZ hands on everything, and keeps nothing")
        let value = try mesh.ask("dmz", ControlRequest("drain"))
        let drain = try value.decode(DrainReport.self)
        guard drain.isEmpty else {
            throw CommandFailure(
                code: "failed",
                message: "\(Wording.count(drain.parcels, "parcel")) are left in the DMZ."
            )
        }
        print("Nothing is left in the DMZ: no parcel, no statement, no byte of cache.")

        Self.say("Bytes on each wire, TLS included")
        print(try DemoWires(mesh).text)

        if self.keep {
            Self.sayHowToPlay(mesh)
        } else {
            let fallen = mesh.stop()
            guard fallen.isEmpty else {
                throw CommandFailure(
                    code: "failed",
                    message: "\(fallen.joined(separator: ", ")) did not end as it should."
                )
            }
        }
        Self.say("Done")
        let seconds = Double(milliseconds) / 1_000
        let rate = Double(files.bytes) / 1e6 / seconds
        print(
            "\(Wording.count(UInt64(files.count), "file")), \(Wording.bytes(files.bytes)) over two "
                + "hops in \(Wording.tenths(seconds)) s: "
                + "\(String(format: "%.0f", rate)) MB/s. All of it held."
        )
    }

    // MARK: Steps

    private func send(_ mesh: DemoMesh) throws {
        var meter = ProgressMeter()
        let arguments: [String: JSONValue] = [
            "paths": [.string(mesh.source)], "wait": "landed",
        ]
        let value = try mesh.ask("site", ControlRequest("send", arguments)) { event in
            if let report = try? event.decode(SendReport.self) {
                let text = report.progress(&meter, at: Terminal.now)
                Terminal.showProgress(text, share: report.share)
            }
        }
        Terminal.endProgress()
        let report = try value.decode(SendReport.self)
        print(report.summary(waited: .landed))
        try report.complain(waited: .landed, aboutSkipped: true)
    }

    private static func compare(_ mesh: DemoMesh, count: Int) throws {
        func progress(_ done: Int) {
            let share = Double(done) / Double(2 * count)
            Terminal.showProgress("hashing: \(done) of \(2 * count)", share: share)
        }
        let sent = try DemoFiles.digests(beneath: mesh.source) { progress($0) }
        let landed = try DemoFiles.digests(beneath: mesh.landed) { progress(sent.count + $0) }
        Terminal.endProgress()
        guard sent.count == count, sent == landed else {
            let differs = sent.filter { landed[$0.key] != $0.value }.keys.sorted()
            throw CommandFailure(
                code: "damaged",
                message: "\(differs.count) of \(sent.count) files differ or are missing: "
                    + "\(Wording.some(differs))."
            )
        }
        print("\(Wording.count(UInt64(count), "file")) compared by SHA-256; nothing differs.")
    }

    private func makeDirectory() throws -> String {
        let files = FileManager.default
        guard let directory = self.directory.map({ HomePaths($0).root }) else {
            let name = files.temporaryDirectory.appending(path: "tributary-demo-\(getpid())").path
            try files.createDirectory(atPath: name, withIntermediateDirectories: false)
            return name
        }
        try files.createDirectory(atPath: directory, withIntermediateDirectories: true)
        guard try files.contentsOfDirectory(atPath: directory).isEmpty else {
            throw CommandFailure(
                code: "home_exists",
                message: "\(directory) is not empty.",
                hint: "Name another directory; nothing is overwritten."
            )
        }
        return directory
    }

    // MARK: Words

    private static func say(_ title: String) {
        print("\n== \(title)\n")
        // In a pipe each step is to be seen when it begins.
        fflush(nil)
    }

    private static func sayHowToPlay(_ mesh: DemoMesh) {
        let pids = DemoMesh.nodes.compactMap { mesh.process($0).map { "\($0)" } }
        let program = CommandLine.arguments.first ?? "tributary"
        Self.say("The mesh runs on. Try")
        print(
            """
            cp /etc/hostname \(mesh.source)/.new && mv \(mesh.source)/.new \(mesh.source)/new
            ls \(mesh.landed)
            \(program) trace --home \(mesh.home("hq")) new
            \(program) status --home \(mesh.home("dmz"))
            kill \(mesh.process("hq") ?? 0)    # headquarters goes away: what now comes waits in the DMZ
            \(program) queue list --home \(mesh.home("dmz"))
            \(program) run --home \(mesh.home("hq"))

            End it: kill \(pids.joined(separator: " ")); rm -r \(mesh.directory)
            """
        )
    }

    private static func showEnd(of log: String) {
        guard let text = try? String(contentsOfFile: log, encoding: .utf8) else { return }
        Terminal.complain("-- the end of \(log)")
        for line in text.split(separator: "\n").suffix(10) { Terminal.complain(String(line)) }
    }
}
