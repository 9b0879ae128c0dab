/// Finds where a file is cut into pieces, by content, so that an insertion moves few boundaries.
///
/// FastCDC with normalised chunking, level 2 (W. Xia et al., "FastCDC: a Fast and Efficient
/// Content-Defined Chunking Approach for Data Deduplication", USENIX ATC 2016). Exactly:
///
/// - `f` starts at 0 with the byte at offset `minimum`; each byte *b* makes it `(f << 1) + gear[b]`
///   modulo 2⁶⁴ (the table: SHA-256 of `tributary gear 1` and *b*, its first 8 bytes, big-endian).
/// - With `average` = 2ᵏ, a piece ends after the first byte that leaves the uppermost *k* + 2 bits
///   of `f` zero while the byte's offset is below `average`, the uppermost *k* − 2 bits from
///   there on.
/// - A piece of `maximum` bytes ends there; a file's last piece is what is left.
///
/// Every cut starts afresh at the boundary before it: there is no state to carry or to save.
public struct PieceCutter: Sendable {
    /// What the cutter was made for.
    public let profile: CutProfile
    /// Uppermost bits are zero exactly if the number is below a power of two: one comparison.
    private let strictBound: UInt64
    private let looseBound: UInt64

    /// Makes a cutter.
    public init(profile: CutProfile) {
        precondition(profile.average.nonzeroBitCount == 1)
        let bits = profile.average.trailingZeroBitCount
        self.profile = profile
        self.strictBound = 1 << UInt64(64 - (bits + 2))
        self.looseBound = 1 << UInt64(64 - (bits - 2))
    }

    /// The length of the piece that begins with the first of these bytes.
    ///
    /// - Parameters:
    ///   - bytes: The file from the last boundary on, as far as it is known.
    ///   - isLast: Whether the file ends where the bytes end.
    /// - Returns: At most `maximum`; `nil` if more bytes must be seen, which never happens when
    ///   `maximum` of them are there, or if there are none and the file ends.
    /// - Complexity: O(*n*) in the length found; the first `minimum` bytes are not looked at.
    public func length(ofNextPieceIn bytes: UnsafeRawBufferPointer, isLast: Bool) -> Int? {
        let known = min(bytes.count, self.profile.maximum)
        if known > self.profile.minimum, let found = self.cut(bytes, known) { return found }
        if known == self.profile.maximum { return known }
        return isLast && known > 0 ? known : nil
    }

    private func cut(_ bytes: UnsafeRawBufferPointer, _ known: Int) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        let middle = min(self.profile.average, known)
        return GearTable.values.withUnsafeBufferPointer { table in
            guard let gear = table.baseAddress else { return nil }
            var hash: UInt64 = 0
            return Self.scan(
                base,
                self.profile.minimum,
                middle,
                &hash,
                below: self.strictBound,
                gear
            )
                ?? Self.scan(base, middle, known, &hash, below: self.looseBound, gear)
        }
    }

    /// The one hot loop: four bytes a turn, so that one hash need not wait for the one before.
    ///
    /// Sound because `from..<end` lies within the caller's bytes (`end` is at most their count) and
    /// a byte cannot exceed the table's 256 numbers. Measured at 1.75 times a byte a turn.
    @inline(__always)
    private static func scan(
        _ base: UnsafeRawPointer,
        _ from: Int,
        _ end: Int,
        _ hash: inout UInt64,
        below bound: UInt64,
        _ gear: UnsafePointer<UInt64>
    ) -> Int? {
        var running = hash
        var offset = from
        while offset &+ 4 <= end {
            let word = UInt32(
                littleEndian: base.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            )
            let gear0 = gear[Int(word & 0xFF)]
            let gear1 = gear[Int(word >> 8 & 0xFF)]
            let gear2 = gear[Int(word >> 16 & 0xFF)]
            let gear3 = gear[Int(word >> 24)]
            let first = (running &<< 1) &+ gear0
            let second = (running &<< 2) &+ ((gear0 &<< 1) &+ gear1)
            let third = (second &<< 1) &+ gear2
            let fourth = (second &<< 2) &+ ((gear2 &<< 1) &+ gear3)
            if first < bound { return offset &+ 1 }
            if second < bound { return offset &+ 2 }
            if third < bound { return offset &+ 3 }
            if fourth < bound { return offset &+ 4 }
            running = fourth
            offset &+= 4
        }
        while offset < end {
            running =
                (running &<< 1) &+ gear[Int(base.load(fromByteOffset: offset, as: UInt8.self))]
            offset &+= 1
            if running < bound { return offset }
        }
        hash = running
        return nil
    }
}
