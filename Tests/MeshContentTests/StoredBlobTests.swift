import CCrc32c
import MeshContent
import MeshModel
import Testing

@Suite struct StoredBlobTests {
    @Test(arguments: [0, 1, 4_095, 16 << 10, (16 << 10) + 1, 600_001])
    func nameAndChecksumAreThoseOfAllBytes(count: Int) {
        let bytes = seededBytes(count, seed: 1)
        let blob = StoredBlob(bytes)
        #expect(blob.bytes == bytes)
        #expect(blob.id == bytes.withUnsafeBytes { BlobID(ofStored: $0) })
        #expect(blob.checksum == Checksum.crc32c(bytes))
        #expect(bytes.withUnsafeBytes { StoredBlob(copying: $0) } == blob)
    }

    /// RFC 3720, appendix B.4, and the check value of the catalogues.
    @Test func theChecksumIsCastagnolis() {
        #expect(Checksum.crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
        #expect(Checksum.crc32c([UInt8](repeating: 0xFF, count: 32)) == 0x62A8_AB43)
        #expect(Checksum.crc32c(Array(0..<32)) == 0x46DD_794E)
        #expect(Checksum.crc32c(Array("123456789".utf8)) == 0xE306_9283)
        #expect(Checksum.crc32c([]) == 0)
    }

    @Test func tablesAndInstructionAgree() {
        let bytes = seededBytes(5_000, seed: 2)
        for count in [0, 1, 7, 8, 9, 63, 64, 65, 999, 1_000, 3_071, 3_072, 4_999] {
            let fast = tributary_crc32c(7, bytes, count)
            #expect(fast == tributary_crc32c_portable(7, bytes, count))
        }
    }
}
