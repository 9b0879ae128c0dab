public import Crypto

/// A SHA-256 value: 32 bytes, kept in registers rather than on the heap.
///
/// Ordered as its bytes are.
@frozen
public struct Digest: Hashable, Sendable {
    @usableFromInline let words: (UInt64, UInt64, UInt64, UInt64)

    /// The number of bytes of every digest.
    @inlinable public static var byteCount: Int { 32 }

    /// All bits zero; stands for "none" where a format has no room for an absent digest.
    public static let zero = Self(words: (0, 0, 0, 0))

    @inlinable
    init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// Reads a digest from exactly 32 bytes; any other length is no digest.
    ///
    /// Inlinable: not made for the very collection it costs a hundred times as much.
    @inlinable
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Self.byteCount else { return nil }
        self =
            bytes.withContiguousStorageIfAvailable { Self(copying: UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { Self(copying: $0) }
    }

    /// Reads a digest from the first 32 of these bytes.
    @inlinable
    init(copying bytes: UnsafeRawBufferPointer) {
        precondition(bytes.count >= Self.byteCount)
        self.words = (
            bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self),
            bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self)
        )
    }

    /// Takes over what a hash function computed.
    public init(_ hash: SHA256Digest) {
        var value: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        withUnsafeMutableBytes(of: &value) { target in
            hash.withUnsafeBytes { target.copyMemory(from: $0) }
        }
        self.words = value
    }

    /// SHA-256 of one stretch of bytes.
    public static func sha256(of bytes: UnsafeRawBufferPointer) -> Self {
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        return Self(hash.finalize())
    }

    /// SHA-256 of a context string followed by bytes, the form in which everything signed is named.
    public static func sha256(context: String = "", _ bytes: [UInt8]) -> Self {
        var hash = SHA256()
        var context = context
        context.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Self(hash.finalize())
    }

    /// Lends the 32 bytes without a copy.
    @inlinable
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try Swift.withUnsafeBytes(of: self.words, body)
    }

    /// The 32 bytes as an array.
    public var bytes: [UInt8] { self.withUnsafeBytes { Array($0) } }

    /// Whether all 32 bytes are the same.
    @inlinable
    public static func == (left: Self, right: Self) -> Bool { left.words == right.words }

    /// Feeds a quarter: the bytes are random already.
    @inlinable
    public func hash(into hasher: inout Hasher) { hasher.combine(self.words.0) }
}

extension Digest: Comparable {
    /// Compares byte by byte, as files and SQLite do.
    public static func < (left: Self, right: Self) -> Bool {
        left.withUnsafeBytes { l in right.withUnsafeBytes { r in l.lexicographicallyPrecedes(r) } }
    }
}

extension Digest: CustomStringConvertible, LosslessStringConvertible {
    /// 64 lower-case hexadecimal digits.
    public var description: String { Hex.encode(self.bytes) }

    /// Reads 64 hexadecimal digits.
    public init?(_ text: String) {
        guard let bytes = Hex.decode(text) else { return nil }
        self.init(bytes)
    }
}

/// Hexadecimal text, lower case.
public enum Hex {
    /// Two digits a byte.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Reads digit pairs of either case; anything else is `nil`.
    public static func decode(_ text: String) -> [UInt8]? {
        let characters = Array(text.utf8)
        guard characters.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(characters.count / 2)
        for index in stride(from: 0, to: characters.count, by: 2) {
            guard let high = Self.value(characters[index]),
                let low = Self.value(characters[index + 1])
            else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): character - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
