/// How a flow's files are cut and compressed: a number in every opening stands for all of it.
///
/// A profile never changes once it has shipped, and nothing derives one at run time, so that equal
/// files give equal pieces at every origin.
public struct CutProfile: Hashable, Sendable {
    /// What openings call it.
    public let number: UInt32
    /// The shortest piece but a file's last, in bytes.
    public let minimum: Int
    /// The length around which pieces gather, in bytes; a power of two.
    public let average: Int
    /// The longest piece, in bytes.
    public let maximum: Int
    /// The zstd compression level.
    public let zstdLevel: Int32

    /// Profile 1, the usual one: 64, 256 and 1,024 KiB, zstd level 1.
    public static let usual = Self(
        number: 1,
        minimum: 64 << 10,
        average: 256 << 10,
        maximum: 1 << 20,
        zstdLevel: 1
    )

    /// Profile 2, for thin lines: 16, 32 and 128 KiB, zstd level 3.
    public static let thinLine = Self(
        number: 2,
        minimum: 16 << 10,
        average: 32 << 10,
        maximum: 128 << 10,
        zstdLevel: 3
    )

    /// Profile 3, for large files on fast lines: 384, 512 and 1,024 KiB, zstd level 1.
    ///
    /// Less is cut and kept account of; a change inside a file makes more travel again.
    public static let fastLine = Self(
        number: 3,
        minimum: 384 << 10,
        average: 512 << 10,
        maximum: 1 << 20,
        zstdLevel: 1
    )

    /// The profile that an opening names; `nil` if this version does not know it.
    public static func profile(_ number: UInt32) -> CutProfile? {
        switch number {
        case 1: .usual
        case 2: .thinLine
        case 3: .fastLine
        default: nil
        }
    }
}
