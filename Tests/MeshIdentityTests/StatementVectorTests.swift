import FoundationEssentials
import MeshIdentity
import MeshModel
import SwiftProtobuf
import Testing

/// Statements of another implementation, and ours from the same inputs.
@Suite struct StatementVectorTests {
    let fixture: StatementFixture
    let signed: [[UInt8]]

    init() throws {
        self.fixture = try StatementFixture(key: StatementKey(pem: StatementVectors.key))
        self.signed = try [StatementVectors.signed0, StatementVectors.signed1].map {
            try #require(Hex.decode($0))
        }
    }

    @Test func theKeyIsThatOfTheVector() {
        #expect(Hex.encode(self.fixture.key.publicKey.bytes) == StatementVectors.publicKey)
        #expect(Hex.encode(self.fixture.key.publicKey.keyID) == StatementVectors.keyID)
    }

    @Test func theCustodyStatementVerifiesAndSaysWhatItShould() throws {
        let statement = try self.fixture.verify(self.signed[0])
        #expect(statement.kind == .custody)
        #expect(statement.reason.isEmpty)
        #expect(statement.at == self.fixture.now)
        #expect(statement.stream == self.fixture.stream)
        #expect(statement.signer == self.fixture.node)
        #expect(statement.signerIncarnation == self.fixture.incarnation)
        #expect(statement.leaves.map(\.sequence.rawValue) == [7, 8, 9, 12])
        #expect(statement.digest.description == StatementVectors.digestOfStatement0)
        #expect(statement.batch.number == 42)
        #expect(statement.batch.digest.description == StatementVectors.digestOfBatch)
        #expect(statement.previousBatch == .sha256(Array("batch 41".utf8)))
        #expect(statement.passages.count == 1)
        #expect(
            statement.passages[StatementFixture.parcel(7)]?.nodes.map(\.text) == [
                "origin", "relay",
            ]
        )
        #expect(statement.leaf(of: StatementFixture.parcel(9)) == StatementFixture.leaf(9))
        #expect(statement.leaf(of: StatementFixture.parcel(10)) == nil)
    }

    @Test func theRefusalVerifiesAndSaysWhatItShould() throws {
        let statement = try self.fixture.verify(self.signed[1])
        #expect(statement.kind == .refused)
        #expect(statement.reason == "digest")
        #expect(
            statement.leaves == [StatementFixture.leaf(20, detail: "seen twice", closed: false)]
        )
        #expect(statement.digest.description == StatementVectors.digestOfStatement1)
        #expect(statement.passages.isEmpty)
    }

    @Test func oursHaveTheSameBytesButForTheSignature() throws {
        let passage = try #require(
            self.fixture.verify(self.signed[0]).passages[StatementFixture.parcel(7)]
        )
        let first = self.fixture.draft(
            .custody,
            of: [12, 8, 7, 9],
            passages: [StatementFixture.parcel(7): passage]
        )
        let second = StatementDraft(
            kind: .refused,
            reason: "digest",
            stream: self.fixture.stream,
            leaves: [StatementFixture.leaf(20, detail: "seen twice", closed: false)]
        )
        let batch = try self.fixture.sign(
            [first, second],
            after: BatchPosition(number: 41, digest: .sha256(Array("batch 41".utf8)))
        )
        for (ours, theirs) in zip(batch.statements, self.signed) {
            var ours = try ProtoSignedStatement(serializedBytes: ours.bytes)
            let theirs = try ProtoSignedStatement(serializedBytes: theirs)
            ours.signature = theirs.signature
            #expect(ours == theirs)
        }
        #expect(batch.position.digest.description == StatementVectors.digestOfBatch)
    }

    @Test func theRootsAreThoseOfTheVector() throws {
        let first = try ProtoSignedStatement(serializedBytes: self.signed[0])
        let second = try ProtoSignedStatement(serializedBytes: self.signed[1])
        #expect(
            MerkleTree.root(first.leaves.map { Array($0) }).description
                == StatementVectors.rootOfStatement0
        )
        #expect(
            MerkleTree.root(second.leaves.map { Array($0) }).description
                == StatementVectors.rootOfStatement1
        )
        let context = Array("tributary statement 1".utf8)
        #expect(
            MerkleTree.root([context + first.statement, context + second.statement]).description
                == StatementVectors.rootOfBatch
        )
    }

    @Test func noBitOfItCanBeChanged() {
        for bytes in self.signed {
            for index in bytes.indices {
                for bit in 0..<8 {
                    var changed = bytes
                    changed[index] ^= 1 << bit
                    #expect(
                        self.fixture.refusal(of: changed) != nil,
                        "byte \(index), bit \(bit)"
                    )
                }
            }
        }
    }

    @Test func noPartOfItCanBeCutOffButItsPassages() throws {
        for bytes in self.signed {
            for count in bytes.indices {
                let prefix = Array(bytes.prefix(count))
                guard self.fixture.refusal(of: prefix) == nil else { continue }
                #expect(try self.fixture.verify(prefix).passages.isEmpty, "\(count)")
                #expect(
                    try self.fixture.verify(prefix).leaves == self.fixture.verify(bytes).leaves
                )
            }
        }
    }
}
