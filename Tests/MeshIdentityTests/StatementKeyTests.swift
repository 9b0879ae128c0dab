import MeshIdentity
import MeshModel
import Testing

@Suite struct StatementKeyTests {
    static let bytes = Array("opening".utf8)

    @Test func aSignatureHoldsForItsKeyContextAndBytesOnly() throws {
        let key = StatementKey()
        let signature = try key.sign(Self.bytes, context: "tributary opening 1")
        let publicKey = key.publicKey
        #expect(signature.count == 64)
        #expect(publicKey.isValid(signature, context: "tributary opening 1", over: Self.bytes))
        #expect(!publicKey.isValid(signature, context: "tributary closing 1", over: Self.bytes))
        #expect(!publicKey.isValid(signature, context: "tributary opening 1", over: [1]))
        #expect(
            !StatementKey().publicKey.isValid(
                signature,
                context: "tributary opening 1",
                over: Self.bytes
            )
        )
    }

    @Test(arguments: [0, 63, 65, 4_096]) func aSignatureOfAnotherLengthIsInvalid(count: Int) {
        let key = StatementKey().publicKey
        #expect(!key.isValid([UInt8](repeating: 0, count: count), context: "", over: []))
    }

    @Test func theZeroSignatureIsInvalid() {
        let key = StatementKey().publicKey
        #expect(!key.isValid([UInt8](repeating: 0, count: 64), context: "", over: []))
    }

    @Test func aKeySurvivesItsTextForm() throws {
        let key = StatementKey()
        let again = try StatementKey(pem: key.pem)
        #expect(again.publicKey == key.publicKey)
        #expect(StatementPublicKey(bytes: key.publicKey.bytes) == key.publicKey)
        #expect(key.publicKey.bytes.count == 33)
    }

    @Test func theKeyIDIsTheBeginningOfTheDigest() {
        let key = StatementKey().publicKey
        #expect(key.keyID == Array(Digest.sha256(key.bytes).bytes.prefix(8)))
    }

    @Test func bytesThatAreNoPointAreNoKey() {
        let bytes = StatementKey().publicKey.bytes
        #expect(StatementPublicKey(bytes: []) == nil)
        #expect(StatementPublicKey(bytes: bytes + [0]) == nil)
        #expect(StatementPublicKey(bytes: [9] + bytes.dropFirst()) == nil)
        #expect(StatementPublicKey(bytes: [2] + [UInt8](repeating: 0xFF, count: 32)) == nil)
    }

    @Test(arguments: ["", "-----BEGIN PRIVATE KEY-----", "secret"])
    func textThatIsNoKeyIsRefusedAndNotShown(text: String) throws {
        let error = try #require(throws: IdentityError.self) { try StatementKey(pem: text) }
        #expect(error.code == .keyUnreadable)
        #expect(!error.description.contains("secret"))
    }
}
