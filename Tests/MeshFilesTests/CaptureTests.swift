import Foundation
import Glibc
import MeshContent
import MeshFiles
import MeshModel
import Testing

@Suite struct CaptureTests {
    private let scratch: Scratch
    private let root: SourceRoot
    private let capture = Capture(profile: .thinLine)

    init() throws {
        self.scratch = try Scratch()
        self.root = try SourceRoot(path: self.scratch.path)
    }

    private func open(_ name: String) throws -> SourceFile {
        try self.root.open(#require(PathBytes(name)))
    }

    private struct Result: Equatable {
        var captured: Captured
        var entries: [Entry] = []
        var plain: [UInt8] = []
    }

    private func run(
        _ name: String,
        digest: DigestAlgorithm = .sha256,
        resumingAfter prefix: [Entry] = [],
        beforeEach: (UInt64) throws -> Void = { _ in }
    ) throws -> Result {
        let decoder = BlobDecoder()
        var entries: [Entry] = []
        var plain: [UInt8] = []
        let file = try self.open(name)
        let captured = try self.capture.run(file, digest: digest, resumingAfter: prefix) {
            try beforeEach($0)
            #expect($0 == UInt64(prefix.count + entries.count))
            entries.append($1)
            let entry = $1
            try ($2?.bytes ?? []).withUnsafeBytes { stored in
                try decoder.decode(entry, stored: stored) { plain.append(contentsOf: $0) }
            }
        }
        return Result(captured: captured, entries: entries, plain: plain)
    }

    @Test(arguments: [0, 1, 16 << 10, 128 << 10, (128 << 10) + 1, 700_001])
    func theEntriesGiveTheFileBack(count: Int) throws {
        let bytes = noise(count)
        try self.scratch.write(bytes, to: "f")
        let result = try self.run("f")
        #expect(result.plain == bytes)
        #expect(result.captured.size == Int64(count))
        #expect(result.captured.digest == .sha256(context: "", bytes))
        #expect(result.captured.entryCount == UInt64(result.entries.count))
        #expect(result.captured.stamp == (try self.open("f").stamp()))
        #expect(count > 0 || result.entries.isEmpty)
    }

    @Test func aCaptureCanGoOnAfterEveryEntry() throws {
        let text = Array(repeatElement("pieces that shrink, ", count: 9_000).joined().utf8)
        let bytes = noise(200_000) + [UInt8](repeating: 0, count: 400_000) + text
        try self.scratch.write(bytes, to: "f")
        let whole = try self.run("f")
        #expect(whole.entries.contains { $0.isHole })
        #expect(whole.entries.contains { $0.flags == .zstd })
        for count in 0...whole.entries.count {
            let prefix = Array(whole.entries.prefix(count))
            let rest = try self.run("f", resumingAfter: prefix)
            #expect(prefix + rest.entries == whole.entries)
            #expect(rest.captured == whole.captured)
        }
    }

    @Test func everyBlobCanBeMadeAgainUntilItsPieceChanges() throws {
        let text = Array(repeatElement("pieces that shrink, ", count: 9_000).joined().utf8)
        let bytes = noise(200_000) + text + noise(100_000)
        try self.scratch.write(bytes, to: "f")
        var made: [(entry: Entry, blob: [UInt8], offset: Int64)] = []
        var offset: Int64 = 0
        _ = try self.capture.run(try self.open("f")) { _, entry, blob in
            if let blob { made.append((entry, blob.bytes, offset)) }
            offset += Int64(entry.plainLength)
        }
        #expect(Set(made.map(\.entry.flags)) == [[], .zstd])
        let path = try #require(PathBytes("f"))
        func again() -> SourceBlobs {
            SourceBlobs(root: self.root, path: path, profile: .thinLine)
        }
        let blobs = again()
        for one in made.shuffled() {
            #expect(try blobs.read(one.entry, at: one.offset) == one.blob)
        }
        // Every byte counts, and where it is.
        let second = made[1]
        self.expectChanged { _ = try blobs.read(second.entry, at: second.offset + 1) }
        var changed = bytes
        for one in made { changed[Int(one.offset) + Int(one.entry.plainLength) - 1] ^= 1 }
        try self.scratch.write(changed, to: "f")
        for one in made { self.expectChanged { _ = try again().read(one.entry, at: one.offset) } }
        try self.scratch.write(Array(bytes.dropLast()), to: "f")
        let last = try #require(made.last)
        self.expectChanged { _ = try again().read(last.entry, at: last.offset) }
        try FileManager.default.removeItem(atPath: self.scratch("f"))
        let error = #expect(throws: FilesError.self) {
            _ = try again().read(second.entry, at: second.offset)
        }
        #expect(error?.code == .fileMissing)
    }

    @Test func anotherFileDoesNotFitAnOldPrefix() throws {
        var bytes = noise(300_000)
        try self.scratch.write(bytes, to: "f")
        let prefix = Array(try self.run("f").entries.prefix(3))
        bytes[10_000] ^= 1
        try self.scratch.write(bytes, to: "f")
        self.expectChanged { _ = try self.run("f", resumingAfter: prefix) }
        try self.scratch.write(Array(noise(300_000).prefix(40_000)), to: "f")
        self.expectChanged { _ = try self.run("f", resumingAfter: prefix) }
        self.expectChanged { _ = try self.run("f", resumingAfter: [.hole(1 << 20)]) }
    }

    private func expectChanged(_ body: () throws -> Void) {
        let error = #expect(throws: FilesError.self) { try body() }
        #expect(error?.code == .sourceChanged)
    }

    @Test func aFileThatGrowsShrinksOrIsRewrittenMeanwhileIsNoCapture() throws {
        for (index, change) in [
            { try self.append([1], to: "0") },
            { #expect(truncate(self.scratch("1"), 100_000) == 0) },
            { #expect(truncate(self.scratch("2"), 0) == 0) },
            { try self.append([], to: "3") },
        ].enumerated() as EnumeratedSequence<[() throws -> Void]> {
            try self.scratch.write(noise(2_000_000), to: "\(index)")
            self.expectChanged {
                _ = try self.run("\(index)") { if $0 == 1 { try change() } }
            }
        }
    }

    private func append(_ bytes: [UInt8], to name: String) throws {
        let handle = try #require(FileHandle(forUpdatingAtPath: self.scratch(name)))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(bytes))
        // Also where nothing was written the time of change must not be the old one.
        #expect(utimes(self.scratch(name), nil) == 0)
        try handle.close()
    }

    @Test func theEmittersErrorEndsTheCapture() throws {
        struct Full: Error {}
        try self.scratch.write(noise(300_000), to: "f")
        #expect(throws: Full.self) { _ = try self.run("f") { if $0 == 2 { throw Full() } } }
    }

    /// (offset, bytes of data there) in a file of zeros; the size last.
    @Test(
        arguments: [
            ([], 0), ([], 1), ([], 5_000_000),
            ([(0, 1)], 3_000_000), ([(2_999_999, 1)], 3_000_000),
            ([(1_000_000, 300_000)], 3_000_000), ([(131_072, 4_096), (1_200_000, 9)], 1_300_000),
            ([(0, 150_000), (700_000, 150_000), (2_000_000, 1)], 2_100_000),
        ] as [([(Int, Int)], Int)]
    )
    func aSparseFileIsCutAsIfItsZerosWereThere(data: [(Int, Int)], size: Int) throws {
        var bytes = [UInt8](repeating: 0, count: size)
        let number = Glibc.open(self.scratch("sparse"), O_CREAT | O_WRONLY, 0o600)
        for (offset, count) in data {
            let part = noise(count, seed: UInt64(offset))
            bytes.replaceSubrange(offset..<offset + count, with: part)
            #expect(pwrite(number, part, count, off_t(offset)) == count)
        }
        #expect(ftruncate(number, off_t(size)) == 0)
        close(number)
        try self.scratch.write(bytes, to: "dense")
        let sparse = try self.run("sparse")
        let dense = try self.run("dense")
        #expect(sparse.entries == dense.entries)
        #expect(sparse.captured.size == Int64(size))
        #expect(sparse.captured.digest == dense.captured.digest)
        let tree = try self.run("dense", digest: .tree).captured.digest
        #expect(tree != dense.captured.digest)
        for count in stride(from: 1, through: sparse.entries.count, by: 3) {
            let prefix = Array(sparse.entries.prefix(count))
            let rest = try self.run("sparse", resumingAfter: prefix)
            #expect(rest.captured.digest == dense.captured.digest)
            let again = try self.run("sparse", digest: .tree, resumingAfter: prefix)
            #expect(again.captured.digest == tree)
        }
    }

    @Test func aSmallFileIsReadWhole() throws {
        for count in [0, 1, Limits.smallPlainBytesMax] {
            let bytes = noise(count)
            try self.scratch.write(bytes, to: "f")
            let (content, captured) = try Capture.readSmall(try self.open("f"))
            #expect(content == bytes)
            #expect(captured.digest == .sha256(context: "", bytes))
            #expect(captured.size == Int64(count))
            #expect(captured.entryCount == 0)
        }
        try self.scratch.write(noise(Limits.smallPlainBytesMax + 1), to: "f")
        let error = #expect(throws: FilesError.self) {
            _ = try Capture.readSmall(try self.open("f"))
        }
        #expect(error?.code == .tooLarge)
    }

    @Test func aFileBeyondTheLimitIsRefusedBeforeAnythingIsRead() throws {
        let number = Glibc.open(self.scratch("f"), O_CREAT | O_WRONLY, 0o600)
        let isMade = ftruncate(number, off_t(Limits.fileBytesMax) + 1) == 0
        close(number)
        guard isMade else { return }  // This file system knows no such files.
        let error = #expect(throws: FilesError.self) { _ = try self.run("f") }
        #expect(error?.code == .tooLarge)
    }
}
