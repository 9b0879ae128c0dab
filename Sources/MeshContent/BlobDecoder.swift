import CZstd
import MeshModel

/// Turns blobs back into the pieces that they were made from.
///
/// Takes memory for at most one piece, whatever the stored bytes claim; one for each thread.
public final class BlobDecoder {
    /// Made for the first blob that is compressed: many files have none.
    private var context: OpaquePointer?
    private var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)

    /// Makes a decoder for the blobs of any profile.
    public init() {}

    deinit {
        ZSTD_freeDCtx(self.context)
        self.scratch.deallocate()
    }

    /// Gives a piece's plain bytes, exactly `entry.plainLength` of them, in one or more stretches.
    ///
    /// Does not hash: a blob is checked against its name when it arrives and when it is read from
    /// disk. A hole is given as zeros; who can skip them asks ``Entry/isHole`` first.
    ///
    /// - Throws: ``ContentError`` with code ``ContentError/Code/contentDamaged`` if the stored
    ///   bytes are not what the entry says, before anything was given; whatever `body` throws.
    public func decode(
        _ entry: Entry,
        stored: UnsafeRawBufferPointer,
        into body: (UnsafeRawBufferPointer) throws -> Void
    ) throws {
        guard stored.count == Int(entry.storedLength) else {
            throw ContentError.damaged(
                "Blob \(entry.blob) has \(stored.count) bytes, not \(entry.storedLength)."
            )
        }
        if entry.isHole {
            try Zeros.give(Int(entry.plainLength), to: body)
        } else if entry.flags.contains(.zstd) {
            try body(try self.decompress(entry, stored))
        } else {
            try body(stored)
        }
    }

    private func decompress(
        _ entry: Entry,
        _ stored: UnsafeRawBufferPointer
    ) throws(ContentError) -> UnsafeRawBufferPointer {
        let plain = Int(entry.plainLength)
        if self.scratch.count < plain {
            self.scratch.deallocate()
            self.scratch = .allocate(byteCount: plain, alignment: 16)
        }
        guard let context = self.context ?? ZSTD_createDCtx() else {
            preconditionFailure("No memory for zstd.")
        }
        self.context = context
        let count = ZSTD_decompressDCtx(
            context,
            self.scratch.baseAddress,
            plain,
            stored.baseAddress,
            stored.count
        )
        guard ZSTD_isError(count) == 0, count == plain else {
            throw .damaged("Blob \(entry.blob) does not decompress to \(plain) bytes.")
        }
        return UnsafeRawBufferPointer(rebasing: self.scratch.prefix(plain))
    }
}

/// Zeros to lend, a stretch at a time.
enum Zeros {
    private static let stretch = [UInt8](repeating: 0, count: 64 << 10)

    static func give(_ count: Int, to body: (UnsafeRawBufferPointer) throws -> Void) rethrows {
        var left = count
        while left > 0 {
            let next = min(left, Self.stretch.count)
            try Self.stretch.withUnsafeBytes {
                try body(UnsafeRawBufferPointer(rebasing: $0[..<next]))
            }
            left -= next
        }
    }
}
