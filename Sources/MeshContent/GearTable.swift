import Crypto

/// The 256 random-looking numbers that the cutter's rolling hash adds up.
///
/// Number *i* is the first 8 bytes, big-endian, of SHA-256 over the 16 ASCII bytes
/// `tributary gear 1` followed by the one byte *i*. Anyone can make the same table.
enum GearTable {
    static let values: [UInt64] = (0...255).map { (index: UInt8) in
        var hash = SHA256()
        hash.update(data: Array("tributary gear 1".utf8) + [index])
        return hash.finalize().prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }
}
