import MeshContent
import MeshModel
import MeshSpool
import MeshTesting
import Testing

@Suite struct LogFormatTests {
    @Test func aRecordsHeaderHasTheseBytes() throws {
        let header = LogHeader(
            kind: RecordKind.closing.rawValue,
            bodyLength: 5,
            id: .sha256(of: 1),
            mark: 0xA1B2_C3D4,
            synced: 24,
            bodyChecksum: Checksum.crc32c(Array("hello".utf8))
        )
        var bytes: [UInt8] = []
        header.encode(into: &bytes)
        #expect(
            Hex.encode(bytes) == """
                54524942010700000000000000000005\
                6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b\
                a1b2c3d4000000189a71bb4cdeebfc7f
                """
        )
        let read = try bytes.withUnsafeBytes { try LogHeader($0, mark: 0xA1B2_C3D4) }
        #expect(read == header)
        let foreign = try bytes.withUnsafeBytes { try LogHeader($0, mark: 1) }
        #expect(foreign == nil)
    }

    @Test func aSegmentsHeadHasTheseBytes() throws {
        let head = SegmentHead(
            number: SegmentNumber(17),
            node: SpoolBench.node,
            incarnation: Incarnation(number: 3, random: 0x0102_0304_0506_0708),
            continues: LogPosition(segment: SegmentNumber(16), offset: 4_096)
        )
        let bytes = head.encoded(mark: 0xA1B2_C3D4, synced: 1)
        #expect(bytes.count == 192)
        #expect(
            Hex.encode(bytes.prefix(112)) == """
                5452494201000000000000000000008000000000000000000000000000000000\
                00000000000000000000000000000000a1b2c3d400000001facb5d716973162c\
                0000000100000011000000000000000301020304050607080000001000000000\
                00000000000010000772656c61792d31
                """
        )
        #expect(bytes.suffix(80).allSatisfy { $0 == 0 })
        let read = try bytes.withUnsafeBytes { try SegmentHead.decode($0, mark: nil) }
        #expect(read?.head == head)
    }

    @Test(arguments: [4, 6])
    func whatALaterVersionWroteIsRefused(byte: Int) throws {
        var bytes: [UInt8] = []
        LogHeader(
            kind: 1,
            bodyLength: 0,
            id: .zero,
            mark: 1,
            synced: 0,
            bodyChecksum: 0
        ).encode(into: &bytes)
        bytes[byte] += 1
        let checksum = Checksum.crc32c(Array(bytes[..<60]))
        for index in 0..<4 { bytes[60 + index] = UInt8(checksum >> (24 - index * 8) & 255) }
        #expect(throws: SpoolError.self) {
            try bytes.withUnsafeBytes { _ = try LogHeader($0, mark: 1) }
        }
    }

    @Test func noChangedBitOfAHeaderPasses() throws {
        var bytes: [UInt8] = []
        LogHeader(
            kind: 1,
            bodyLength: 9,
            id: .zero,
            mark: 1,
            synced: 0,
            bodyChecksum: 5
        ).encode(into: &bytes)
        for bit in 0..<512 {
            var changed = bytes
            changed[bit / 8] ^= 1 << UInt8(bit % 8)
            let read = try changed.withUnsafeBytes { try LogHeader($0, mark: 1) }
            #expect(read == nil)
        }
    }
}
