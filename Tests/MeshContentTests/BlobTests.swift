import MeshContent
import MeshModel
import Testing

@Suite struct BlobTests {
    let encoder = BlobEncoder(profile: .thinLine)
    let decoder = BlobDecoder()

    static let text = Array(
        repeatElement("All rivers run to the sea. ", count: 2_000).joined().utf8
    )

    private func encode(_ piece: [UInt8]) -> (entry: Entry, stored: [UInt8]) {
        piece.withUnsafeBytes { bytes in
            let (entry, blob) = self.encoder.encode(bytes)
            return (entry, blob?.bytes ?? [])
        }
    }

    private func decode(_ entry: Entry, _ stored: [UInt8]) throws -> [UInt8] {
        var plain: [UInt8] = []
        try stored.withUnsafeBytes { bytes in
            try self.decoder.decode(entry, stored: bytes) { plain.append(contentsOf: $0) }
        }
        return plain
    }

    @Test(arguments: [
        Sample("one byte", [7]),
        Sample("text", text),
        Sample("noise", seededBytes(100_000, seed: 1)),
        Sample("noise, then text", seededBytes(50_000, seed: 2) + text),
        Sample("zeros", repeatElement(0, count: 99_999)),
        Sample("zeros and a one", [UInt8](repeating: 0, count: 9_999) + [1]),
        Sample("a one and zeros", [1] + [UInt8](repeating: 0, count: 9_999)),
    ])
    func aPieceComesBackAsItWas(sample: Sample) throws {
        let piece = sample.bytes
        let (entry, stored) = self.encode(piece)
        #expect(Int(entry.plainLength) == piece.count)
        #expect(Int(entry.storedLength) == stored.count)
        #expect(Entry(encoded: entry.encoded()) == entry)
        #expect(try self.decode(entry, stored) == piece)
        #expect(piece.withUnsafeBytes { self.encoder.matches(entry, $0) })
    }

    @Test func aBlobIsNamedByWhatIsStored() {
        for piece in [Self.text, seededBytes(40_000, seed: 3)] {
            let (entry, stored) = self.encode(piece)
            #expect(entry.blob == stored.withUnsafeBytes { BlobID(ofStored: $0) })
        }
    }

    @Test func onlyWhatShrinksIsCompressed() {
        let (text, frame) = self.encode(Self.text)
        #expect(text.flags == .zstd)
        #expect(frame.count < Self.text.count / 10)
        let noise = seededBytes(40_000, seed: 4)
        let (entry, stored) = self.encode(noise)
        #expect(entry.flags == [])
        #expect(stored == noise)
    }

    @Test func oneGoodSampleIsEnough() {
        let (entry, _) = self.encode(seededBytes(60_000, seed: 5) + Self.text)
        #expect(entry.flags == .zstd)
    }

    @Test func zerosStoreNothing() {
        let (entry, stored) = self.encode([UInt8](repeating: 0, count: 128 << 10))
        #expect(entry == .hole(128 << 10))
        #expect(stored.isEmpty)
        #expect(!self.encode([0, 0, 1]).entry.isHole)
        #expect(self.encode([0]).entry.isHole)
    }

    @Test func anotherPieceDoesNotMatch() {
        var other = Self.text
        other[20_000] ^= 1
        let (text, _) = self.encode(Self.text)
        #expect(!other.withUnsafeBytes { self.encoder.matches(text, $0) })
        #expect(!other.dropLast().withUnsafeBytes { self.encoder.matches(text, $0) })
        #expect(!other.withUnsafeBytes { self.encoder.matches(.hole(other.count), $0) })
    }

    @Test func aFrameThatGivesAnotherLengthIsDamage() throws {
        let (entry, stored) = self.encode(Self.text)
        for plain in [entry.plainLength - 1, entry.plainLength + 1, 1 << 20] {
            let lie = try #require(
                Entry(
                    blob: entry.blob,
                    storedLength: entry.storedLength,
                    plainLength: plain,
                    flags: .zstd
                )
            )
            #expect(throws: ContentError.self) { try self.decode(lie, stored) }
        }
    }

    @Test func everyFlippedBitOfAFramesHeadIsDamageOrHarmless() throws {
        let (entry, stored) = self.encode(Self.text)
        for bit in 0..<min(stored.count, 24) * 8 {
            var damaged = stored
            damaged[bit / 8] ^= 1 << (bit % 8)
            let plain = try? self.decode(entry, damaged)
            #expect(plain == nil || plain?.count == Self.text.count)
        }
    }

    @Test func storedBytesOfAnotherLengthAreDamage() {
        let (entry, stored) = self.encode(seededBytes(100, seed: 6))
        #expect(throws: ContentError.self) { try self.decode(entry, stored + [0]) }
        #expect(throws: ContentError.self) { try self.decode(.hole(5), [0]) }
    }

    @Test func damageHasAStableName() {
        let error = #expect(throws: ContentError.self) { try self.decode(.hole(5), [0]) }
        #expect(error?.code == .contentDamaged)
        #expect(error?.code.name == "content_damaged")
    }
}

@Suite struct SmallCodecTests {
    @Test(arguments: [
        Sample("nothing", []),
        Sample("one byte", [1]),
        Sample("a little text", BlobTests.text.prefix(100)),
        Sample("much text", BlobTests.text.prefix(60 << 10)),
        Sample("noise", seededBytes(60 << 10, seed: 1)),
        Sample("zeros", repeatElement(0, count: 5_000)),
    ])
    func contentComesBackAsItWas(sample: Sample) throws {
        let content = sample.bytes
        let stored = SmallCodec().compress(content)
        let (codec, bytes) = (stored.codec, stored.bytes)
        #expect(bytes.count <= content.count)
        let plain = try SmallCodec.decompress(codec: codec, bytes, size: content.count)
        #expect(plain == content)
    }

    @Test func onlyWhatShrinksIsCompressed() {
        #expect(SmallCodec().compress(BlobTests.text).codec == SmallCodec.zstd)
        #expect(SmallCodec().compress(seededBytes(1_000, seed: 1)).codec == SmallCodec.plain)
    }

    @Test func anotherSizeIsDamage() {
        let text = BlobTests.text
        let stored = SmallCodec().compress(text)
        let (codec, bytes) = (stored.codec, stored.bytes)
        for size in [-1, 0, text.count - 1, text.count + 1, Limits.smallPlainBytesMax + 1] {
            let error = #expect(throws: ContentError.self) {
                try SmallCodec.decompress(codec: codec, bytes, size: size)
            }
            #expect(error?.code == .contentDamaged)
        }
        #expect(throws: ContentError.self) {
            try SmallCodec.decompress(codec: SmallCodec.plain, [1, 2], size: 3)
        }
        #expect(throws: ContentError.self) {
            try SmallCodec.decompress(codec: SmallCodec.zstd, [], size: 0x10)
        }
    }

    @Test func anUnknownCodecIsRefusedByName() {
        let error = #expect(throws: ContentError.self) {
            try SmallCodec.decompress(codec: 2, [1], size: 1)
        }
        #expect(error?.code == .codecUnknown)
    }
}

@Suite struct PieceDigestTests {
    @Test func aTreeIsOverTheDigestsOfThePlainPieces() throws {
        let pieces = [
            seededBytes(40_000, seed: 7), BlobTests.text, [UInt8](repeating: 0, count: 9_000),
            [UInt8](repeating: 0, count: 9_000),
        ]
        let encoder = BlobEncoder(profile: .thinLine)
        var (tree, whole) = (PieceDigest(.tree), PieceDigest(.sha256))
        var kinds: [Entry.Flags] = []
        for piece in pieces {
            piece.withUnsafeBytes { bytes in
                let entry = encoder.encode(bytes).entry
                kinds.append(entry.flags)
                tree.take(entry, bytes)
                whole.take(entry, bytes)
            }
        }
        #expect(kinds == [[], .zstd, .hole, .hole])
        let leaves = pieces.flatMap { Digest.sha256($0).bytes }
        #expect(tree.finalize() == .sha256(Array("tributary file tree 1".utf8) + leaves))
        #expect(whole.finalize() == .sha256(pieces.flatMap { $0 }))
    }
}

@Suite struct FileDigestTests {
    @Test func zerosCountAsIfTheyHadBeenRead() {
        var digest = FileDigest()
        [UInt8(1), 2].withUnsafeBytes { digest.update($0) }
        digest.update(zeros: 200_000)
        let bytes = [1, 2] + [UInt8](repeating: 0, count: 200_000)
        #expect(digest.finalize() == .sha256(context: "", bytes))
        #expect(FileDigest().finalize() == .sha256(context: "", []))
    }
}
