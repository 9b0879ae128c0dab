import Foundation
import MeshIdentity
import MeshModel
import Testing

struct TallyTests {
    private static let key = StatementKey()

    private static func stream() throws -> FlowStream {
        FlowStream(
            origin: try #require(NodeName("buoy")),
            flow: try #require(FlowName("readings")),
            incarnation: Incarnation(number: 2, random: 3)
        )
    }

    private static func mesh() throws -> MeshName { try #require(MeshName("coast")) }

    private static func tally(highest: UInt64 = 100, here: RunSet) throws -> Tally {
        Tally(
            stream: try Self.stream(),
            at: UnixMilliseconds(1_800_000_000_000),
            highest: SequenceNumber(highest),
            ended: [.abandoned: RunSet([3...4, 9...9]), .refused: RunSet([7...7])],
            here: here
        )
    }

    @Test func aTallySurvivesTheWayAndItsSignatureIsItsOrigins() throws {
        let tally = try Self.tally(here: RunSet([90...100]))
        let bytes = try tally.signed(by: Self.key, in: Self.mesh())
        let read = try Tally(verifying: bytes, mesh: Self.mesh()) { node, id in
            node.text == "buoy" && id == Self.key.publicKey.keyID ? Self.key.publicKey : nil
        }
        #expect(read == tally)
        #expect(throws: IdentityError.self) {
            try Tally(verifying: bytes, mesh: Self.mesh()) { _, _ in StatementKey().publicKey }
        }
        #expect(throws: IdentityError.self) {
            try Tally(verifying: bytes, mesh: #require(MeshName("other"))) { _, _ in
                Self.key.publicKey
            }
        }
    }

    @Test func aTallyWithTooManyRunsSpeaksOfTheLowestNumbersOnly() throws {
        var here = RunSet()
        for number in 0..<1_000 as Range<UInt64> { here.insert(20 + 2 * number) }
        let tally = try Self.tally(highest: 5_000, here: here)
        let count = tally.ended.values.reduce(tally.here.runs.count) { $0 + $1.runs.count }
        #expect(count == Limits.tallyRunsMax)
        // Of every number up to there it is said what it is: nothing seems missing that is not.
        #expect(tally.highest.rawValue == (tally.here.runs.last?.upperBound ?? 0) + 1)
        let bytes = try tally.signed(by: Self.key, in: Self.mesh())
        #expect(try Tally(trusted: bytes) == tally)
    }

    @Test func onlyWhatIsHereMayDifferBetweenTalliesThatSayMuchTheSame() throws {
        let one = try Self.tally(here: RunSet([90...100]))
        let other = try Self.tally(here: RunSet([95...100]))
        #expect(!one.saysTheSame(as: other) && one.saysTheSameBut(here: other))
        #expect(try !one.saysTheSameBut(here: Self.tally(highest: 101, here: one.here)))
    }

    @Test func anInquirySurvivesTheWay() throws {
        let inquiry = Inquiry(
            stream: try Self.stream(),
            at: UnixMilliseconds(1_800_000_000_000),
            parcels: (1...2_000).map { number in
                (SequenceNumber(number), ParcelID(.sha256([UInt8(number & 0xFF)])))
            }
        )
        #expect(inquiry.parcels.count == Limits.inquiryParcelsMax)
        let bytes = try inquiry.signed(by: Self.key, in: Self.mesh())
        #expect(bytes.count < Limits.frameBodyBytesMax - 1_024)
        let read = try Inquiry(verifying: bytes, mesh: Self.mesh()) { _, _ in Self.key.publicKey }
        #expect(read == inquiry)
        #expect(throws: IdentityError.self) {
            try Inquiry(verifying: bytes, mesh: Self.mesh()) { _, _ in nil }
        }
        // A tally's signature is none over an inquiry, and the other way round.
        #expect(throws: IdentityError.self) {
            try Tally(verifying: bytes, mesh: Self.mesh()) { _, _ in Self.key.publicKey }
        }
    }

    @Test(arguments: [[], [0x0A], [0x0A, 0x00], [0xFF, 0xFF]] as [[UInt8]])
    func whatIsNoTallyIsRefused(bytes: [UInt8]) {
        #expect(throws: IdentityError.self) { try Tally(trusted: bytes) }
        #expect(throws: IdentityError.self) { try Inquiry(trusted: bytes) }
    }
}
