import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import Testing

/// Statements about many parcels at once.
@Suite struct StatedTests {
    private static let key = StatementKey()
    /// The number of the table `seen` in a snapshot's rows.
    private static let seenTable: UInt8 = 8

    private static func word(
        _ kind: StatementKind,
        of sequences: [UInt64]
    ) throws -> LogRecord {
        let signer = StatementSigner(
            mesh: try #require(MeshName("coast")),
            node: try Sample.node("harbour"),
            incarnation: Incarnation(number: 1, random: 2),
            key: Self.key
        )
        let smalls = try sequences.map { try Sample.small($0) }
        let draft = StatementDraft(
            kind: kind,
            stream: try Sample.opening(1).opening.stream,
            leaves: smalls.map { small in
                StatementLeaf(
                    sequence: small.opening.opening.sequence,
                    parcel: small.id,
                    closing: ClosingID(ofClosing: small.closing.bytes)
                )
            }
        )
        let batch = try signer.sign([draft], after: nil, at: Sample.at)
        return try .statement(
            try #require(batch.statements.first),
            issued: false,
            neighbour: Sample.node("harbour"),
            at: Sample.at
        )
    }

    /// The index after a relay has taken some of the parcels and heard these words.
    private static func index(
        after words: [(StatementKind, [UInt64])]
    ) throws -> (rows: [[UInt8]], states: [ParcelState?]) {
        let bench = try IndexBench()
        let (spool, _) = try bench.open()
        let taken = try (1...50 as ClosedRange<UInt64>).map { number in
            try LogRecord.small(
                Sample.small(number),
                passage: .empty,
                from: .neighbour(Sample.node("buoy")),
                at: Sample.at
            )
        }
        try spool.wait(for: spool.append(taken))
        for (kind, sequences) in words {
            try spool.wait(for: spool.append([Self.word(kind, of: sequences)]))
        }
        let rows = try bench.rows().rows.filter { $0.first == Self.seenTable }
        let ids = try (1...70 as ClosedRange<UInt64>).map { try Sample.small($0).id }
        let states = try bench.index.states(of: ids)
        #expect(try bench.index.parcels(ids).mapValues(\.state) == states)
        try spool.close()
        return (rows, ids.map { states[$0] })
    }

    @Test func aWordOfManySaysTheSameAsOneOfEach() throws {
        // Some are not here; some ended before, so or otherwise; the numbers have gaps.
        let before: [(StatementKind, [UInt64])] = [
            (.landed, [3]), (.refused, [5]), (.landed, [41, 42]), (.refused, [61]),
        ]
        let many = (2...64 as ClosedRange<UInt64>).filter { ![9, 10, 30].contains($0) }
        let together = try Self.index(after: before + [(.landed, many)])
        let alone = try Self.index(after: before + many.map { (.landed, [$0]) })
        #expect(together.rows == alone.rows)
        #expect(together.states == alone.states)
        // 2…4, 5, 6…8, 11…29, 31…60, 61, 62…64.
        #expect(together.rows.count == 7)
        #expect(together.states[1] == .ended)
        #expect(together.states[8] == .arriving)
        #expect(together.states[60] == nil)
    }

    @Test func custodyOfManyPassesAllOfThem() throws {
        let many = Array(1...50 as ClosedRange<UInt64>)
        let together = try Self.index(after: [(.custody, many)])
        let alone = try Self.index(after: many.map { (.custody, [$0]) })
        #expect(together.states == alone.states)
        #expect(together.states.prefix(50).allSatisfy { $0 == .passed })
        #expect(together.rows.isEmpty)
    }
}
