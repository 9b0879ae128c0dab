import MeshIdentity
import MeshModel
import Testing

@Suite struct PassageTests {
    static func node(_ number: Int) throws -> NodeName { try #require(NodeName("n\(number)")) }

    static func line(_ number: Int) throws -> PassageLine {
        PassageLine(
            node: try Self.node(number),
            arrived: UnixMilliseconds(1_000),
            held: UnixMilliseconds(2_000),
            sent: UnixMilliseconds(3_000),
            statement: .sha256([UInt8(number)])
        )
    }

    static func passage(_ count: Int) throws -> Passage {
        var passage = Passage.empty
        for number in 0..<count { passage = try #require(passage.appending(Self.line(number))) }
        return passage
    }

    @Test func linesChainAndComeBackAsTheyWere() throws {
        let passage = try Self.passage(3)
        let again = try #require(Passage(lines: passage.lines))
        #expect(again == passage)
        #expect(again.nodes == [try Self.node(0), try Self.node(1), try Self.node(2)])
        #expect(again.parsed[0].previous == nil)
        #expect(again.parsed[2].previous == .sha256(passage.lines[1]))
        #expect(again.parsed[1].sent == UnixMilliseconds(3_000))
        #expect(again.digest == .sha256(passage.lines[2]))
        #expect(Passage.empty.digest == nil)
        #expect(Passage(lines: []) == .empty)
    }

    @Test func noLineCanBeTakenOutOrSwapped() throws {
        let lines = try Self.passage(3).lines
        #expect(Passage(lines: [lines[0], lines[2]]) == nil)
        #expect(Passage(lines: [lines[1], lines[2]]) == nil)
        #expect(Passage(lines: [lines[1], lines[0], lines[2]]) == nil)
        #expect(Passage(lines: [lines[0], lines[0]]) == nil)
        // The end can be cut off: that is why statements name the digest of the last line.
        #expect(Passage(lines: [lines[0], lines[1]]) != nil)
    }

    @Test func thereIsNoRoomForMoreThanTheMostHops() throws {
        let full = try Self.passage(Limits.hopsMax)
        #expect(full.appending(try Self.line(99)) == nil)
        #expect(Passage(lines: full.lines + [full.lines[0]]) == nil)
    }

    @Test func theTimeOfTheLastHopIsOpen() throws {
        let last = PassageLine(
            node: try Self.node(1),
            arrived: UnixMilliseconds(1),
            held: UnixMilliseconds(2)
        )
        let passage = try #require(Passage.empty.appending(last))
        #expect(passage.parsed[0].sent == nil)
        #expect(passage.parsed[0].statement == nil)
    }

    @Test func aLineWithATimeOutsideTheCalendarIsNone() throws {
        for time in [Int64.max, .min, -1, 253_402_300_800_000] {
            let line = PassageLine(
                node: try Self.node(1),
                arrived: UnixMilliseconds(time),
                held: UnixMilliseconds(1)
            )
            #expect(PassageLine(encoded: line.encoded()) == nil)
        }
    }

    @Test func aLineThatIsTooLongOrDamagedIsNone() throws {
        let bytes = try Self.line(1).encoded()
        #expect(PassageLine(encoded: bytes) != nil)
        #expect(PassageLine(encoded: []) == nil)
        #expect(PassageLine(encoded: bytes.dropLast()) == nil)
        // An unknown field of 600 bytes would be skipped, were it not for its length.
        let padding: [UInt8] = [0x7A, 0xD8, 0x04] + [UInt8](repeating: 0, count: 600)
        #expect(PassageLine(encoded: bytes + padding) == nil)
    }
}
