import MeshContent
import MeshModel
import MeshSpool
import MeshTesting
import SwiftProtobuf

/// A record as it lies on a disk.
struct FoundRecord {
    let kind: RecordKind
    let id: Digest
    let path: String
    let segment: UInt32
    let start: UInt64
    let end: UInt64
    let body: [UInt8]

    /// Every record of every segment, read without the spool's own scanner.
    static func all(on disk: FaultyDisk) throws -> [FoundRecord] {
        var found: [FoundRecord] = []
        for path in disk.paths where path.hasSuffix(".seg") {
            guard let bytes = disk.contents(path), let segment = UInt32(path.dropLast(4).suffix(8))
            else { continue }
            var offset = Int(SegmentHead.byteCount)
            while offset + LogHeader.byteCount <= bytes.count {
                let header = try bytes.withUnsafeBytes { all in
                    try LogHeader(UnsafeRawBufferPointer(rebasing: all[offset...]), mark: nil)
                }
                guard let header, let kind = RecordKind(rawValue: header.kind) else { break }
                let body = offset + LogHeader.byteCount
                let length = Int(header.bodyLength)
                found.append(
                    FoundRecord(
                        kind: kind,
                        id: header.id,
                        path: path,
                        segment: segment,
                        start: UInt64(offset),
                        end: UInt64(body + length),
                        body: Array(bytes[body..<body + length])
                    )
                )
                offset += Int(LogHeader.recordBytes(body: header.bodyLength))
            }
        }
        return found
    }

    /// The entries of an entries record, by number.
    func entries() throws -> [(number: UInt64, entry: Entry)] {
        let message = try ProtoEntriesRecord(serializedBytes: self.body)
        let bytes = [UInt8](message.entries)
        return stride(from: 0, to: bytes.count, by: Entry.encodedByteCount).compactMap { start in
            Entry(encoded: bytes[start..<start + Entry.encodedByteCount]).map {
                (message.first + UInt64(start / Entry.encodedByteCount), $0)
            }
        }
    }
}
