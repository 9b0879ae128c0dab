import MeshModel
import Testing

@testable import MeshCommands

@Suite struct WordingTests {
    @Test(arguments: [
        (0, "0 bytes"), (1, "1 byte"), (1_023, "1,023 bytes"), (1_024, "1.0 KiB"),
        (1_048_575, "1023.9 KiB"), (1_048_576, "1.0 MiB"), (1_610_612_736, "1.5 GiB"),
        (Int64.max, "8191.9 PiB"),
    ])
    func bytesAreRoundedDown(count: Int64, text: String) {
        #expect(Wording.bytes(count) == text)
    }

    @Test(arguments: [
        (0, "0.0 s"), (9_950, "9.9 s"), (59_999, "59 s"), (125_000, "2 min 5 s"),
        (11_520_000, "3 h 12 min"), (100_000_000, "1 d 3 h"), (-1_500, "-1.5 s"),
    ])
    func durationsShowTheirTwoLargestUnits(milliseconds: Int64, text: String) {
        #expect(Wording.duration(milliseconds: milliseconds) == text)
    }

    @Test func numbersAreGrouped() {
        #expect(
            [0, 999, 1_000, 1_234_567].map(Wording.number) == ["0", "999", "1,000", "1,234,567"]
        )
    }

    @Test func agesLookBothWays() {
        let now = UnixMilliseconds(100_000)
        #expect(Wording.age(of: UnixMilliseconds(40_000), at: now) == "1 min 0 s ago")
        #expect(Wording.age(of: UnixMilliseconds(130_000), at: now) == "in 30 s")
    }

    @Test func columnsAreAsWideAsTheirWidestCell() {
        var table = TextTable("NAME", "N")
        table.add("a", "12")
        table.add("collector", nil)
        #expect(table.text() == "NAME       N\na          12\ncollector  -")
    }
}
