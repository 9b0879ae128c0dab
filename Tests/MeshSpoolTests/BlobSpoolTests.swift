import Foundation
import MeshModel
import MeshSpool
import Testing

/// A spool of one's own, on a real disk.
@Suite struct BlobSpoolTests {
    private let directory = FileManager.default.temporaryDirectory
        .appending(path: "tributary-test-\(UUID().uuidString)")

    private func open(limit: ByteCount = .gibibytes(1)) throws -> BlobSpool {
        let name = try #require(NodeName("own"))
        return try BlobSpool.open(self.directory.path, limit: limit, name: name)
    }

    private static func blob(_ number: UInt8, count: Int = 100_000) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) &+ number }
    }

    @Test func whatWasSyncedIsThereAfterARestart() throws {
        defer { try? FileManager.default.removeItem(at: self.directory) }
        let spool = try self.open()
        let first = try spool.keep(Self.blob(1))
        let second = try spool.keep(Self.blob(2))
        try spool.sync()
        #expect(try spool.keep(Self.blob(1)) == first)
        try spool.sync()
        #expect(spool.count == 2)
        try spool.forget([second], at: UnixMilliseconds(0))
        try spool.close()

        let again = try self.open()
        #expect(try again.bytes(of: first) == Self.blob(1))
        #expect(try again.bytes(of: second) == nil)
        #expect(again.count == 1)
        try again.close()
        #expect(throws: SpoolError.self) { try again.keep(Self.blob(3)) }
    }

    @Test func theRoomOfWhatIsForgottenComesBackAndSnapshotsTellTheRest() throws {
        defer { try? FileManager.default.removeItem(at: self.directory) }
        let spool = try self.open(limit: .mebibytes(64))
        let blobs = try (UInt8(0)..<60).map { try spool.keep(Self.blob($0, count: 500_000)) }
        try spool.sync()
        let full = spool.allocatedBytes
        try spool.forget(Array(blobs.dropLast()), at: UnixMilliseconds(0))
        try spool.sync()
        for _ in 0..<3 { try spool.tidy() }
        #expect(spool.allocatedBytes.rawValue < full.rawValue / 2)
        try spool.close()

        let again = try self.open(limit: .mebibytes(64))
        #expect(again.count == 1)
        #expect(try again.bytes(of: blobs[59]) == Self.blob(59, count: 500_000))
        try again.close()
    }

    @Test func theLimitIsKept() throws {
        defer { try? FileManager.default.removeItem(at: self.directory) }
        let spool = try self.open(limit: .mebibytes(64))
        let error = #expect(throws: SpoolError.self) {
            for number in UInt8(0)..<255 { try spool.keep(Self.blob(number, count: 1 << 20)) }
        }
        #expect(error?.code == .noRoom)
        try spool.close()
    }

    @Test func bytesThatTheDiskHasChangedAreNotGiven() throws {
        defer { try? FileManager.default.removeItem(at: self.directory) }
        let spool = try self.open()
        let id = try spool.keep(Self.blob(1))
        try spool.sync()
        let log = self.directory.appending(path: "log")
        let segment = try #require(
            try FileManager.default.contentsOfDirectory(at: log, includingPropertiesForKeys: nil)
                .first
        )
        let file = try FileHandle(forUpdating: segment)
        try file.seek(toOffset: 60_000)
        try file.write(contentsOf: [0xFF, 0, 0xFF])
        try file.close()
        let error = #expect(throws: SpoolError.self) { try spool.bytes(of: id) }
        #expect(error?.code == .damaged)
        try spool.close()
    }
}
