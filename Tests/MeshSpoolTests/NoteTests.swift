import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTesting
import Testing

/// The outbox as a function of the log.
@Suite struct NoteTests {
    private static let key = StatementKey()

    /// A word of the harbour's on one of the buoy's parcels.
    private static func statement(
        _ sequence: UInt64,
        _ kind: StatementKind = .landed
    ) throws -> SignedStatement {
        let signer = StatementSigner(
            mesh: try #require(MeshName("coast")),
            node: try Sample.node("harbour"),
            incarnation: Incarnation(number: 1, random: 2),
            key: Self.key
        )
        let opening = try Sample.opening(sequence)
        let draft = StatementDraft(
            kind: kind,
            stream: opening.opening.stream,
            leaves: [StatementLeaf(sequence: SequenceNumber(sequence), parcel: opening.id)]
        )
        return try #require(
            try signer.sign([draft], after: nil, at: Sample.at).statements.first
        )
    }

    private static func passing(
        _ statement: SignedStatement,
        hops: UInt32 = 31,
        at milliseconds: Int64 = 0
    ) throws -> LogRecord {
        try .statement(
            statement,
            issued: false,
            neighbour: Sample.node("harbour"),
            destination: Sample.node("buoy"),
            hops: hops,
            at: Sample.at.adding(milliseconds: milliseconds)
        )
    }

    @Test func theSameNoteTwiceIsOneRowUntilItIsNoted() throws {
        let bench = try IndexBench()
        let (spool, _) = try bench.open()
        let buoy = try Sample.node("buoy")
        let statement = try Self.statement(1)
        let note = try Self.passing(statement)
        try spool.wait(for: spool.append([note, note]))
        let waiting = try bench.index.outbox(to: buoy, after: 0, limit: 10)
        #expect(waiting.map(\.body) == [.statement(statement.bytes)])
        #expect(waiting.map(\.hops) == [31])
        #expect(waiting.first?.cameFrom == (try Sample.node("harbour")))
        // A node that only passes it on keeps nothing else of it, but knows that the parcel ended.
        #expect(try !bench.index.hasStatement(.sha256(statement.bytes)))
        #expect(try bench.index.hasSeen(statement.stream, SequenceNumber(1)))

        let rows = try bench.rows()
        try spool.close()
        let (again, _) = try bench.open()
        #expect(try bench.rows() == rows)
        let noted = try LogRecord.noted(
            by: Sample.node("other"),
            for: buoy,
            [.sha256(statement.bytes)],
            at: Sample.at
        )
        try again.wait(for: again.append([noted]))
        #expect(try bench.index.outboxCount() == 0)
        try again.close()
    }

    @Test func aNoteWithoutHopsGoesNoFurther() throws {
        let bench = try IndexBench()
        let (spool, _) = try bench.open()
        try spool.wait(for: spool.append([Self.passing(try Self.statement(1), hops: 0)]))
        #expect(try bench.index.outboxCount() == 0)
        try spool.close()
    }

    @Test func theGiverIsTheFirstChoice() throws {
        let bench = try IndexBench()
        let (spool, _) = try bench.open()
        let giver = try Sample.node("giver")
        try spool.wait(
            for: spool.append([
                .opening(Sample.opening(1), from: .neighbour(giver), at: Sample.at),
                Self.passing(try Self.statement(1)),
            ])
        )
        let waiting = try bench.index.outbox(to: Sample.node("buoy"), after: 0, limit: 10)
        #expect(waiting.map(\.firstChoice) == [giver])
        try spool.close()
    }

    @Test func custodyOnItsWayToAnotherNodeMovesNothingHere() throws {
        let bench = try IndexBench()
        let (spool, _) = try bench.open()
        let opening = try Sample.opening(1)
        let giver = try Sample.node("giver")
        try spool.wait(
            for: spool.append([
                .opening(opening, from: .neighbour(giver), at: Sample.at),
                Self.passing(try Self.statement(1, .custody)),
            ])
        )
        #expect(try bench.index.parcel(opening.id)?.state == .arriving)
        #expect(try bench.index.outboxCount() == 1)
        try spool.close()
    }

    @Test func whatIsPassedOnGivesWayOldestFirstAndWhatWasMadeHereStays() throws {
        let directory = try TemporaryDirectory()
        let index = try Index(
            path: "\(directory.path)/index.sqlite",
            node: Sample.node("relay-1"),
            notesPassingMax: 64
        )
        let buoy = try Sample.node("buoy")
        var records = [
            try LogRecord.statement(
                Self.statement(999),
                issued: true,
                neighbour: buoy,
                at: Sample.at
            )
        ]
        for sequence in 1...256 as ClosedRange<UInt64> {
            records.append(try Self.passing(Self.statement(sequence), at: Int64(sequence)))
        }
        let location = BodyLocation(segment: SegmentNumber(1), offset: 0, length: 1)
        try index.apply(
            records.map {
                LoggedRecord(kind: $0.kind, id: $0.id, location: location, body: $0.body)
            },
            reaching: LogPosition(segment: SegmentNumber(1), offset: 1)
        )
        #expect(try (1...128).contains(index.passingCount()))
        let waiting = try index.outbox(to: buoy, after: 0, limit: 1_000)
        #expect(waiting.first?.cameFrom == nil)
        #expect(waiting.last?.since == Sample.at.adding(milliseconds: 256))
        try index.close()
    }
}
