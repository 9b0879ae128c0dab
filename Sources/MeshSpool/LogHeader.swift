import MeshContent
package import MeshModel

/// The 64 bytes before every body in a segment, at a multiple of 8; numbers are big-endian.
///
///      0  magic `TRIB`        8  body length u64      52  synced u32
///      4  version u8 = 1     16  id, 32 bytes         56  body CRC-32C
///      5  kind u8            48  mark u32             60  CRC-32C of the 60 bytes before
///      6  flags u16 = 0
///
/// *mark* is drawn at random for a log and is the same in all of its headers: bytes inside a blob,
/// which a stranger chose, cannot pass for a record when a scanner looks for the next one behind
/// damage. *synced* says how far the log was durable when the record was written: a bad record
/// below it is damage, a bad one above it may be the torn end of what was never acknowledged.
package struct LogHeader: Sendable, Hashable {
    /// A ``RecordKind``, or ``headKind`` for the head of a segment.
    package var kind: UInt8
    /// Bytes.
    package var bodyLength: UInt64
    /// What the record is about.
    package var id: Digest
    /// The log's own mark.
    package var mark: UInt32
    /// In units of 8 bytes: this much of this segment was durable when the header was written.
    ///
    /// 0 says that not even the segments before it were known to be; 1, that they all were.
    package var synced: UInt32
    /// CRC-32C of the body.
    package var bodyChecksum: UInt32

    /// The bytes of every header.
    package static let byteCount = 64
    /// The kind of the first block of a segment.
    package static let headKind: UInt8 = 0
    private static let magic: [UInt8] = Array("TRIB".utf8)
    private static let version: UInt8 = 1

    /// The first byte of the magic, to look for.
    static let firstByte: UInt8 = UInt8(ascii: "T")

    /// Makes a header.
    package init(
        kind: UInt8,
        bodyLength: UInt64,
        id: Digest,
        mark: UInt32,
        synced: UInt32,
        bodyChecksum: UInt32
    ) {
        self.kind = kind
        self.bodyLength = bodyLength
        self.id = id
        self.mark = mark
        self.synced = synced
        self.bodyChecksum = bodyChecksum
    }

    /// Appends the 64 bytes.
    package func encode(into bytes: inout [UInt8]) {
        var block: [UInt8] = []
        block.reserveCapacity(Self.byteCount)
        block += Self.magic
        block.append(Self.version)
        block.append(self.kind)
        block.append(bigEndian: UInt16(0))
        block.append(bigEndian: self.bodyLength)
        self.id.withUnsafeBytes { block.append(contentsOf: $0) }
        block.append(bigEndian: self.mark)
        block.append(bigEndian: self.synced)
        block.append(bigEndian: self.bodyChecksum)
        block.append(bigEndian: Checksum.crc32c(block))
        bytes += block
    }

    /// Reads a header whose magic and checksum fit; `nil` for anything else.
    ///
    /// - Parameters:
    ///   - bytes: At least 64; what follows them is not looked at.
    ///   - mark: The mark that the header must carry, where the log's mark is known.
    /// - Throws: ``SpoolError`` with `unsupported` for a header that a later version wrote.
    package init?(_ bytes: UnsafeRawBufferPointer, mark: UInt32?) throws(SpoolError) {
        guard bytes.count >= Self.byteCount, bytes.prefix(4).elementsEqual(Self.magic) else {
            return nil
        }
        let checked = UnsafeRawBufferPointer(rebasing: bytes[..<60])
        guard Checksum.crc32c(checked) == bytes.loadBigEndian(UInt32.self, at: 60),
            let id = Digest(bytes[16..<48])
        else { return nil }
        self.init(
            kind: bytes[5],
            bodyLength: bytes.loadBigEndian(UInt64.self, at: 8),
            id: id,
            mark: bytes.loadBigEndian(UInt32.self, at: 48),
            synced: bytes.loadBigEndian(UInt32.self, at: 52),
            bodyChecksum: bytes.loadBigEndian(UInt32.self, at: 56)
        )
        if let mark, self.mark != mark { return nil }
        guard bytes[4] == Self.version, bytes.loadBigEndian(UInt16.self, at: 6) == 0,
            self.kind == Self.headKind || RecordKind(rawValue: self.kind) != nil
        else {
            throw SpoolError.unsupported(
                "a record of version \(bytes[4]) and kind \(bytes[5])"
            )
        }
    }

    /// The bytes that a record with such a body takes in a segment.
    package static func recordBytes(body: UInt64) -> UInt64 {
        UInt64(Self.byteCount) + (body + 7) / 8 * 8
    }
}

/// The first record-like block of a segment: which segment, whose, and what it continues.
package struct SegmentHead: Sendable, Hashable {
    /// The segment's own number.
    package var number: SegmentNumber
    /// The node that wrote it; `nil` before it has a name.
    package var node: NodeName?
    /// The life of the log when the segment was made.
    package var incarnation: Incarnation
    /// Where the log ended when the segment was made: the end of the segment before it.
    package var continues: LogPosition

    private static let format: UInt32 = 1
    private static let bodyBytes = 128
    /// The offset of the first record of a segment.
    package static let byteCount = UInt64(LogHeader.byteCount + Self.bodyBytes)

    /// Makes a head.
    package init(
        number: SegmentNumber,
        node: NodeName?,
        incarnation: Incarnation,
        continues: LogPosition
    ) {
        self.number = number
        self.node = node
        self.incarnation = incarnation
        self.continues = continues
    }

    /// Header and body, ``byteCount`` bytes.
    package func encoded(mark: UInt32, synced: UInt32) -> [UInt8] {
        var body: [UInt8] = []
        body.append(bigEndian: Self.format)
        body.append(bigEndian: self.number.rawValue)
        body.append(bigEndian: self.incarnation.number)
        body.append(bigEndian: self.incarnation.random)
        body.append(bigEndian: self.continues.segment.rawValue)
        body.append(bigEndian: UInt32(0))
        body.append(bigEndian: self.continues.offset)
        let name = Array((self.node?.text ?? "").utf8)
        body.append(UInt8(name.count))
        body += name
        body += [UInt8](repeating: 0, count: Self.bodyBytes - body.count)
        var bytes: [UInt8] = []
        LogHeader(
            kind: LogHeader.headKind,
            bodyLength: UInt64(body.count),
            id: .zero,
            mark: mark,
            synced: synced,
            bodyChecksum: Checksum.crc32c(body)
        ).encode(into: &bytes)
        return bytes + body
    }

    /// Reads a head, with the header before it; `nil` if anything does not verify.
    package static func decode(
        _ bytes: UnsafeRawBufferPointer,
        mark: UInt32?
    ) throws(SpoolError) -> (head: Self, header: LogHeader)? {
        guard bytes.count >= Int(Self.byteCount),
            let header = try LogHeader(bytes, mark: mark), header.kind == LogHeader.headKind,
            header.bodyLength == UInt64(Self.bodyBytes)
        else { return nil }
        let body = UnsafeRawBufferPointer(
            rebasing: bytes[LogHeader.byteCount..<Int(Self.byteCount)]
        )
        guard Checksum.crc32c(body) == header.bodyChecksum else { return nil }
        let format = body.loadBigEndian(UInt32.self, at: 0)
        guard format == Self.format else {
            throw SpoolError.unsupported("segments of format \(format)")
        }
        let nameBytes = body[41..<min(41 + Int(body[40]), Self.bodyBytes)]
        let head = Self(
            number: SegmentNumber(body.loadBigEndian(UInt32.self, at: 4)),
            node: NodeName(String(decoding: nameBytes, as: UTF8.self)),
            incarnation: Incarnation(
                number: body.loadBigEndian(UInt64.self, at: 8),
                random: body.loadBigEndian(UInt64.self, at: 16)
            ),
            continues: LogPosition(
                segment: SegmentNumber(body.loadBigEndian(UInt32.self, at: 24)),
                offset: body.loadBigEndian(UInt64.self, at: 32)
            )
        )
        return (head, header)
    }
}

extension [UInt8] {
    /// Appends a number, most significant byte first.
    mutating func append<Number: FixedWidthInteger>(bigEndian number: Number) {
        Swift.withUnsafeBytes(of: number.bigEndian) { self.append(contentsOf: $0) }
    }
}

extension UnsafeRawBufferPointer {
    /// Reads a number, most significant byte first.
    func loadBigEndian<Number: FixedWidthInteger>(_ type: Number.Type, at offset: Int) -> Number {
        Number(bigEndian: self.loadUnaligned(fromByteOffset: offset, as: type))
    }
}
