import Foundation
import Glibc
import MeshFiles
import MeshModel
import Synchronization
import Testing

@Suite struct LandingRootTests {
    private let scratch: Scratch
    private let root: LandingRoot
    private let steps = Steps()

    private final class Steps: Sendable {
        let all = Mutex<[LandingStep]>([])
    }

    init() throws {
        self.scratch = try Scratch()
        let steps = self.steps
        self.root = try LandingRoot(path: self.scratch.path) { step in
            steps.all.withLock { $0.append(step) }
        }
    }

    private static func path(_ text: String) throws -> PathBytes { try #require(PathBytes(text)) }

    private func takeSteps() -> [LandingStep] {
        self.steps.all.withLock { all in
            defer { all = [] }
            return all
        }
    }

    /// Lands a file as the engine does, all but the records.
    @discardableResult
    private func land(_ bytes: [UInt8], at name: String, mode: UInt16 = 0o644) throws
        -> FileIdentity
    {
        let final = try Self.path(name)
        let file = try self.root.begin(final, tag: "t1")
        try bytes.withUnsafeBytes { try file.write($0) }
        try file.finish(mode: mode, modifiedNanoseconds: 1_234_567_890, size: Int64(bytes.count))
        try file.sync()
        file.close()
        try self.root.rename(temporary: file.temporary, to: final)
        try self.root.syncDirectory(of: final)
        return file.identity
    }

    private func expect(_ code: FilesError.Code, _ body: () throws -> Void) {
        let error = #expect(throws: FilesError.self) { try body() }
        #expect(error?.code == code)
    }

    @Test func filesAreSyncedTogetherOrSayThatTheyAreNot() throws {
        let files = try (0..<40).map { number in
            let file = try self.root.begin(Self.path("o/f/\(number)"), tag: "t\(number)")
            try [UInt8(number)].withUnsafeBytes { try file.write($0) }
            try file.finish(mode: 0o644, modifiedNanoseconds: 1, size: 1)
            return file
        }
        defer { for file in files { file.close() } }
        _ = self.takeSteps()
        let isDone = try LandingFile.sync(together: files)
        // Each file counts as durable, or none does and each is to be synced.
        let expected = isDone ? files.map { LandingStep.syncedFile($0.temporary) } : []
        #expect(self.takeSteps() == expected)
        #expect(try !LandingFile.sync(together: []))
    }

    @Test func aFileLandsInDurableSteps() throws {
        let temporary = try Self.path("o/f/.tributary-t1.part")
        let final = try Self.path("o/f/a.bin")
        try self.land([1, 2, 3], at: "o/f/a.bin")
        #expect(try self.scratch.read("o/f/a.bin") == [1, 2, 3])
        #expect(
            self.takeSteps() == [
                .madeDirectory(try Self.path("o")), .madeDirectory(try Self.path("o/f")),
                .wrote(temporary), .syncedFile(temporary), .renamed(temporary, to: final),
                .syncedDirectory(of: final),
            ]
        )
        try self.land([4], at: "o/f/b.bin")
        #expect(!self.takeSteps().contains(.madeDirectory(try Self.path("o"))))
    }

    @Test func modeAndTimeAreKeptButNoRightsBeyondReadingWritingRunning() throws {
        try self.land([1], at: "a", mode: 0o6750)
        var info = stat()
        #expect(stat(self.scratch("a"), &info) == 0)
        #expect(info.st_mode & 0o7777 == 0o750)
        #expect(info.st_mtim.tv_sec == 1)
        #expect(info.st_mtim.tv_nsec == 234_567_890)
    }

    @Test func aFileIsOnlyOursUntilItLands() throws {
        let file = try self.root.begin(try Self.path("a"), tag: "x")
        var info = stat()
        #expect(stat(self.scratch(".tributary-x.part"), &info) == 0)
        #expect(info.st_mode & 0o777 == 0o600)
        #expect(file.inode == UInt64(info.st_ino))
        #expect(try self.scratch.names() == [".tributary-x.part"])
    }

    @Test func skippedZerosLandAsAHole() throws {
        let final = try Self.path("sparse")
        let file = try self.root.begin(final, tag: "x")
        try file.skip(4 << 20)
        try [UInt8](repeating: 7, count: 10).withUnsafeBytes { try file.write($0) }
        try file.skip(4 << 20)
        try file.finish(mode: 0o600, modifiedNanoseconds: 0, size: (8 << 20) + 10)
        try file.sync()
        try self.root.rename(temporary: file.temporary, to: final)
        let bytes = try self.scratch.read("sparse")
        #expect(bytes.count == (8 << 20) + 10)
        #expect(bytes.filter { $0 != 0 } == [UInt8](repeating: 7, count: 10))
        var info = stat()
        #expect(stat(self.scratch("sparse"), &info) == 0)
        #expect(info.st_blocks * 512 < 1 << 20)
    }

    @Test func aFileOfAnotherSizeIsNotFinished() throws {
        let file = try self.root.begin(try Self.path("a"), tag: "x")
        try file.skip(3)
        for size: Int64 in [0, 2, 4] {
            self.expect(.sizeDiffers) {
                try file.finish(mode: 0o600, modifiedNanoseconds: 0, size: size)
            }
        }
        try file.finish(mode: 0o600, modifiedNanoseconds: 0, size: 3)
    }

    @Test func whateverFileHadTheNameIsReplaced() throws {
        try self.scratch.write([9], to: "a")
        try self.scratch.write([9], to: "elsewhere")
        try self.scratch.link("link", to: "elsewhere")
        let identity = try self.land([1], at: "a")
        try self.land([2], at: "link")
        #expect(try self.scratch.read("a") == [1])
        #expect(try self.scratch.read("link") == [2])
        #expect(try self.scratch.read("elsewhere") == [9])
        let found = try #require(try self.root.look(try Self.path("a")))
        #expect(FileIdentity(device: found.device, inode: found.inode) == identity)
        #expect(found.size == 1)
    }

    @Test func nothingLandsThroughALinkOrOverADirectory() throws {
        let outside = try Scratch()
        try self.scratch.link("way", to: outside.path)
        try self.scratch.link("dangling", to: outside("nothing"))
        try self.scratch.make("directory")
        try self.scratch.write([], to: "file")
        for name in ["way/a", "way/b/a", "dangling/a", "directory", "file/a", "file/b/c"] {
            let path = try Self.path(name)
            self.expect(.pathRefused) { _ = try self.root.begin(path, tag: "x") }
        }
        #expect(try outside.names() == [])
        #expect(try self.scratch.names() == ["dangling", "directory", "file", "way"])
    }

    @Test func aDirectoryThatTookTheNameMeanwhileIsRefused() throws {
        let final = try Self.path("a")
        let file = try self.root.begin(final, tag: "x")
        try self.scratch.make("a")
        self.expect(.pathRefused) { try self.root.rename(temporary: file.temporary, to: final) }
        #expect(self.root.remove(file.temporary))
        #expect(try self.scratch.names() == ["a"])
    }

    @Test func ourOwnNamesCannotBeLandedOn() throws {
        for name in [".tributary-x.part", "a/.tributary-b", ".tributary-d/a"] {
            let path = try Self.path(name)
            self.expect(.pathRefused) { _ = try self.root.begin(path, tag: "x") }
        }
    }

    @Test func theLongestTagMakesAName() throws {
        let tag = String(repeating: "t", count: LandingRoot.tagByteCountMax)
        let file = try self.root.begin(try Self.path("a"), tag: tag)
        #expect(file.temporary.bytes.count == 255)
        self.root.remove(file.temporary)
        let deep = Array(repeating: String(repeating: "d", count: 200), count: 20)
        let path = try Self.path((deep + ["a"]).joined(separator: "/"))
        self.expect(.pathRefused) { _ = try self.root.begin(path, tag: tag) }
    }

    @Test func whatAnEarlierAttemptLeftIsReplaced() throws {
        try self.scratch.write([1, 2, 3, 4], to: "d/.tributary-t1.part")
        try self.land([5], at: "d/a")
        #expect(try self.scratch.read("d/a") == [5])
        #expect(try self.scratch.names(in: "d") == ["a"])
    }

    @Test func aMissingRootIsSaidSoAndNeverMade() throws {
        let path = try Self.path("a")
        let gone = try LandingRoot(path: self.scratch("gone"))
        self.expect(.landingMissing) { _ = try gone.begin(path, tag: "x") }
        self.expect(.landingMissing) { _ = try gone.look(path) }
        self.expect(.landingMissing) { _ = try gone.freeBytes() }
        self.expect(.landingMissing) { try gone.temporaries { _ in } }
        #expect(!gone.remove(try Self.path(".tributary-x.part")))
        #expect(try self.scratch.names() == [])
    }

    @Test func onlyARegularFileIsFound() throws {
        try self.scratch.make("d")
        try self.scratch.link("link", to: "d")
        for name in ["none", "none/a", "d", "link", "link/a"] {
            #expect(try self.root.look(try Self.path(name)) == nil, "\(name)")
        }
    }

    @Test func temporariesAreFoundAndRemoved() throws {
        let names = [".tributary-1.part", "a/b/.tributary-2.part"]
        for name in names + ["a/c", ".tributary-other"] { try self.scratch.write([], to: name) }
        var found: [PathBytes] = []
        try self.root.temporaries { found.append($0) }
        #expect(found.map(\.description).sorted() == names)
        #expect(found.allSatisfy { self.root.remove($0) })
        #expect(found.allSatisfy { self.root.remove($0) })
        #expect(try self.scratch.names() == [".tributary-other", "a"])
    }

    @Test func aMissingTemporaryCannotBeNamed() throws {
        self.expect(.fileMissing) {
            try self.root.rename(
                temporary: try Self.path(".tributary-x.part"),
                to: try Self.path("a")
            )
        }
    }

    @Test func freeRoomIsKnown() throws {
        #expect(try self.root.freeBytes() > 0)
    }

    @Test func whatNoFileSystemHoldsIsTooLarge() throws {
        let file = try self.root.begin(try Self.path("a"), tag: "x")
        try file.skip(Int64.max - 10)
        self.expect(.tooLarge) {
            try [UInt8](repeating: 1, count: 5).withUnsafeBytes { try file.write($0) }
        }
    }
}
