import MeshContent
import MeshModel
import Testing

@Suite struct EntryTests {
    static let blob = BlobID(.sha256(context: "", [1, 2, 3]))

    @Test func anEntryIsWrittenAsTheFormatSays() throws {
        let entry = try #require(
            Entry(blob: Self.blob, storedLength: 0x01_02_03, plainLength: 0x0F_00_01, flags: .zstd)
        )
        #expect(
            Hex.encode(entry.encoded())
                == "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"
                + "00010203" + "000f0001" + "04"
        )
        #expect(entry.encoded().count == Entry.encodedByteCount)
    }

    @Test(arguments: [
        Entry(blob: blob, storedLength: 1, plainLength: 1, flags: []),
        Entry(blob: blob, storedLength: 1 << 20, plainLength: 1 << 20, flags: .assumed),
        Entry(blob: blob, storedLength: 9, plainLength: 10, flags: [.zstd, .assumed]),
        .hole(1), .hole(1 << 20),
    ])
    func whatIsWrittenIsReadBack(entry: Entry?) throws {
        let entry = try #require(entry)
        #expect(Entry(encoded: entry.encoded()) == entry)
        #expect(Entry(encoded: ([7] + entry.encoded()).dropFirst()) == entry)
    }

    /// (stored, plain, flags) that no encoder makes.
    @Test(
        arguments: [
            (0, 0, 0), (0, 5, 0), (5, 0, 0), (4, 5, 0), (6, 5, 0),
            ((1 << 20) + 1, (1 << 20) + 1, 0), (UInt32.max, UInt32.max, 0),
            (5, 5, 4), (0, 5, 4), (6, 5, 4), (1, (1 << 20) + 1, 4),
            (1, 5, 2), (0, 0, 2), (0, (1 << 20) + 1, 2), (0, 5, 3), (0, 5, 6),
            (5, 5, 8), (5, 5, 0x80), (5, 5, 0xFF),
        ] as [(UInt32, UInt32, UInt8)]
    )
    func contradictionsAreRefused(stored: UInt32, plain: UInt32, flags: UInt8) {
        let blob = flags & 2 == 0 ? Self.blob : BlobID(.zero)
        var bytes = blob.bytes
        for value in [stored, plain] {
            bytes += withUnsafeBytes(of: value.bigEndian, Array.init)
        }
        #expect(Entry(encoded: bytes + [flags]) == nil)
        let flags = Entry.Flags(rawValue: flags)
        #expect(
            Entry(blob: blob, storedLength: stored, plainLength: plain, flags: flags) == nil
        )
    }

    @Test func aHoleNamesNoBlob() {
        #expect(Entry(blob: Self.blob, storedLength: 0, plainLength: 5, flags: .hole) == nil)
    }

    @Test(arguments: [0, 40, 42])
    func otherLengthsAreNoEntry(count: Int) {
        #expect(Entry(encoded: [UInt8](repeating: 0, count: count)) == nil)
    }
}
