/// A blob as an encoder has just made it: borrowed bytes, not a copy.
///
/// They lie in the encoder's own memory or in the piece that it was given, so they are good only
/// until the encoder is used again or the piece goes away, whichever is first. Not `Sendable`, so
/// that the compiler keeps it on the encoder's thread; take ``bytes`` to keep them.
public struct StoredBytes {
    private let borrowed: UnsafeRawBufferPointer

    init(borrowing bytes: UnsafeRawBufferPointer) { self.borrowed = bytes }

    /// What a hole stores.
    public static var none: Self { Self(borrowing: UnsafeRawBufferPointer(start: nil, count: 0)) }

    /// How many bytes there are; none for a hole.
    public var count: Int { self.borrowed.count }

    /// A copy that may be kept.
    public var bytes: [UInt8] { Array(self.borrowed) }

    /// Lends the bytes without a copy.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(self.borrowed)
    }
}
