import Crypto
import MeshModel

/// What outlives segments, in a file: the index's rows and the position that they stand for.
///
///     `TRISNAP1`, then per row: length u32 and bytes; then u32 0xffffffff, segment u32,
///     offset u64, rows u64, and SHA-256 of everything before it. Numbers are big-endian.
struct SnapshotFile: Sendable {
    /// Counts up by one.
    var number: UInt64
    /// What the rows stand for.
    var position: LogPosition
    /// Bytes.
    var size: UInt64

    /// The longest row, in bytes.
    static let rowBytesMax = 16 << 20
    private static let magic = Array("TRISNAP1".utf8)
    private static let endOfRows = UInt32.max
    /// The end mark, the position, the count of rows and the digest.
    private static let trailerBytes = 4 + 4 + 8 + 8 + Digest.byteCount
    private static let bufferBytes = 1 << 20

    /// The numbers of the snapshots in a directory, lowest first.
    static func list(_ files: SegmentFiles) throws -> [UInt64] {
        try files.disk.list(files.snapshots).compactMap { UInt64($0) }.sorted()
    }

    static func path(_ files: SegmentFiles, _ number: UInt64) -> String {
        "\(files.snapshots)/\(number)"
    }

    /// Writes a snapshot: durable, read back and verified before it has its name.
    static func write(_ number: UInt64, of index: any LogIndex, _ files: SegmentFiles) throws
        -> Self
    {
        let disk = files.disk
        let part = Self.path(files, number) + ".part"
        // What a crash left of an earlier attempt.
        do { try disk.unlink(part) } catch let error as DiskError where error.isMissing {}
        let writer = SnapshotWriter(try disk.create(part))
        try writer.append(Self.magic)
        var rows: UInt64 = 0
        let position = try index.exportRows { row in
            guard row.count <= Self.rowBytesMax else { throw SpoolError.recordTooLong(row.count) }
            var length: [UInt8] = []
            length.append(bigEndian: UInt32(row.count))
            try writer.append(length)
            try writer.append(row)
            rows += 1
        }
        var trailer: [UInt8] = []
        trailer.append(bigEndian: Self.endOfRows)
        trailer.append(bigEndian: position.segment.rawValue)
        trailer.append(bigEndian: position.offset)
        trailer.append(bigEndian: rows)
        try writer.append(trailer)
        try writer.finish()
        try writer.file.syncAll()
        try writer.file.forgetCached()
        // Segments will be removed because this file stands for them: believe the device only.
        guard let written = try Self.verify(writer.file, number: number),
            written.position == position
        else { throw SpoolError.snapshotUnreadable(number) }
        try disk.rename(part, to: Self.path(files, number))
        try disk.syncDirectory(files.snapshots)
        return written
    }

    /// Checks a snapshot from end to end; `nil` if anything does not fit.
    static func verify(_ file: any DiskFile, number: UInt64) throws -> Self? {
        let size = try file.size()
        guard size >= UInt64(Self.magic.count + Self.trailerBytes) else { return nil }
        var hash = SHA256()
        var trailer: [UInt8] = []
        let hashed = size - UInt64(Digest.byteCount)
        var offset: UInt64 = 0
        while offset < hashed {
            let count = Int(min(UInt64(Self.bufferBytes), hashed - offset))
            guard let bytes = try Self.read(file, at: offset, count: count) else { return nil }
            if offset == 0, !bytes.starts(with: Self.magic) { return nil }
            bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
            offset += UInt64(count)
        }
        trailer =
            try Self.read(
                file,
                at: size - UInt64(Self.trailerBytes),
                count: Self.trailerBytes
            ) ?? []
        guard trailer.count == Self.trailerBytes,
            Digest(trailer.suffix(Digest.byteCount)) == Digest(hash.finalize())
        else { return nil }
        return trailer.withUnsafeBytes { bytes in
            guard bytes.loadBigEndian(UInt32.self, at: 0) == Self.endOfRows else { return nil }
            let position = LogPosition(
                segment: SegmentNumber(bytes.loadBigEndian(UInt32.self, at: 4)),
                offset: bytes.loadBigEndian(UInt64.self, at: 8)
            )
            return Self(number: number, position: position, size: size)
        }
    }

    /// Lends the rows of a verified snapshot, one a call, then `nil`.
    static func rows(of file: any DiskFile) -> () throws -> [UInt8]? {
        var offset = UInt64(Self.magic.count)
        var buffer: [UInt8] = []
        var bufferStart: UInt64 = 0
        func take(_ count: Int) throws -> [UInt8] {
            let have = bufferStart + UInt64(buffer.count)
            if offset + UInt64(count) > have {
                bufferStart = offset
                buffer = try Self.readUpTo(file, at: offset, count: max(Self.bufferBytes, count))
            }
            let start = Int(offset - bufferStart)
            guard start + count <= buffer.count else { throw SpoolError.snapshotUnreadable(0) }
            offset += UInt64(count)
            return Array(buffer[start..<start + count])
        }
        return {
            let length = try take(4).withUnsafeBytes { $0.loadBigEndian(UInt32.self, at: 0) }
            if length == Self.endOfRows { return nil }
            guard length <= Self.rowBytesMax else { throw SpoolError.snapshotUnreadable(0) }
            return try take(Int(length))
        }
    }

    private static func read(_ file: any DiskFile, at offset: UInt64, count: Int) throws
        -> [UInt8]?
    {
        let bytes = try Self.readUpTo(file, at: offset, count: count)
        return bytes.count == count ? bytes : nil
    }

    private static func readUpTo(_ file: any DiskFile, at offset: UInt64, count: Int) throws
        -> [UInt8]
    {
        try [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
            done = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
        }
    }
}

/// Gathers a snapshot's bytes into large writes, and their digest.
private final class SnapshotWriter {
    let file: any DiskFile
    private var hash = SHA256()
    private var buffer: [UInt8] = []
    private var offset: UInt64 = 0

    init(_ file: any DiskFile) { self.file = file }

    func append(_ bytes: [UInt8]) throws {
        self.buffer += bytes
        if self.buffer.count >= 1 << 20 { try self.flush() }
    }

    /// Writes what is left, and the digest of everything.
    func finish() throws {
        try self.flush()
        let digest = Digest(self.hash.finalize())
        try digest.withUnsafeBytes { try self.file.write($0, at: self.offset) }
    }

    private func flush() throws {
        try self.buffer.withUnsafeBytes { bytes in
            self.hash.update(bufferPointer: bytes)
            try self.file.write(bytes, at: self.offset)
        }
        self.offset += UInt64(self.buffer.count)
        self.buffer.removeAll(keepingCapacity: true)
    }
}

extension SpoolError {
    static func snapshotUnreadable(_ number: UInt64) -> Self {
        Self(
            code: .damaged,
            message: "Snapshot \(number) does not verify after it was written.",
            hint: "Look at the kernel log and the disk.",
            cause: nil
        )
    }
}
