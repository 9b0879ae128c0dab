import CCrc32c

/// CRC-32C (Castagnoli), the checksum of the log's headers and bodies.
package enum Checksum {
    /// The checksum of a stretch of bytes, or of it and those whose checksum `before` is.
    package static func crc32c(
        _ bytes: UnsafeRawBufferPointer,
        continuing before: UInt32 = 0
    ) -> UInt32 {
        tributary_crc32c(before, bytes.baseAddress, bytes.count)
    }

    /// The checksum of an array.
    package static func crc32c(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { Self.crc32c($0) }
    }
}
