import FoundationEssentials
import MeshIdentity
import MeshModel
import SwiftProtobuf
import Testing

@Suite struct SignedStatementTests {
    let fixture: StatementFixture

    init() throws { self.fixture = try StatementFixture() }

    @Test func aStatementOfAnotherMeshIsTold() throws {
        let bytes = try self.fixture.sign([self.fixture.draft(of: [1])]).statements[0].bytes
        let other = try #require(MeshName("other"))
        let error = try #require(throws: IdentityError.self) {
            try SignedStatement(verifying: bytes, mesh: other) { _, _ in
                self.fixture.key.publicKey
            }
        }
        #expect(error.code == .wrongMesh)
    }

    @Test func aKeyThatTheIndexDoesNotListIsTold() throws {
        let bytes = try self.fixture.sign([self.fixture.draft(of: [1])]).statements[0].bytes
        let error = try #require(throws: IdentityError.self) {
            try SignedStatement(verifying: bytes, mesh: self.fixture.mesh) { _, _ in nil }
        }
        #expect(error.code == .unknownKey)
    }

    @Test func anotherKeyDoesNotVerifyButTheStatementIsReadable() throws {
        let bytes = try self.fixture.sign([self.fixture.draft(of: [1])]).statements[0].bytes
        let error = try #require(throws: IdentityError.self) {
            try SignedStatement(verifying: bytes, mesh: self.fixture.mesh) { _, _ in
                StatementKey().publicKey
            }
        }
        #expect(error.code == .signatureInvalid)
        let trusted = try SignedStatement(trusted: bytes)
        #expect(trusted.isSigned(by: self.fixture.key.publicKey))
        #expect(!trusted.isSigned(by: StatementKey().publicKey))
    }

    @Test func whatIsTooLongIsNotParsed() throws {
        let bytes = try self.fixture.sign([self.fixture.draft(of: [1])]).statements[0].bytes
        let padding = [UInt8](repeating: 0, count: 64 << 10)
        #expect(self.fixture.refusal(of: bytes + padding) == .statementMalformed)
        #expect(self.fixture.refusal(of: []) == .statementMalformed)
    }

    @Test func whatTheForgeMakesHonestlyVerifies() throws {
        #expect(self.fixture.refusal(of: try Forge(self.fixture).bytes()) == nil)
    }

    /// Each is signed by the right key: a node that turned bad, or a bug of one.
    @Test(arguments: Forge.tricks) func aSignedLieIsRefused(trick: Forge.Trick) throws {
        var forge = Forge(self.fixture)
        trick.play(&forge)
        #expect(self.fixture.refusal(of: try forge.bytes()) == .statementMalformed)
    }

    @Test func aStatementCanTravelWithoutItsPassages() throws {
        let parcel = StatementFixture.parcel(1)
        let passage = try PassageTests.passage(2)
        let statement = try self.fixture.sign(
            [self.fixture.draft(.landed, of: [1], passages: [parcel: passage])]
        ).statements[0]
        var proto = try ProtoSignedStatement(serializedBytes: statement.bytes)
        proto.passages = []
        let verified = try self.fixture.verify(try proto.serializedBytes())
        #expect(verified.passages.isEmpty)
        #expect(verified.leaves[0].passage == passage.digest)

        // But not with another passage, nor with a part of it.
        proto.passages = [ProtoPassage.with { $0.lines = [Data(passage.lines[0])] }]
        let cut: [UInt8] = try proto.serializedBytes()
        #expect(self.fixture.refusal(of: cut) == .statementMalformed)
    }
}

/// Makes signed statements that break one rule each, with a signature that verifies.
struct Forge {
    struct Trick: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let play: @Sendable (inout Forge) -> Void
        init(_ name: String, _ play: @escaping @Sendable (inout Forge) -> Void) {
            self.testDescription = name
            self.play = play
        }
    }

    var leaves: [ProtoLeaf]
    var statement = ProtoStatement()
    var batch = ProtoBatch()
    /// What is done to the whole after everything was hashed and signed.
    var afterwards: @Sendable (inout ProtoSignedStatement) -> Void = { _ in }
    private let key: StatementKey

    init(_ fixture: StatementFixture) {
        self.key = fixture.key
        self.leaves = (1...3).map { Self.leaf($0) }
        self.statement.mesh = fixture.mesh.text
        self.statement.signer = fixture.node.text
        self.statement.keyID = Data(fixture.key.publicKey.keyID)
        self.statement.kind = .custody
        self.statement.at = fixture.now.rawValue
        self.statement.origin = fixture.stream.origin.text
        self.statement.flow = fixture.stream.flow.text
        self.statement.runs = [Self.run(1, 3)]
        self.batch.signer = fixture.node.text
        self.batch.keyID = self.statement.keyID
        self.batch.number = 1
        self.batch.at = fixture.now.rawValue
        self.batch.size = 1
    }

    static func leaf(_ sequence: UInt64) -> ProtoLeaf {
        ProtoLeaf.with {
            $0.sequence = sequence
            $0.parcelID = Data(StatementFixture.parcel(sequence).bytes)
        }
    }

    static func run(_ first: UInt64, _ last: UInt64) -> ProtoSequenceRun {
        ProtoSequenceRun.with {
            $0.first = first
            $0.last = last
        }
    }

    func bytes() throws -> [UInt8] {
        var signed = ProtoSignedStatement()
        signed.leaves = try self.leaves.map { try $0.serializedBytes() }
        var statement = self.statement
        statement.root = Data(MerkleTree.root(signed.leaves.map { Array($0) }).bytes)
        signed.statement = try statement.serializedBytes()
        var batch = self.batch
        if batch.root.isEmpty {
            let leaf = Array("tributary statement 1".utf8) + Array(signed.statement)
            batch.root = Data(MerkleTree.root([leaf]).bytes)
        }
        signed.batch = try batch.serializedBytes()
        signed.signature = Data(
            try self.key.sign(Array(signed.batch), context: "tributary batch 1")
        )
        self.afterwards(&signed)
        return try signed.serializedBytes()
    }

    static let tricks = [
        Trick("no leaves") {
            $0.leaves = []; $0.statement.runs = []
        },
        Trick("too many leaves") {
            $0.leaves = (1...129).map { Self.leaf($0) }
            $0.statement.runs = [Self.run(1, 129)]
        },
        Trick("a run too long") { $0.statement.runs = [Self.run(1, 4)] },
        Trick("a run too many") { $0.statement.runs.append(Self.run(9, 9)) },
        Trick("a run missing") { $0.statement.runs = [] },
        Trick("runs cut in two") { $0.statement.runs = [Self.run(1, 2), Self.run(3, 3)] },
        Trick("a run backwards") { $0.statement.runs = [Self.run(3, 1)] },
        Trick("leaves out of order") { $0.leaves.reverse() },
        Trick("a leaf twice") { $0.leaves.append($0.leaves[2]) },
        Trick("sequence 0") {
            $0.leaves = [Self.leaf(0)]
            $0.statement.runs = [Self.run(0, 0)]
        },
        Trick("a parcel id cut short") { $0.leaves[1].parcelID.removeLast() },
        Trick("no parcel id") { $0.leaves[1].parcelID = Data() },
        Trick("a closing id cut short") { $0.leaves[1].closingID = Data([1]) },
        Trick("a detail with control characters") { $0.leaves[1].detail = "\u{1B}[2J" },
        Trick("a detail too long") {
            $0.leaves[1].detail = String(repeating: "d", count: 257)
        },
        Trick("a reason with a line break") { $0.statement.reason = "a\nb" },
        Trick("no kind") { $0.statement.kind = .unspecified },
        Trick("a kind of a later version") { $0.statement.kind = .UNRECOGNIZED(99) },
        Trick("a name that is none") { $0.statement.origin = "../etc" },
        Trick("no mesh") { $0.statement.mesh = "" },
        Trick("a time beyond the calendar") { $0.statement.at = .max },
        Trick("another signer than the batch's") { $0.statement.signer = "collector" },
        Trick("another key than the batch's") { $0.statement.keyID = Data(count: 8) },
        Trick("batch 0") { $0.batch.number = 0 },
        Trick("batch 2 without one before") { $0.batch.number = 2 },
        Trick("batch 1 with one before") { $0.batch.previous = Data(count: 32) },
        Trick("an empty batch") { $0.batch.size = 0 },
        Trick("a huge batch") { $0.batch.size = .max },
        Trick("a batch of two without a path") { $0.batch.size = 2 },
        Trick("a batch of other statements") { $0.batch.root = Data(count: 32) },
        Trick("a place beyond the batch") { $0.afterwards = { $0.index = 1 } },
        Trick("a path where none is") { $0.afterwards = { $0.path = [Data(count: 32)] } },
        Trick("a path of a thousand") {
            $0.afterwards = { $0.path = Array(repeating: Data(count: 32), count: 1_000) }
        },
        Trick("another leaf") { $0.afterwards = { $0.leaves[0] = Data([8, 1]) } },
        Trick("a leaf left out") { $0.afterwards = { $0.leaves.removeLast() } },
        Trick("a passage too few") { $0.afterwards = { $0.passages = [ProtoPassage()] } },
        Trick("a passage that no leaf names") {
            $0.afterwards = {
                let line = ProtoPassageLine.with { $0.node = "relay" }
                let bytes: Data = (try? line.serializedBytes()) ?? Data()
                $0.passages = [
                    ProtoPassage.with { $0.lines = [bytes] }, ProtoPassage(), ProtoPassage(),
                ]
            }
        },
        Trick("a signature cut short") { $0.afterwards = { $0.signature.removeLast() } },
    ]
}
