package import MeshModel

/// What a frame holds: the first byte of its header.
package enum FrameType: UInt8, CaseIterable, Sendable {
    case hello = 1
    case offer, answer, entries, want, slice, ack, smallAck, closing, small
    case withdrawn, note, noted, index, ping, pong, bye, evidence

    /// Set in the types that a node which does not know them may skip.
    package static let optionalBit: UInt8 = 0x80
}

/// The four bytes before every body: type, then the body's length in 24 bits, big-endian.
package struct FrameHeader: Hashable, Sendable {
    /// The type's number, known or not.
    package var type: UInt8
    /// Bytes of the body.
    package var length: Int

    /// The length of every header.
    package static let byteCount = 4

    /// The bytes as sent.
    package var encoded: [UInt8] {
        [
            self.type, UInt8(truncatingIfNeeded: self.length >> 16),
            UInt8(truncatingIfNeeded: self.length >> 8), UInt8(truncatingIfNeeded: self.length),
        ]
    }

    /// Heads a body of `length` bytes.
    package init(_ type: FrameType, length: Int) {
        self.type = type.rawValue
        self.length = length
    }

    /// Reads the first four of `bytes`, refusing a body longer than any may be.
    init(_ bytes: UnsafeRawBufferPointer) throws(ProtocolError) {
        self.type = bytes[0]
        self.length = Int(bytes[1]) << 16 | Int(bytes[2]) << 8 | Int(bytes[3])
        guard self.length <= Limits.frameBodyBytesMax else {
            throw .tooLong("frame", bytes: self.length, limit: Limits.frameBodyBytesMax)
        }
    }
}

/// A whole frame of a byte stream.
enum Frame {
    /// The body lies in the bytes that were read and lives as long as they do.
    case inPlace(type: UInt8, UnsafeRawBufferPointer)
    /// The frame came in parts; its header comes first.
    case assembled(type: UInt8, [UInt8])
}

/// Finds the frames of a byte stream, however it was cut; copies only what was cut in two.
struct FrameReader: Sendable {
    /// The beginning of a frame of which more must come, header included; at most one frame long.
    private var partial: [UInt8] = []

    /// Takes the next whole frame off `rest`; `nil` once all of `rest` is consumed.
    mutating func next(_ rest: inout UnsafeRawBufferPointer) throws(ProtocolError) -> Frame? {
        if self.partial.isEmpty {
            guard rest.count >= FrameHeader.byteCount else {
                self.take(rest.count, from: &rest)
                return nil
            }
            let header = try FrameHeader(rest)
            let end = FrameHeader.byteCount + header.length
            guard rest.count >= end else {
                self.partial.reserveCapacity(end)
                self.take(rest.count, from: &rest)
                return nil
            }
            let body = UnsafeRawBufferPointer(rebasing: rest[FrameHeader.byteCount..<end])
            rest = UnsafeRawBufferPointer(rebasing: rest[end...])
            return .inPlace(type: header.type, body)
        }
        self.take(FrameHeader.byteCount - self.partial.count, from: &rest)
        guard self.partial.count >= FrameHeader.byteCount else { return nil }
        let header = try Self.header(of: self.partial)
        let end = FrameHeader.byteCount + header.length
        self.take(end - self.partial.count, from: &rest)
        guard self.partial.count == end else { return nil }
        defer { self.partial = [] }
        return .assembled(type: header.type, self.partial)
    }

    private static func header(of bytes: [UInt8]) throws(ProtocolError) -> FrameHeader {
        let head = (bytes[0], bytes[1], bytes[2], bytes[3])
        do {
            return try withUnsafeBytes(of: head) { try FrameHeader($0) }
        } catch let error as ProtocolError {
            throw error
        } catch {
            preconditionFailure("A header throws nothing else.")
        }
    }

    private mutating func take(_ wanted: Int, from rest: inout UnsafeRawBufferPointer) {
        let count = max(0, min(wanted, rest.count))
        self.partial.append(contentsOf: UnsafeRawBufferPointer(rebasing: rest[0..<count]))
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
}

/// The fixed fields before a slice's bytes: parcel, entry and offset, big-endian.
package struct SliceHead: Hashable, Sendable {
    /// The parcel that the blob belongs to.
    package var parcel: ParcelID
    /// The number of the blob's entry.
    package var entry: UInt32
    /// Where in the blob the bytes begin.
    package var offset: UInt32

    /// Heads a slice.
    package init(parcel: ParcelID, entry: UInt32, offset: UInt32) {
        self.parcel = parcel
        self.entry = entry
        self.offset = offset
    }

    /// The bytes as sent.
    package var encoded: [UInt8] {
        var bytes = self.parcel.bytes
        for number in [self.entry, self.offset] {
            withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    /// Reads the head of a slice's body; a slice without any byte is refused.
    init(_ body: UnsafeRawBufferPointer) throws(ProtocolError) {
        guard body.count > Limits.sliceHeadBytes,
            let parcel = ParcelID(bytes: body[0..<Digest.byteCount])
        else { throw .malformed("slice", "it has \(body.count) bytes") }
        self.parcel = parcel
        self.entry = UInt32(bigEndian: body.loadUnaligned(fromByteOffset: 32, as: UInt32.self))
        self.offset = UInt32(bigEndian: body.loadUnaligned(fromByteOffset: 36, as: UInt32.self))
    }
}
