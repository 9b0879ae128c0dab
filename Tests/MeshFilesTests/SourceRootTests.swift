import Foundation
import Glibc
import MeshFiles
import MeshModel
import Testing

@Suite struct SourceRootTests {
    private let scratch: Scratch
    private let root: SourceRoot

    init() throws {
        self.scratch = try Scratch()
        self.root = try SourceRoot(path: self.scratch.path)
    }

    private func walk() throws -> (files: [String: SeenFile], report: WalkReport) {
        var files: [String: SeenFile] = [:]
        let report = try self.root.walk { files[$0.path.description] = $0 }
        #expect(files.count == report.files)
        return (files, report)
    }

    @Test func everyRegularFileIsSeenWithItsStamp() throws {
        try self.scratch.write([1, 2, 3], to: "a")
        try self.scratch.write([], to: "deep/er/empty.txt")
        try self.scratch.write(noise(5_000), to: "deep/b")
        #expect(chmod(self.scratch("a"), 0o640) == 0)
        let (files, report) = try self.walk()
        #expect(files.keys.sorted() == ["a", "deep/b", "deep/er/empty.txt"])
        #expect(files["a"]?.mode == 0o640)
        #expect(files["deep/b"]?.stamp.size == 5_000)
        #expect(report.bytes == 5_003)
        #expect(report.skipped.isEmpty)
        let path = try #require(PathBytes("deep/b"))
        #expect(try self.root.open(path).stamp() == files["deep/b"]?.stamp)
    }

    @Test func whatIsNotARegularFileIsCountedAndListed() throws {
        try self.scratch.write([1], to: "file")
        try self.scratch.make("empty")
        try self.scratch.link("link", to: "file")
        try self.scratch.link("elsewhere", to: "/etc")
        #expect(mkfifo(self.scratch("pipe"), 0o600) == 0)
        try Self.bindSocket(at: self.scratch("socket"))
        let (files, report) = try self.walk()
        #expect(files.keys.sorted() == ["file"])
        #expect(report.skipped == [.emptyDirectory: 1, .link: 2, .pipe: 1, .socket: 1])
        let example = report.examples.first { $0.reason == .emptyDirectory }
        #expect(example?.path == Array("empty".utf8))
    }

    private static func bindSocket(at path: String) throws {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(number) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(107)) }
        let result = withUnsafeBytes(of: &address) { bytes in
            bind(
                number,
                bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self),
                socklen_t(bytes.count)
            )
        }
        try #require(result == 0)
    }

    @Test func ourOwnTemporaryFilesAreNotSeen() throws {
        try self.scratch.write([1], to: "x/.tributary-1.part")
        try self.scratch.write([1], to: ".tributary-home/file")
        let (files, report) = try self.walk()
        #expect(files.isEmpty)
        #expect(report.skipped.isEmpty)
    }

    @Test func namesAreBytesNotText() throws {
        let name: [UInt8] = [0xFF, 0x20, 0x0A, 0xC3]
        let full = Array("\(self.scratch.path)/".utf8) + name + [0]
        let number = open(full.map(CChar.init(bitPattern:)), O_CREAT | O_WRONLY, 0o600)
        close(number)
        var seen: [PathBytes] = []
        _ = try self.root.walk { seen.append($0.path) }
        #expect(seen.map(\.bytes) == [name])
        #expect(try self.root.open(#require(PathBytes(name))).stamp().size == 0)
    }

    /// Deeper than the longest path, and than there may be open files.
    @Test func aTreeDeeperThanAnyPathIsWalkedAsFarAsNamesReach() throws {
        let component = String(repeating: "d", count: 200)
        var directory = open(self.scratch.path, O_RDONLY | O_DIRECTORY)
        for _ in 0..<30 {
            #expect(mkdirat(directory, component, 0o700) == 0)
            let next = openat(directory, component, O_RDONLY | O_DIRECTORY)
            close(openat(directory, "file", O_CREAT | O_WRONLY, 0o600))
            close(directory)
            directory = next
        }
        close(directory)
        let (files, report) = try self.walk()
        // 4,095 bytes hold 20 components of 201 bytes and a name.
        #expect(files.count == 21)
        #expect(report.skipped == [.unnameable: 1])
    }

    @Test func aMissingRootIsNotAnEmptySource() throws {
        let gone = try SourceRoot(path: self.scratch("gone"))
        let error = #expect(throws: FilesError.self) { try gone.walk { _ in } }
        #expect(error?.code == .sourceMissing)
        #expect(error?.hint != nil)
        let path = try #require(PathBytes("a"))
        #expect(throws: FilesError.self) { try gone.open(path) }
        try self.scratch.write([], to: "file")
        let file = try SourceRoot(path: self.scratch("file"))
        #expect(throws: FilesError.self) { try file.walk { _ in } }
        #expect(throws: FilesError.self) { try SourceRoot(path: "") }
        #expect(throws: FilesError.self) { try SourceRoot(path: "/x\0") }
    }

    @Test func aRootThatGoesDuringALookIsMissingAndItsFilesAreNotGone() throws {
        for name in ["one/file", "two/file"] { try self.scratch.write([1], to: name) }
        let paths = try ["one/file", "two/file"].map { try #require(PathBytes($0)) }
        var seen: [PathBytes: Bool] = [:]
        let error = #expect(throws: FilesError.self) {
            try self.root.look(at: paths) { path, sight in
                seen[path] = sight != nil
                rename(self.scratch.path, "\(self.scratch.path)-away")
            }
        }
        rename("\(self.scratch.path)-away", self.scratch.path)
        #expect(error?.code == .sourceMissing)
        #expect(seen == [paths[0]: true])
    }

    @Test(.disabled(if: Scratch.isRoot, "root may read everything"))
    func anUnreadableDirectoryIsCountedAndTheRestSeen() throws {
        try self.scratch.write([1], to: "closed/file")
        try self.scratch.write([1], to: "open/file")
        #expect(chmod(self.scratch("closed"), 0) == 0)
        defer { chmod(self.scratch("closed"), 0o700) }
        let (files, report) = try self.walk()
        #expect(files.keys.sorted() == ["open/file"])
        #expect(report.skipped == [.unreadable: 1])
    }

    @Test func markersAreSeenBesideTheirFilesAndNotAsFiles() throws {
        for name in ["a", "a.ok", "d/b", "d/c.ok", ".ok"] { try self.scratch.write([1], to: name) }
        try self.scratch.make("d/b.ok")
        var marked: [String: Bool] = [:]
        let report = try self.root.survey(markedBy: Array(".ok".utf8)) {
            marked[$0.file.path.description] = $0.isMarked
        }
        #expect(marked == ["a": true, "d/b": false])
        #expect(report.files == 2)
        marked = [:]
        try self.root.look(
            at: ["a", "a.ok", "d/b", "no", "d"].compactMap { PathBytes($0) },
            markedBy: Array(".ok".utf8)
        ) { path, sight in
            if let sight { marked[path.description] = sight.isMarked }
        }
        #expect(marked == ["a": true, "d/b": false])
    }

    @Test func anEmptyRootOnAnotherDeviceIsNotMounted() throws {
        let report = try self.root.survey { _ in }
        #expect(report.isEmpty)
        #expect(try self.root.survey(lastOn: report.device) { _ in }.isEmpty)
        let error = #expect(throws: FilesError.self) {
            try self.root.survey(lastOn: report.device + 1) { _ in }
        }
        #expect(error?.code == .sourceMissing)
        try self.root.checkIsMounted(lastOn: report.device)
        let same = #expect(throws: FilesError.self) {
            try self.root.checkIsMounted(lastOn: report.device + 1)
        }
        #expect(same?.code == .sourceMissing)
        // Whatever it holds now is there.
        try self.scratch.make("directory")
        #expect(try !self.root.survey(lastOn: report.device + 1) { _ in }.isEmpty)
        try self.root.checkIsMounted(lastOn: report.device + 1)
        try self.scratch.write([], to: "directory/file")
        try self.root.checkIsMounted(lastOn: report.device + 1)
    }

    @Test func aVisitorsErrorEndsTheWalk() throws {
        struct Enough: Error {}
        for index in 0..<5 { try self.scratch.write([], to: "d/\(index)") }
        var count = 0
        #expect(throws: Enough.self) {
            try self.root.walk { _ in
                count += 1
                if count == 3 { throw Enough() }
            }
        }
        #expect(count == 3)
    }

    @Test func nothingIsOpenedThroughALink() throws {
        let directory = SourceDirectory(of: self.root)
        try self.scratch.write([1], to: "real/file")
        try self.scratch.link("way", to: "real")
        try self.scratch.link("real/link", to: "file")
        try self.scratch.make("directory")
        #expect(mkfifo(self.scratch("pipe"), 0o600) == 0)
        for (name, code) in [
            ("way/file", .pathRefused), ("real/link", .pathRefused), ("nothing", .fileMissing),
            ("nothing/at/all", .fileMissing), ("real/file/more", .pathRefused),
            ("directory", .notRegular), ("pipe", .notRegular),
        ] as [(String, FilesError.Code)] {
            let path = try #require(PathBytes(name))
            let error = #expect(throws: FilesError.self, "\(name)") { try self.root.open(path) }
            #expect(error?.code == code, "\(name)")
            let beside = #expect(throws: FilesError.self, "\(name)") { try directory.open(path) }
            #expect(beside?.code == code, "\(name)")
        }
        let path = try #require(PathBytes("real/file"))
        #expect(try self.root.open(path).stamp().size == 1)
        #expect(try directory.open(path).stamp().size == 1)
    }

    @Test func filesOfManyDirectoriesAreOpenedOneAfterTheOther() throws {
        let names = ["a", "one/a", "one/b", "two/b", "one/c", "b"]
        for (size, name) in names.enumerated() {
            try self.scratch.write(noise(size), to: name)
        }
        let directory = SourceDirectory(of: self.root)
        for (size, name) in names.enumerated() {
            let path = try #require(PathBytes(name))
            #expect(try directory.open(path).stamp().size == Int64(size), "\(name)")
        }
        let gone = SourceDirectory(of: try SourceRoot(path: self.scratch("nothing")))
        let path = try #require(PathBytes("one/a"))
        let error = #expect(throws: FilesError.self) { try gone.open(path) }
        #expect(error?.code == .sourceMissing)
    }
}
