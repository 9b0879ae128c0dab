import MeshIdentity
import MeshModel
import Testing

@Suite struct StatementSignerTests {
    let fixture: StatementFixture

    init() throws { self.fixture = try StatementFixture() }

    @Test func everyStatementOfABatchVerifiesAlone() throws {
        let drafts = (1...7).map { self.fixture.draft(.landed, of: [$0 * 10, $0 * 10 + 1]) }
        let batch = try self.fixture.sign(drafts)
        #expect(batch.statements.count == 7)
        for (index, statement) in batch.statements.enumerated() {
            let verified = try self.fixture.verify(statement.bytes)
            #expect(verified == statement)
            #expect(verified.leaves == drafts[index].leaves)
            #expect(verified.batch == batch.position)
            #expect(try SignedStatement(trusted: statement.bytes) == statement)
        }
    }

    @Test func batchesCountAndChain() throws {
        let first = try self.fixture.sign([self.fixture.draft(of: [1])])
        let second = try self.fixture.sign([self.fixture.draft(of: [2])], after: first.position)
        #expect(first.position.number == 1)
        #expect(first.statements[0].previousBatch == nil)
        #expect(second.position.number == 2)
        #expect(second.statements[0].previousBatch == first.position.digest)
    }

    @Test(arguments: StatementKind.allCases) func everyKindComesBack(kind: StatementKind) throws {
        let statement = try self.fixture.sign([self.fixture.draft(kind, of: [1])]).statements[0]
        #expect(try self.fixture.verify(statement.bytes).kind == kind)
    }

    @Test func justTheseKindsEndAParcel() {
        let terminal = StatementKind.allCases.filter(\.isTerminal)
        #expect(
            Set(terminal) == [
                .landed, .landedLate, .refused, .superseded, .expired, .recalled, .abandoned,
            ]
        )
    }

    @Test func aLargeDraftBecomesSeveralStatementsThatEachFit() throws {
        let numbers = Array(1...1_000 as ClosedRange<UInt64>)
        let statements = try self.fixture.sign([self.fixture.draft(of: numbers.shuffled())])
            .statements
        #expect(statements.count == 8)
        #expect(statements.flatMap { $0.leaves.map(\.sequence.rawValue) } == numbers)
    }

    @Test func longPassagesStillFitAFrame() throws {
        let longest = try #require(NodeName(String(repeating: "n", count: 63)))
        var passage = Passage.empty
        for _ in 0..<Limits.hopsMax {
            passage = try #require(
                passage.appending(
                    PassageLine(
                        node: longest,
                        arrived: self.fixture.now,
                        held: self.fixture.now,
                        sent: self.fixture.now,
                        statement: .sha256([1])
                    )
                )
            )
        }
        let numbers = (1...128 as ClosedRange<UInt64>).map { $0 * 2 + 1 << 40 }
        let leaves = numbers.map {
            StatementLeaf(
                sequence: SequenceNumber($0),
                parcel: StatementFixture.parcel($0),
                closing: ClosingID(.sha256([1])),
                detail: String(repeating: "d", count: 300)
            )
        }
        let draft = StatementDraft(
            kind: .landed,
            stream: self.fixture.stream,
            leaves: leaves,
            passages: Dictionary(uniqueKeysWithValues: leaves.map { ($0.parcel, passage) })
        )
        let statements = try self.fixture.sign([draft]).statements
        #expect(statements.allSatisfy { $0.bytes.count <= SignedStatement.byteCountMax })
        #expect(statements.flatMap(\.leaves).map(\.sequence.rawValue) == numbers)
        #expect(statements.reduce(0) { $0 + $1.passages.count } == 128)
        #expect(statements.count < 25)
        for statement in statements { _ = try self.fixture.verify(statement.bytes) }
    }

    @Test func manyLeavesWithGapsFitWithoutPassages() throws {
        let draft = self.fixture.draft(of: (1...128 as ClosedRange<UInt64>).map { $0 << 50 })
        #expect(try self.fixture.sign([draft]).statements.count == 1)
    }

    @Test func twoParcelsOfOneNumberAreStatedApart() throws {
        let clone = StatementLeaf(
            sequence: SequenceNumber(5),
            parcel: StatementFixture.parcel(500)
        )
        let draft = StatementDraft(
            kind: .refused,
            reason: "doubled",
            stream: self.fixture.stream,
            leaves: [StatementFixture.leaf(6), clone, StatementFixture.leaf(5)]
        )
        let statements = try self.fixture.sign([draft]).statements
        #expect(statements.count == 2)
        #expect(statements.flatMap(\.leaves).count == 3)
        for statement in statements { _ = try self.fixture.verify(statement.bytes) }
    }

    @Test func aLeafTakesThePassageThatComesAlong() throws {
        let passage = try PassageTests.passage(2)
        let parcel = StatementFixture.parcel(1)
        let statement = try self.fixture.sign(
            [self.fixture.draft(.landed, of: [1, 2], passages: [parcel: passage])]
        ).statements[0]
        #expect(statement.leaves[0].passage == passage.digest)
        #expect(statement.leaves[1].passage == nil)
        #expect(try self.fixture.verify(statement.bytes).passages == [parcel: passage])
    }

    @Test func whatNobodyWouldAcceptIsNotSigned() throws {
        let parcel = StatementFixture.parcel(1)
        let leaf = StatementLeaf(
            sequence: SequenceNumber(1),
            parcel: parcel,
            passage: .sha256([1])
        )
        let draft = StatementDraft(
            kind: .landed,
            stream: self.fixture.stream,
            leaves: [leaf],
            passages: [parcel: try PassageTests.passage(1)]
        )
        #expect(throws: IdentityError.self) { try self.fixture.sign([draft]) }
        #expect(throws: IdentityError.self) { try self.fixture.sign([self.fixture.draft(of: [0])]) }
    }

    @Test func textFromOutsideIsMadeSafe() throws {
        let leaf = StatementFixture.leaf(
            1,
            detail: "a\u{1B}[31m\n\u{85}b" + String(repeating: "ü", count: 300)
        )
        #expect(leaf.detail.hasPrefix("a[31mbü"))
        #expect(leaf.detail.utf8.count <= StatementLeaf.detailByteCountMax)
        let draft = StatementDraft(
            kind: .refused,
            reason: String(repeating: "r", count: 100),
            stream: self.fixture.stream,
            leaves: [leaf]
        )
        let statement = try self.fixture.sign([draft]).statements[0]
        #expect(try self.fixture.verify(statement.bytes).reason.count == 64)
        #expect(statement.leaves == [leaf])
    }
}
