package import MeshModel
import Synchronization

extension Spool {
    /// Reads a body.
    ///
    /// - Parameters:
    ///   - location: What the index was told, or an append returned.
    ///   - verify: Also reads the header, and answers only if both checksums fit.
    /// - Returns: As many bytes as the location says.
    /// - Throws: ``SpoolError`` with `damaged` if bytes are unreadable or do not verify; with
    ///   `missing` if the segment is gone.
    package func read(_ location: BodyLocation, verify: Bool) throws -> [UInt8] {
        if verify { return try self.readRecord(location).body }
        return try self.bytes(
            of: location.segment,
            at: location.offset,
            count: Int(location.length)
        )
    }

    /// The bytes of a blob: from memory if it was among the last that were written, otherwise read
    /// and verified.
    ///
    /// - Throws: As ``read(_:verify:)``.
    package func blob(_ blob: BlobID, at location: BodyLocation) throws -> [UInt8] {
        try self.freshBlob(blob) ?? self.read(location, verify: true)
    }

    /// The bytes of a blob that was written, or kept, of late; `nil`: memory no longer has it.
    package func freshBlob(_ blob: BlobID) -> [UInt8]? {
        guard let fresh = self.fresh.withLock({ $0.lend(blob) }) else { return nil }
        self.fresh.wake(.read)
        return fresh
    }

    /// Reads a whole record and verifies it.
    ///
    /// - Throws: As ``read(_:verify:)``.
    package func readRecord(_ location: BodyLocation) throws -> LogRecord {
        let headerBytes = UInt64(LogHeader.byteCount)
        guard location.offset >= headerBytes else {
            throw SpoolError.damaged("location", in: location.segment, at: location.offset)
        }
        let start = location.offset - headerBytes
        let header = try self.bytes(of: location.segment, at: start, count: LogHeader.byteCount)
            .withUnsafeBytes { try LogHeader($0, mark: nil) }
        guard let header, let kind = RecordKind(rawValue: header.kind),
            header.bodyLength == UInt64(location.length)
        else { throw SpoolError.damaged("header", in: location.segment, at: start) }
        let body = try self.bytes(
            of: location.segment,
            at: location.offset,
            count: Int(location.length)
        )
        let record = LogRecord(kind: kind, id: header.id, body: body)
        guard record.checksum == header.bodyChecksum else {
            throw SpoolError.damaged("body", in: location.segment, at: location.offset)
        }
        return record
    }

    /// Copies a damaged body aside, under `quarantine/`; it stays where it is, too.
    ///
    /// - Parameters:
    ///   - location: The body.
    ///   - name: A file name: letters, digits, `-` and `.` only.
    /// - Throws: ``SpoolError`` with `missing` or `unavailable`.
    package func quarantine(_ location: BodyLocation, name: String) throws {
        precondition(
            !name.isEmpty && !name.hasPrefix(".")
                && name.utf8.allSatisfy { byte in
                    byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                },
            "A name in quarantine is no path."
        )
        let file = try self.files.file(location.segment)
        do {
            try self.files.copyAside(
                file,
                from: location.offset,
                to: location.offset + UInt64(location.length),
                name: name
            )
        } catch let error as DiskError {
            throw SpoolError.unavailable(doing: "quarantine \(name)", cause: error)
        }
    }

    /// What was appended is read from the file, and so not before the committer has written it.
    private func waitUntilWritten(_ position: LogPosition) throws {
        try self.state.wait(on: .written) { state -> Void? in
            if state.written >= position || state.writer.tail < position { return () }
            if let failure = state.failure { throw failure }
            return state.isStopped ? try { throw SpoolError.closed() }() : nil
        }
    }

    private func bytes(of segment: SegmentNumber, at offset: UInt64, count: Int) throws
        -> [UInt8]
    {
        guard count <= LogRecord.bodyBytesMax else { throw SpoolError.recordTooLong(count) }
        try self.waitUntilWritten(LogPosition(segment: segment, offset: offset + UInt64(count)))
        let file = try self.files.file(segment)
        let bytes: [UInt8]
        do {
            bytes = try [UInt8](unsafeUninitializedCapacity: count) { buffer, done in
                done = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            }
        } catch let error as DiskError where error.isUnreadable {
            throw SpoolError.damaged("body", in: segment, at: offset)
        } catch {
            throw SpoolError.unavailable(doing: "read segment \(segment.rawValue)", cause: error)
        }
        guard bytes.count == count else {
            throw SpoolError.damaged("end", in: segment, at: offset)
        }
        return bytes
    }
}
