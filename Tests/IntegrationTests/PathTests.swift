import Glibc
import MeshCustody
import Testing

extension IntegrationTests {
    @Suite(.serialized)
    struct Paths {
        @Test(.timeLimit(.minutes(5)))
        func oddFilesArriveAsTheyAre() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                let count = try Self.makeFiles(in: source)
                let skipped = try Self.makeOthers(in: source)
                try await mesh.start("origin", "relay", "collector")
                let answer = try await mesh.send(source, waiting: true)
                #expect(answer.ending == .exited(0), "\(answer.errors)")
                let report = try answer.decode(SendReport.self)
                #expect(report.landed == count)
                #expect(Set((report.skipped ?? []).map { "\($0.path): \($0.why)" }) == skipped)

                #expect(try Tree.differences(source, mesh.landed) == [])
                let sparse = try Tree.files(beneath: mesh.landed)[Array("sparse".utf8)]
                let allocated = try #require(sparse).allocated
                #expect(allocated < 4 << 20, "the holes of the sparse file took room")
                try await mesh.rest(within: 20)
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func pathsOnTheCommandLineAreBytes() async throws {
            try await Mesh.with(Mesh.line()) { mesh in
                let source = "\(mesh.directory)/source"
                try Tree.makeDirectory(source)
                let directory = open(source, O_RDONLY)
                defer { close(directory) }
                let name: [UInt8] = Array("not utf-8 ".utf8) + [0xFF, 0xFE]
                try Tree.write([1, 2, 3], to: name, in: directory)
                try await mesh.start("origin", "relay", "collector")
                let path = Array("\(source)/".utf8) + name
                let sent = try await mesh.command(
                    bytes: ["send", "--wait", "landed", "--home", mesh.home("origin")]
                        .map { Array($0.utf8) } + [path]
                )
                #expect(sent.ending == .exited(0), "\(sent.errors)")
                let traced = try await mesh.command(
                    bytes: ["trace", "--json", "--home", mesh.home("origin")]
                        .map { Array($0.utf8) } + [path]
                )
                #expect(try traced.decode(TraceReport.self).parcels.map(\.state) == ["landed"])
                #expect(try Tree.differences(source, mesh.landed) == [])
            }
        }

        @Test(.timeLimit(.minutes(5)))
        func aScanCountsWhatItLeavesAlone() async throws {
            try await Mesh.with(Mesh.line(more: "")) { mesh in
                let source = "\(mesh.directory)/source"
                try Tree.makeDirectory(source)
                _ = try Self.makeOthers(in: source)
                try Tree.write([1], to: "\(source)/file")
                try await mesh.start("origin", "relay", "collector")
                try await Pace.wait("the scan finds the file", within: 30) {
                    try await mesh.landedCount() == 1
                }
                let counts = try await mesh.status("origin").counts
                for reason in ["link", "pipe", "empty_directory"] {
                    #expect(counts["skipped_\(reason)"] == 1, "\(counts)")
                }
            }
        }

        /// Files that are hard to name or to carry; returns how many.
        static func makeFiles(in source: String) throws -> UInt64 {
            try Tree.makeDirectory(source)
            let root = open(source, O_RDONLY | O_DIRECTORY)
            defer { close(root) }
            let names: [[UInt8]] = [
                Array("two  spaces ".utf8), Array("line\nfeed".utf8), [0xFF, 0xFE, 0x80],
                [UInt8](repeating: 0x78, count: 255), Array("-rf".utf8), Array("\\x41".utf8),
                Array("ünï".utf8), Array("*?[a]".utf8), [0x01, 0x7F], Array("..x".utf8),
            ]
            for name in names { try Tree.write(name, to: name, in: root, mode: 0o640) }
            try Tree.write([], to: Array("empty".utf8), in: root, mode: 0o400)
            try Tree.write([7], to: Array("program".utf8), in: root, mode: 0o755)
            try Tree.write([8], to: Array("past".utf8), in: root)
            try Tree.write([9], to: Array("future".utf8), in: root, mode: 0o600)
            for (name, seconds) in [("past", 1), ("future", 4_000_000_000)] {
                let time = timespec(tv_sec: seconds, tv_nsec: 123_456_789)
                _ = utimensat(root, name, [time, time], 0)
            }

            let sparse = openat(root, "sparse", O_WRONLY | O_CREAT, 0o644)
            defer { close(sparse) }
            guard ftruncate(sparse, 256 << 20) == 0, pwrite(sparse, "middle", 6, 100 << 20) == 6
            else { throw Failure("sparse: errno \(errno)") }

            // Deeper than one path can name from the root of the file system.
            var directory = dup(root)
            for _ in 0..<200 {
                mkdirat(directory, "a-level-of-it", 0o755)
                let next = openat(directory, "a-level-of-it", O_RDONLY | O_DIRECTORY)
                close(directory)
                directory = next
            }
            defer { close(directory) }
            try Tree.write([10], to: Array("deep".utf8), in: directory)
            return UInt64(names.count) + 6
        }

        /// Things that are no files; returns what a report says of them.
        static func makeOthers(in source: String) throws -> Set<String> {
            var skipped: Set = ["link: link", "pipe: pipe", "hollow: empty_directory"]
            symlink("empty", "\(source)/link")
            mkfifo("\(source)/pipe", 0o600)
            mkdir("\(source)/hollow", 0o755)
            if mknod("\(source)/device", S_IFCHR | 0o600, 0x103) == 0 {
                skipped.insert("device: device")
            }
            if mknod("\(source)/socket", S_IFSOCK | 0o600, 0) == 0 {
                skipped.insert("socket: socket")
            }
            return skipped
        }
    }
}
