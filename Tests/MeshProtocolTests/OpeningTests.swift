import MeshIdentity
import MeshModel
import MeshProtocol
import Testing

@Suite struct OpeningTests {
    @Test func anOpeningComesBackAsItWas() throws {
        var opening = try Sample.opening()
        opening.setID = [1, 2]
        opening.setCount = 9
        opening.digest = .tree
        #expect(try Opening(encoded: opening.encoded()) == opening)
    }

    @Test func equalOpeningsGiveEqualBytes() throws {
        // Tags are a dictionary: its order must not reach the bytes that are signed.
        let bytes = try Sample.opening().encoded()
        for _ in 0..<20 { #expect(try Sample.opening().encoded() == bytes) }
    }

    @Test func theNameOfAParcelNeverChanges() throws {
        #expect(try Sample.signedOpening().id.description == FrameVectors.openingID)
    }

    @Test func onlyTheKeyThatSignedVerifies() throws {
        let signed = try SignedOpening(opening: Sample.opening(), key: Sample.key)
        #expect(signed.isSigned(by: Sample.key.publicKey))
        #expect(signed.opening.keyID == Sample.key.publicKey.keyID)
        #expect(!signed.isSigned(by: StatementKey().publicKey))
        #expect(try !Sample.signedOpening().isSigned(by: Sample.key.publicKey))
    }

    @Test func aPathIsCarriedAsItIs() throws {
        let path: [UInt8] = [0x2E, 0x2E, 0x2F, 0xFF, 0x00]
        let signed = try SignedOpening(opening: Sample.opening(path: path), key: Sample.key)
        #expect(signed.opening.path == path)
    }

    @Test func whatIsTooLongIsNotSigned() throws {
        var opening = try Sample.opening(path: [UInt8](repeating: 0x61, count: 4_000))
        opening.tags = ["note": String(repeating: "a", count: Limits.openingBytesMax - 4_000)]
        #expect(throws: ProtocolError.self) {
            try SignedOpening(opening: opening, key: Sample.key).bytes.count
        }
    }

    @Test func fieldsBeyondTheirBoundsAreRefused() throws {
        var openings: [Opening] = []
        for change: (inout Opening) -> Void in [
            { $0.sequence = SequenceNumber(0) }, { $0.mode = 0o10000 }, { $0.keyID = [1] },
            { $0.size = ByteCount(Limits.fileBytesMax + 1) },
        ] {
            var opening = try Sample.opening()
            change(&opening)
            openings.append(opening)
        }
        for opening in openings {
            #expect(throws: ProtocolError.self) { try Opening(encoded: opening.encoded()) }
        }
        for bytes: [UInt8] in [[], [0xFF], [UInt8](repeating: 0, count: 4_000)] {
            #expect(throws: ProtocolError.self) { try Opening(encoded: bytes) }
        }
    }

    @Test func aSealedOpeningIsUnsupported() throws {
        // Field 3, varint 1.
        let bytes = try Sample.opening().encoded() + [0x18, 0x01]
        let error = #expect(throws: ProtocolError.self) { try Opening(encoded: bytes) }
        #expect(error?.code == .unsupported)
    }

    @Test func anUnknownDigestIsUnsupported() throws {
        // Field 16 of the envelope, field 1 of the opening: another digest than those of today.
        let bytes = try Sample.opening().encoded() + [0x0A, 0x03, 0x80, 0x01, 0x03]
        let error = #expect(throws: ProtocolError.self) { try Opening(encoded: bytes) }
        #expect(error?.code == .unsupported)
    }

    @Test(arguments: DigestAlgorithm.allCases)
    func aClosingComesBackAndVerifies(algorithm: DigestAlgorithm) throws {
        var closing = try Sample.closing()
        closing.algorithm = algorithm
        let signed = try SignedClosing(closing: closing, key: Sample.key)
        let read = try SignedClosing(bytes: signed.bytes, signature: signed.signature)
        #expect(read == signed)
        #expect(read.closing == signed.closing)
        #expect(read.id == ClosingID(ofClosing: signed.bytes))
        #expect(read.isSigned(by: Sample.key.publicKey))
    }
}

@Suite struct SmallParcelTests {
    static func make(_ content: [UInt8], size: Int? = nil) throws -> SmallParcel {
        let draft = try SmallDraft(
            opening: Sample.opening(),
            size: size ?? content.count,
            digest: .sha256(content),
            codec: size == nil ? 0 : 1,
            content: content,
            key: Sample.key
        )
        return try SmallParcel.signed([draft], key: Sample.key)[0]
    }

    @Test func oneSignatureCoversOpeningAndClosing() throws {
        let small = try Self.make([1, 2, 3])
        #expect(small.isSigned(by: Sample.key.publicKey))
        #expect(!small.opening.isSigned(by: Sample.key.publicKey))
        var other = try Sample.closing()
        other.parcel = small.id
        other.entryCount = 0
        other.root = MerkleTree.root([])
        other.size = ByteCount(3)
        let forged = try SmallParcel(
            parsingOpening: small.opening.bytes,
            closing: other.encoded(),
            signature: small.signature,
            codec: 0,
            content: small.content
        )
        #expect(!forged.isSigned(by: Sample.key.publicKey))
    }

    static func batch(_ count: UInt64) throws -> [SmallParcel] {
        let drafts = try (0..<count).map { number in
            try SmallDraft(
                opening: Sample.opening(7 + number),
                size: 1,
                digest: .sha256([UInt8(number)]),
                codec: 0,
                content: [UInt8(number)],
                key: Sample.key
            )
        }
        return try SmallParcel.signed(drafts, key: Sample.key)
    }

    @Test(arguments: [1, 2, 3, 15, 16, 17, 35] as [UInt64])
    func parcelsThatAreSignedTogetherEachProveThemselves(count: UInt64) throws {
        var verified = VerifiedBatches()
        let other = StatementKey().publicKey
        for (number, small) in try Self.batch(count).enumerated() {
            #expect(small.content == [UInt8(number)])
            #expect(small.isSigned(by: Sample.key.publicKey))
            let isVerified = (
                verified.isSigned(small, by: Sample.key.publicKey),
                verified.isSigned(small, by: other)
            )
            #expect(isVerified == (true, false))
            #expect(small.signature.count <= 196)
            // As it comes over the wire.
            let read = try Self.reading(small, signature: small.signature)
            #expect(read == small)
        }
    }

    @Test func theSignatureOfABatchIsGoodForItsOwnPlaceOnly() throws {
        let batch = try Self.batch(5)
        var verified = VerifiedBatches()
        let isVerified = verified.isSigned(batch[0], by: Sample.key.publicKey)
        #expect(isVerified)
        let forgeries: [[UInt8]] =
            [batch[1].signature]
            + (0..<batch[0].signature.count).map { place in
                var signature = batch[0].signature
                signature[place] ^= 1
                return signature
            }
        for signature in forgeries {
            // Its form may be wrong as well.
            guard let forged = try? Self.reading(batch[0], signature: signature) else { continue }
            #expect(!forged.isSigned(by: Sample.key.publicKey))
            let isVerified = verified.isSigned(forged, by: Sample.key.publicKey)
            #expect(!isVerified)
        }
        for signature in [
            Array(batch[0].signature.dropLast()), batch[0].signature + [0],
            Array(batch[0].signature.prefix(66)), Array(batch[0].signature.prefix(63)), [],
        ] {
            #expect(throws: ProtocolError.self) {
                try Self.reading(batch[0], signature: signature)
            }
        }
        // Without its path it is no signature of this parcel alone.
        let bare = try Self.reading(batch[0], signature: Array(batch[0].signature.prefix(64)))
        #expect(!bare.isSigned(by: Sample.key.publicKey))
    }

    @Test(arguments: [1, 3] as [UInt64])
    func aPartOfAnOpeningIsNoEvidence(count: UInt64) throws {
        let small = try Self.batch(count)[0]
        let key = Sample.key.publicKey
        func shown(_ opening: [UInt8], _ closing: [UInt8]) -> ParcelID? {
            Evidence.opening(opening, closing: closing, signature: small.signature)
                .opening { _, _ in key }?.id
        }
        #expect(shown(small.opening.bytes, small.closing.bytes) == small.id)
        #expect(shown(small.opening.bytes, []) == nil)
        // Wherever else the signed bytes are divided, another opening would come of it.
        let signed = small.opening.bytes + small.closing.bytes
        for end in 1..<signed.count where end != small.opening.bytes.count {
            #expect(shown(Array(signed[..<end]), Array(signed[end...])) == nil)
        }
    }

    @Test func whatWasVerifiedLongAgoIsVerifiedAnew() throws {
        var verified = VerifiedBatches()
        let batches = try (0..<70).map { _ in try Self.batch(2) }
        for _ in 0..<2 {
            for small in batches.joined() {
                let isVerified = verified.isSigned(small, by: Sample.key.publicKey)
                #expect(isVerified)
            }
        }
    }

    private static func reading(_ small: SmallParcel, signature: [UInt8]) throws -> SmallParcel {
        try SmallParcel(
            parsingOpening: small.opening.bytes,
            closing: small.closing.bytes,
            signature: signature,
            codec: small.codec,
            content: small.content
        )
    }

    @Test func anEmptyFileIsASmallParcel() throws {
        let small = try Self.make([])
        #expect(small.closing.closing.root == MerkleTree.root([]))
        #expect(small.content.isEmpty)
    }

    @Test func aClosingOfAnotherParcelIsRefused() throws {
        let small = try Self.make([1])
        #expect(throws: ProtocolError.self) {
            try SmallParcel(
                parsingOpening: Sample.opening(8).encoded(),
                closing: small.closing.bytes,
                signature: small.signature,
                codec: 0,
                content: [1]
            )
        }
    }

    @Test func contentThatDoesNotFitItsSizeIsRefused() throws {
        #expect(throws: ProtocolError.self) { try Self.make([1, 2], size: 1) }
        #expect(throws: ProtocolError.self) { try Self.make([1], size: 70_000) }
        let small = try Self.make([1, 2])
        #expect(throws: ProtocolError.self) {
            try SmallParcel(
                parsingOpening: small.opening.bytes,
                closing: small.closing.bytes,
                signature: small.signature,
                codec: 0,
                content: [1]
            )
        }
    }

    @Test func theLargestStillFitsAFrameWithItsPassage() throws {
        let small = try Self.make([UInt8](repeating: 3, count: Limits.smallPlainBytesMax))
        var passage = Passage.empty
        for hop in 0..<20 {
            let line = PassageLine(
                node: try Sample.node("relay-\(hop)"),
                arrived: UnixMilliseconds(1_700_000_000_000),
                held: UnixMilliseconds(1_700_000_000_000),
                sent: UnixMilliseconds(1_700_000_000_000),
                statement: .sha256([1])
            )
            passage = try #require(passage.appending(line))
        }
        #expect(try Message.small(small, passage, again: true).frames().count == 1)
    }
}
