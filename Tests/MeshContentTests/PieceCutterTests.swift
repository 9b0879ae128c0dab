import MeshContent
import MeshModel
import Testing

@Suite struct PieceCutterTests {
    /// The lengths of all pieces of `bytes`, the cutter seeing at most `window` of them at a time.
    static func lengths(
        of bytes: [UInt8],
        _ profile: CutProfile,
        window: Int = .max
    ) -> [Int] {
        let cutter = PieceCutter(profile: profile)
        return bytes.withUnsafeBytes { all in
            var lengths: [Int] = []
            var rest = all[...]
            while !rest.isEmpty {
                var known = min(window, rest.count)
                var length: Int?
                while length == nil {
                    let seen = UnsafeRawBufferPointer(rebasing: rest.prefix(known))
                    length = cutter.length(ofNextPieceIn: seen, isLast: known == rest.count)
                    if length == nil, known == rest.count { return lengths }
                    known += min(window, rest.count - known)
                }
                lengths.append(length ?? 0)
                rest = rest.dropFirst(length ?? 0)
            }
            return lengths
        }
    }

    /// What the documentation of ``PieceCutter`` says, written down as plainly as possible.
    static func referenceLengths(of bytes: [UInt8], _ profile: CutProfile) -> [Int] {
        let gear = (0...255).map { (index: UInt8) in
            Digest.sha256(context: "tributary gear 1", [index]).bytes.prefix(8)
                .reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        let bits = profile.average.trailingZeroBitCount
        var lengths: [Int] = []
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + profile.maximum)
            var hash: UInt64 = 0
            var length = end - start
            for at in stride(from: start + profile.minimum, to: end, by: 1) {
                hash = hash << 1 &+ gear[Int(bytes[at])]
                let zeros = at - start < profile.average ? bits + 2 : bits - 2
                if hash >> UInt64(64 - zeros) == 0 {
                    length = at - start + 1
                    break
                }
            }
            lengths.append(length)
            start += length
        }
        return lengths
    }

    @Test(arguments: [(1, .thinLine), (2, .thinLine), (3, .fastLine)] as [(UInt64, CutProfile)])
    func itCutsWhereItsDocumentationSays(seed: UInt64, profile: CutProfile) {
        let bytes = seededBytes(1_500_001, seed: seed)
        #expect(Self.lengths(of: bytes, profile) == Self.referenceLengths(of: bytes, profile))
    }

    /// Frozen: equal files must give equal pieces in every version and implementation.
    @Test func piecesOfTheVectorAreTheSameForEver() throws {
        let bytes = seededBytes(2 << 20, seed: 1)
        #expect(Digest.sha256(context: "", bytes).description == Vector.digest)
        #expect(Self.lengths(of: bytes, .usual) == Vector.usualLengths)
        #expect(Array(Self.lengths(of: bytes, .thinLine).prefix(8)) == Vector.thinLineLengths)
    }

    @Test func everyPieceButTheLastKeepsTheBounds() {
        let bytes = seededBytes(3_000_000, seed: 3)
        let lengths = Self.lengths(of: bytes, .thinLine)
        #expect(lengths.reduce(0, +) == bytes.count)
        #expect(lengths.dropLast().allSatisfy { (16 << 10...128 << 10).contains($0) })
        let average = bytes.count / lengths.count
        #expect((28 << 10...56 << 10).contains(average), "\(average)")
    }

    @Test(arguments: [1, 4_097, 30_000])
    func howManyBytesAreSeenAtATimeChangesNothing(window: Int) {
        // Byte by byte only as far as the first cuts: every look begins at the boundary again.
        let bytes = seededBytes(window == 1 ? 20_000 : 300_000, seed: 4)
        #expect(
            Self.lengths(of: bytes, .thinLine, window: window)
                == Self.lengths(of: bytes, .thinLine)
        )
    }

    @Test func anInsertionMovesOnlyThePiecesAroundIt() {
        var bytes = seededBytes(2_000_000, seed: 5)
        let before = Self.boundariesFromTheEnd(of: bytes)
        bytes.insert(contentsOf: seededBytes(777, seed: 6), at: 300_000)
        let after = Self.boundariesFromTheEnd(of: bytes)
        #expect(before.count - before.intersection(after).count < 15)
    }

    private static func boundariesFromTheEnd(of bytes: [UInt8]) -> Set<Int> {
        var at = bytes.count
        return Set(
            Self.lengths(of: bytes, .thinLine).map { length in
                at -= length
                return at
            }
        )
    }

    @Test func withTheLongestPieceInSightItAlwaysDecides() {
        let cutter = PieceCutter(profile: .thinLine)
        let zeros = [UInt8](repeating: 0, count: 128 << 10)
        zeros.withUnsafeBytes { bytes in
            #expect(cutter.length(ofNextPieceIn: bytes, isLast: false) != nil)
            let less = UnsafeRawBufferPointer(rebasing: bytes.dropLast(120 << 10))
            #expect(cutter.length(ofNextPieceIn: less, isLast: false) == nil)
            #expect(cutter.length(ofNextPieceIn: less, isLast: true) == 8 << 10)
        }
    }

    @Test func nothingIsNoPiece() {
        let cutter = PieceCutter(profile: .usual)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        #expect(cutter.length(ofNextPieceIn: none, isLast: true) == nil)
        #expect(cutter.length(ofNextPieceIn: none, isLast: false) == nil)
    }

    @Test func profilesAreFoundByTheirNumbers() {
        #expect(CutProfile.profile(1) == .usual)
        #expect(CutProfile.profile(2) == .thinLine)
        #expect(CutProfile.profile(3) == .fastLine)
        #expect(CutProfile.profile(0) == nil)
        #expect(CutProfile.profile(4) == nil)
    }
}

/// Computed from the documentation by another program, in another language.
private enum Vector {
    static let digest = "5bc3146930b4831f7e6d5cd538919e3c5da964702131de80bd84b915eb3f8626"
    static let usualLengths = [300_184, 289_299, 224_230, 295_136, 456_237, 290_089, 241_977]
    static let thinLineLengths = [
        23_751, 39_285, 34_306, 32_778, 33_828, 36_013, 41_968, 47_010,
    ]
}
