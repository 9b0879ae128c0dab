/// Runs one hot loop a number of times, and nothing else: `HotLoops NAME ROUNDS`.
///
/// `Tests/Benchmarks/guard` has valgrind count the instructions. It runs each loop with two numbers
/// of rounds: what is prepared costs the same in both, so the difference is the loop's own.
@main
enum HotLoops {
    /// A loop, ready to run one round; rounds are numbered, and none depends on the one before.
    typealias Round = (_ number: Int) throws -> Void

    /// What can be counted, by name.
    private static let loops: [String: @Sendable () throws -> Round] = [
        "cut": cutting,
        "entries": entries,
        "frames": frames,
        "slices": slices,
        "index": index,
        "captures": captures,
    ]

    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let prepare = Self.loops[arguments[1]],
            let rounds = Int(arguments[2]), (1...Self.roundsMax).contains(rounds)
        else { throw Misuse(names: Self.loops.keys.sorted()) }
        let round = try prepare()
        for number in 0..<rounds { try round(number) }
    }

    /// The most rounds that loops prepare for.
    static let roundsMax = 4

    /// Bytes that look random and are the same every time.
    static func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 56)
        }
    }
}

/// Called in a way that it does not know.
struct Misuse: Error, CustomStringConvertible {
    let names: [String]

    var description: String {
        "usage: HotLoops NAME ROUNDS, with 1 to \(HotLoops.roundsMax) rounds of: "
            + self.names.joined(separator: ", ")
    }
}

/// What a loop is to work on could not be made.
struct Unmade: Error {}
