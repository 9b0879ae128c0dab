import MeshIdentity
import MeshModel
import Testing

@Suite struct MerkleTreeTests {
    static let leaves: [[UInt8]] = MerkleVectors.leaves.map { Hex.decode($0) ?? [] }

    @Test(arguments: 0...8) func rootsAreThoseOfTheStandard(count: Int) {
        let root = MerkleTree.root(Array(Self.leaves.prefix(count)))
        #expect(root.description == MerkleVectors.roots[count])
    }

    @Test func pathsAreThoseOfTheStandard() {
        let seven = Array(Self.leaves.prefix(7))
        #expect(
            MerkleTree.path(to: 2, in: seven).map(\.description) == MerkleVectors.pathTo2Of7
        )
        #expect(
            MerkleTree.path(to: 6, in: seven).map(\.description) == MerkleVectors.pathTo6Of7
        )
    }

    @Test func everyLeafOfEveryTreeLeadsToItsRootAndNowhereElse() {
        for count in 1...40 {
            let leaves = (0..<count).map { [UInt8($0), 7] }
            let root = MerkleTree.root(leaves)
            for index in 0..<count {
                let path = MerkleTree.path(to: index, in: leaves)
                func reached(
                    _ leaf: [UInt8],
                    at index: Int,
                    of count: Int,
                    _ path: [Digest]
                ) -> Bool {
                    MerkleTree.root(leaf: leaf, at: UInt64(index), of: UInt64(count), path: path)
                        == root
                }
                #expect(reached(leaves[index], at: index, of: count, path))
                #expect(!reached([0], at: index, of: count, path))
                #expect(
                    !reached(leaves[index], at: (index + 1) % count, of: count, path) || count == 1
                )
                #expect(!reached(leaves[index], at: index, of: count, path + [root]))
                #expect(
                    !reached(leaves[index], at: index, of: count, path.dropLast()) || count == 1
                )
            }
        }
    }

    @Test func aLeafBeyondTheTreeHasNoRoot() {
        #expect(MerkleTree.root(leaf: [1], at: 1, of: 1, path: []) == nil)
        #expect(MerkleTree.root(leaf: [1], at: 0, of: 0, path: []) == nil)
        #expect(
            MerkleTree.root(
                leaf: [1],
                at: .max - 1,
                of: .max,
                path: Array(repeating: .zero, count: 80)
            ) == nil
        )
    }

    @Test func aBuilderGivesTheSameRootAfterEveryLeaf() {
        var builder = MerkleRootBuilder()
        var leaves: [[UInt8]] = []
        for count in 0..<70 {
            #expect(builder.root() == MerkleTree.root(leaves))
            #expect(builder.count == UInt64(count))
            leaves.append([UInt8(count)])
            builder.append([UInt8(count)])
        }
    }

    @Test func anInnerNodeDoesNotPassForALeaf() {
        let left = MerkleTree.root([[1]])
        let right = MerkleTree.root([[2]])
        #expect(MerkleTree.root([[1], [2]]) != MerkleTree.root([left.bytes + right.bytes]))
        #expect(MerkleTree.root([[1], [2]]) != MerkleTree.root([[1] + left.bytes + right.bytes]))
    }
}
