import Glibc
import MeshContent
import MeshModel

/// Walks the records of one segment and tells good from bad; changes nothing.
final class LogScanner {
    /// What is at an offset.
    enum Finding {
        /// A record that verifies.
        case record(LogHeader, next: UInt64)
        /// A header that verifies before a body that does not.
        case badBody(LogHeader, next: UInt64)
        /// Neither a record nor the end.
        case bad
        /// No record begins here or later.
        case end
    }

    let number: SegmentNumber
    /// The segment's file.
    let file: any DiskFile
    /// The log's mark; `nil` when it could not be learned.
    let mark: UInt32?
    /// Where the segment's records end: told by the segment that continues it, or the file's end.
    private(set) var end: UInt64
    /// Whether ``end`` is known, so that zeros before it are damage.
    private(set) var isEndKnown = false
    /// Offsets of blocks that the device could not read.
    private(set) var unreadable: [UInt64] = []

    private let size: UInt64
    private var window: [UInt8] = []
    private var windowStart: UInt64 = 0
    private static let windowBytes = 4 << 20
    private static let blockBytes = 4_096

    init(_ number: SegmentNumber, file: any DiskFile, mark: UInt32?) throws {
        self.number = number
        self.file = file
        self.mark = mark
        self.size = try file.size()
        self.end = self.size
    }

    /// Believes the segment that continues this one; returns `false` if the file is shorter.
    func setEnd(_ end: UInt64) -> Bool {
        self.end = min(end, self.size)
        self.isEndKnown = true
        return end <= self.size
    }

    /// The segment's head with its header, if it verifies.
    func head() throws -> (head: SegmentHead, header: LogHeader)? {
        try self.lend(at: 0, count: Int(SegmentHead.byteCount)) { bytes in
            guard let found = try SegmentHead.decode(bytes, mark: self.mark),
                found.head.number == self.number
            else { return nil }
            return found
        }
    }

    /// Tells what is at an offset where a record should begin.
    func look(at offset: UInt64) throws -> Finding {
        if offset >= self.end { return .end }
        guard let header = try self.header(at: offset) else {
            if !self.isEndKnown, try self.firstNonZero(from: offset) == nil { return .end }
            return .bad
        }
        let next = offset + LogHeader.recordBytes(body: header.bodyLength)
        let fits = try self.lend(
            at: offset + UInt64(LogHeader.byteCount),
            count: Int(header.bodyLength)
        ) { Checksum.crc32c($0) == header.bodyChecksum }
        return fits == true ? .record(header, next: next) : .badBody(header, next: next)
    }

    /// The header of a record at an offset, if it verifies and its body would fit.
    func header(at offset: UInt64) throws -> LogHeader? {
        let header = try self.lend(at: offset, count: LogHeader.byteCount) {
            try LogHeader($0, mark: self.mark)
        }
        guard let header, header.kind != LogHeader.headKind,
            header.bodyLength <= UInt64(LogRecord.bodyBytesMax),
            offset + LogHeader.recordBytes(body: header.bodyLength) <= self.end
        else { return nil }
        return header
    }

    /// A copy of the body behind a header.
    func body(of header: LogHeader, at offset: UInt64) throws -> [UInt8] {
        try self.lend(
            at: offset + UInt64(LogHeader.byteCount),
            count: Int(header.bodyLength)
        ) { Array($0) } ?? []
    }

    /// The next offset after `offset` where a record's header verifies.
    func resynchronise(after offset: UInt64) throws -> UInt64? {
        var next = offset + 8
        while next < self.end {
            let ahead = try self.bytesAhead(of: next)
            let candidate = try self.lend(at: next, count: ahead) { bytes in
                Self.aligned(LogHeader.firstByte, in: bytes)
            }
            guard let candidate else {
                next += UInt64(ahead + 7) / 8 * 8
                continue
            }
            next += UInt64(candidate)
            if try self.header(at: next) != nil { return next }
            next += 8
        }
        return nil
    }

    /// The first multiple of 8 where a byte stands; `memchr`, because most of a segment is not it.
    private static func aligned(_ byte: UInt8, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        var from = 0
        while from < bytes.count {
            guard let found = memchr(base + from, Int32(byte), bytes.count - from) else {
                return nil
            }
            let index = base.distance(to: UnsafeRawPointer(found))
            if index.isMultiple(of: 8) { return index }
            from = index + 1
        }
        return nil
    }

    /// The offset of the first block from `offset` on that is not all zeros.
    func firstNonZero(from offset: UInt64) throws -> UInt64? {
        let zeros = [UInt8](repeating: 0, count: Self.blockBytes)
        var next = offset
        while next < self.end {
            let count = Int(min(UInt64(Self.blockBytes), self.end - next))
            let isZero = try self.lend(at: next, count: count) {
                guard let base = $0.baseAddress else { return true }
                return memcmp(base, zeros, count) == 0
            }
            if isZero != true { return next }
            next += UInt64(count)
        }
        return nil
    }

    /// Where the last block that is not all zeros ends; `offset` if there is none.
    func contentEnd(from offset: UInt64) throws -> UInt64 {
        var end = offset
        while let next = try self.firstNonZero(from: end) {
            end = min(next + UInt64(Self.blockBytes), self.end)
        }
        return end
    }

    /// What later headers tell about a place that does not verify.
    struct Evidence {
        /// A header was written when the place was durable already: the place is damaged, not torn.
        var isDurable = false
        /// What of the segment that was durable, by the same header, in bytes.
        var provenBefore: UInt64 = 0
        /// Where the last record ends whose header verifies, if there is any.
        var recordsEnd: UInt64?
    }

    /// Looks at the headers from `offset` on for one that knew more than `bytes` to be durable.
    func evidence(from offset: UInt64, synced bytes: UInt64) throws -> Evidence {
        var evidence = Evidence()
        var next: UInt64? = offset
        while let offset = next {
            guard let header = try self.header(at: offset) else {
                next = try self.resynchronise(after: offset)
                continue
            }
            let end = offset + LogHeader.recordBytes(body: header.bodyLength)
            evidence.recordsEnd = end
            next = end
            if UInt64(header.synced) * 8 > bytes {
                evidence.isDurable = true
                evidence.provenBefore = UInt64(header.synced) * 8
                return evidence
            }
        }
        return evidence
    }

    /// Lends bytes of the file, through a window; `nil` if the file ends before them.
    private func lend<R>(
        at offset: UInt64,
        count: Int,
        _ body: (UnsafeRawBufferPointer) throws -> R?
    ) throws -> R? {
        precondition(count <= Self.windowBytes)
        guard offset <= self.size, UInt64(count) <= self.size - offset else { return nil }
        if offset < self.windowStart
            || offset + UInt64(count) > self.windowStart + UInt64(self.window.count)
        {
            try self.fill(from: offset)
        }
        let start = Int(offset - self.windowStart)
        guard start + count <= self.window.count else { return nil }
        return try self.window.withUnsafeBytes {
            try body(UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
        }
    }

    /// How many bytes from `offset` on the window holds; at least one header, or all there is.
    ///
    /// A search moves on by these, so that each byte is read once however often it stops.
    private func bytesAhead(of offset: UInt64) throws -> Int {
        let windowEnd = self.windowStart + UInt64(self.window.count)
        let wanted = min(offset + UInt64(LogHeader.byteCount), self.size)
        if offset < self.windowStart || windowEnd < wanted { try self.fill(from: offset) }
        return Int(self.windowStart + UInt64(self.window.count) - offset)
    }

    private func fill(from offset: UInt64) throws {
        let count = Int(min(UInt64(Self.windowBytes), self.size - offset))
        var window = [UInt8](repeating: 0, count: count)
        try window.withUnsafeMutableBytes { try self.read(into: $0, at: offset) }
        self.window = window
        self.windowStart = offset
    }

    /// Reads what the device gives; blocks that it does not give stay zero and are noted.
    private func read(into target: UnsafeMutableRawBufferPointer, at offset: UInt64) throws {
        do {
            _ = try self.file.read(into: target, at: offset)
        } catch let error as DiskError where error.isUnreadable {
            var done = 0
            while done < target.count {
                let count = min(Self.blockBytes, target.count - done)
                let block = UnsafeMutableRawBufferPointer(rebasing: target[done..<done + count])
                do {
                    _ = try self.file.read(into: block, at: offset + UInt64(done))
                } catch let error as DiskError where error.isUnreadable {
                    block.initializeMemory(as: UInt8.self, repeating: 0)
                    self.unreadable.append(offset + UInt64(done))
                }
                done += count
            }
        }
    }
}
