import Foundation
import MeshModel
import SwiftProtobuf
import Testing

import enum Crypto.P256

@testable import MeshIdentity

@Suite struct KeyRequestTests {
    static let now = UnixMilliseconds(1_795_000_000_000)

    let node: NodeName
    let mesh: MeshName
    let statement = StatementKey()
    let tls = TLSKey()

    init() throws {
        self.node = try #require(NodeName("buoy-7"))
        self.mesh = try #require(MeshName("coast"))
    }

    private func make(replacing previous: StatementKey? = nil) throws -> String {
        try KeyRequest.make(
            node: self.node,
            mesh: self.mesh,
            statementKey: self.statement,
            tlsKey: self.tls,
            replacing: previous,
            at: Self.now
        )
    }

    /// The message in the armour, changed and put back.
    private func changed(_ change: (inout ProtoSignedKeyRequest) throws -> Void) throws -> String {
        let label = "TRIBUTARY KEY REQUEST"
        let bytes = try #require(Armour.unwrap(try self.make(), label))
        var signed = try ProtoSignedKeyRequest(serializedBytes: bytes)
        try change(&signed)
        return Armour.wrap(Wire.encode(signed), label)
    }

    @Test func aRequestSaysWhoseKeysItShows() throws {
        let request = try KeyRequest(armoured: try self.make())
        #expect(request.node == self.node)
        #expect(request.mesh == self.mesh)
        #expect(request.at == Self.now)
        #expect(request.statementKey == self.statement.publicKey)
        #expect(request.tlsKeyDER == self.tls.publicKeyDER)
        #expect(request.tlsFingerprint == self.tls.fingerprint)
    }

    @Test func aRequestHoldsNoPrivateKey() throws {
        let bytes = Data(try #require(Armour.unwrap(try self.make(), "TRIBUTARY KEY REQUEST")))
        #expect(bytes.range(of: self.statement.key.rawRepresentation) == nil)
        #expect(bytes.count < 500)
    }

    @Test func aRequestSurvivesMailWithCRLF() throws {
        let text = try self.make().replacing("\n", with: "\r\n")
        #expect(try KeyRequest(armoured: text).node == self.node)
    }

    @Test func keysThatOneDoesNotHaveCannotBeAskedFor() throws {
        let other = StatementKey()
        let texts = try [
            self.changed { $0.statementSignature = $0.tlsSignature },
            self.changed { $0.tlsSignature = $0.statementSignature },
            self.changed { signed in
                var request = try ProtoKeyRequest(serializedBytes: signed.request)
                request.statementKey = Data(other.publicKey.bytes)
                signed.request = Data(Wire.encode(request))
                signed.statementSignature = Data(
                    try other.sign(Array(signed.request), context: "tributary key request 1")
                )
            },
            self.changed { signed in
                var request = try ProtoKeyRequest(serializedBytes: signed.request)
                request.node = "hq"
                signed.request = Data(Wire.encode(request))
            },
        ]
        for text in texts {
            let error = #expect(throws: IdentityError.self) { try KeyRequest(armoured: text) }
            #expect(error?.code == .requestInvalid)
        }
    }

    @Test func aKeyUsedTwiceIsRefused() throws {
        let pem = self.tls.pem
        let text = try KeyRequest.make(
            node: self.node,
            mesh: nil,
            statementKey: try StatementKey(pem: pem),
            tlsKey: try TLSKey(pem: pem),
            replacing: nil,
            at: Self.now
        )
        #expect(throws: IdentityError.self) { try KeyRequest(armoured: text) }
    }

    @Test(arguments: ["", "nonsense", "-----BEGIN TRIBUTARY KEY REQUEST-----\n"])
    func whatIsNoRequestIsRefused(text: String) {
        let error = #expect(throws: IdentityError.self) { try KeyRequest(armoured: text) }
        #expect(error?.code == .requestInvalid)
        #expect(throws: IdentityError.self) {
            try KeyRequest(armoured: text + String(repeating: "A", count: KeyRequest.byteCountMax))
        }
    }

    @Test func onlyTheKeyThatIsReplacedCanAgree() throws {
        let previous = StatementKey()
        let agreed = try KeyRequest(armoured: try self.make(replacing: previous))
        #expect(agreed.isAgreed(by: previous.publicKey))
        #expect(!agreed.isAgreed(by: StatementKey().publicKey))
        let alone = try KeyRequest(armoured: try self.make())
        #expect(!alone.isAgreed(by: previous.publicKey))
        #expect(alone.fingerprint == agreed.fingerprint)
    }

    @Test func aSealedKeyOpensWithItsPassphraseOnly() throws {
        let passphrase = Array("correct horse battery staple".utf8)
        let sealed = try SealedKey.seal(keyPEM: self.statement.pem, passphrase: passphrase)
        #expect(SealedKey.isSealed(sealed))
        #expect(!SealedKey.isSealed(self.statement.pem))
        #expect(!sealed.contains(self.statement.pem.dropFirst(40).prefix(40)))
        #expect(try SealedKey.open(sealed, passphrase: passphrase) == self.statement.pem)
        let error = #expect(throws: IdentityError.self) {
            try SealedKey.open(sealed, passphrase: passphrase + [0x20])
        }
        #expect(error?.code == .passphraseWrong)
    }

    @Test func theCostsOfASealedKeyAreBounded() throws {
        let label = "TRIBUTARY SEALED KEY"
        let sealed = try SealedKey.seal(keyPEM: "k", passphrase: [1])
        let bytes = try #require(Armour.unwrap(sealed, label))
        for logN in [UInt32(0), 21, 64] {
            var message = try ProtoSealedKey(serializedBytes: bytes)
            message.scryptLogN = logN
            let text = Armour.wrap(Wire.encode(message), label)
            let error = #expect(throws: IdentityError.self) {
                try SealedKey.open(text, passphrase: [1])
            }
            #expect(error?.code == .keyUnreadable)
        }
        var cheaper = try ProtoSealedKey(serializedBytes: bytes)
        cheaper.scryptLogN = 10
        #expect(throws: IdentityError.self) {
            try SealedKey.open(Armour.wrap(Wire.encode(cheaper), label), passphrase: [1])
        }
    }
}
