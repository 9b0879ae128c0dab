import CZstd
import MeshModel

/// How the content of a small parcel is stored: as it is, or as one zstd frame.
public enum SmallCodec {
    /// The content as it is.
    public static let plain: UInt32 = 0
    /// One zstd frame.
    public static let zstd: UInt32 = 1

    private static let level: Int32 = 3

    /// Compresses content where that saves 6 % or more.
    ///
    /// - Returns: The codec's number and the bytes to store; with ``plain`` the same bytes.
    public static func compress(_ content: [UInt8]) -> (codec: UInt32, bytes: [UInt8]) {
        let room = BlobEncoder.byteCountWorthStoring(of: content.count)
        guard room > 0 else { return (Self.plain, content) }
        let frame = [UInt8](unsafeUninitializedCapacity: room) { target, count in
            let written = content.withUnsafeBytes {
                ZSTD_compress(target.baseAddress, room, $0.baseAddress, $0.count, Self.level)
            }
            count = ZSTD_isError(written) == 0 ? written : 0
        }
        return frame.isEmpty ? (Self.plain, content) : (Self.zstd, frame)
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
