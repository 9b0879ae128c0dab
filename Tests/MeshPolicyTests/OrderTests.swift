import MeshModel
import MeshPolicy
import MeshTopology
import Testing

@Suite struct OrderTests {
    static let files: [(name: String, modified: Int64, size: Int64)] = [
        ("b", 2, 30), ("a", 2, 10), ("c", 1, 20), ("d", 3, 20),
    ]

    @Test(arguments: [
        (FileOrder.newest, "dabc"), (.oldest, "cabd"), (.smallest, "acdb"), (.largest, "bcda"),
        (.name, "abcd"),
    ])
    func everyOrderIsTotalAndBreaksTiesByPath(order: FileOrder, expected: String) throws {
        let ranks = try Self.files.map { file in
            FileRank(
                modifiedNanoseconds: file.modified,
                size: file.size,
                path: try #require(PathBytes(file.name))
            )
        }
        let sorted = ranks.sorted { $0.precedes($1, by: order) }
        #expect(sorted.map(\.path.description).joined() == expected)
    }

    @Test func delaysGrowToALimitAndBeginAnewAfterSuccess() {
        var backOff = BackOff()
        let delays = (0..<12).map { _ in backOff.failed(random: .max) }
        #expect(delays.allSatisfy { $0 <= BackOff.longest && $0 >= BackOff.first / 2 })
        #expect(delays[11] > 20 * delays[0])
        backOff.succeeded()
        #expect(backOff.failed(random: 0) == BackOff.first / 2)
    }

    @Test func aLineThatIsDownIsTriedAtASteadyPace() {
        #expect(BackOff.steady(random: 0) == 5_000)
        #expect((0..<10_000).allSatisfy { (5_000...10_000).contains(BackOff.steady(random: $0)) })
    }
}
