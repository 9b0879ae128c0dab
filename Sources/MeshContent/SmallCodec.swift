import CZstd
import MeshModel

/// How the content of a small parcel is stored: as it is, or as one zstd frame.
///
/// A value compresses, with memory that it keeps for one file after another; one for each thread.
public final class SmallCodec {
    /// The content as it is.
    public static let plain: UInt32 = 0
    /// One zstd frame.
    public static let zstd: UInt32 = 1

    private static let level: Int32 = 1

    /// The content of a small parcel as it is stored.
    public struct Content: Sendable {
        /// ``plain`` or ``zstd``.
        public let codec: UInt32
        /// What to store.
        public let bytes: [UInt8]
    }

    private let context: OpaquePointer

    /// Takes the memory that compressing needs.
    public init() {
        guard let context = ZSTD_createCCtx() else { preconditionFailure("No memory for zstd.") }
        self.context = context
    }

    deinit { ZSTD_freeCCtx(self.context) }

    /// Compresses content where that saves 6 % or more; otherwise it stays as it is.
    public func compress(_ content: [UInt8]) -> Content {
        let room = BlobEncoder.byteCountWorthStoring(of: content.count)
        guard room > 0 else { return Content(codec: Self.plain, bytes: content) }
        let frame = [UInt8](unsafeUninitializedCapacity: room) { target, count in
            let written = content.withUnsafeBytes { plain in
                ZSTD_compressCCtx(
                    self.context,
                    target.baseAddress,
                    room,
                    plain.baseAddress,
                    plain.count,
                    Self.level
                )
            }
            count = ZSTD_isError(written) == 0 ? written : 0
        }
        return frame.isEmpty
            ? Content(codec: Self.plain, bytes: content) : Content(codec: Self.zstd, bytes: frame)
    }

    /// Gives back the content, of exactly `size` bytes.
    ///
    /// - Throws: ``ContentError/Code/codecUnknown`` for a codec that this version does not know;
    ///   ``ContentError/Code/contentDamaged`` if the bytes do not give exactly `size` or `size` is
    ///   beyond ``Limits/smallPlainBytesMax``. No more memory than that is ever taken.
    public static func decompress(
        codec: UInt32,
        _ bytes: [UInt8],
        size: Int
    ) throws(ContentError) -> [UInt8] {
        guard (0...Limits.smallPlainBytesMax).contains(size) else {
            throw .damaged("A small parcel claims to hold \(size) bytes.")
        }
        switch codec {
        case Self.plain:
            guard bytes.count == size else {
                throw .damaged("A small parcel has \(bytes.count) bytes, not \(size).")
            }
            return bytes
        case Self.zstd:
            var result = 0
            let content = [UInt8](unsafeUninitializedCapacity: size) { target, count in
                result = bytes.withUnsafeBytes {
                    ZSTD_decompress(target.baseAddress, size, $0.baseAddress, $0.count)
                }
                count = ZSTD_isError(result) == 0 ? result : 0
            }
            guard ZSTD_isError(result) == 0, content.count == size else {
                throw .damaged("A small parcel does not decompress to \(size) bytes.")
            }
            return content
        default:
            throw .unknown(codec: codec)
        }
    }
}
