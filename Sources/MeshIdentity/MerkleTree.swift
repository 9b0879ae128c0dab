package import MeshModel

import struct Crypto.SHA256

/// The hash tree of RFC 9162, section 2.1, over SHA-256.
///
/// Leaves and inner nodes are hashed in different domains (0x00 and 0x01), so that neither passes
/// for the other.
package enum MerkleTree {
    /// The most digests of a path that any tree needs.
    package static let pathCountMax = 64

    /// The root over leaves in the given order; that of no leaves is SHA-256 of nothing.
    package static func root(_ leaves: [[UInt8]]) -> Digest {
        var builder = MerkleRootBuilder()
        for leaf in leaves { builder.append(leaf) }
        return builder.root()
    }

    /// The inclusion path of one leaf, from the leaf to the root (section 2.1.3.1).
    ///
    /// - Precondition: `index` is that of a leaf.
    package static func path(to index: Int, in leaves: [[UInt8]]) -> [Digest] {
        MerkleLevels(leaves).path(to: index)
    }

    /// The root that a leaf at `index` of `count` leaves and its path lead to (section 2.1.3.2).
    ///
    /// `nil` if no tree of that size has such a path; whoever asks compares the root.
    package static func root(
        leaf: [UInt8],
        at index: UInt64,
        of count: UInt64,
        path: [Digest]
    ) -> Digest? {
        guard index < count else { return nil }
        var place = index
        var last = count - 1
        var digest = Self.hash(leaf: leaf)
        for sibling in path {
            guard last > 0 else { return nil }
            if place & 1 == 1 || place == last {
                digest = Self.hash(sibling, digest)
                // A node without a right sibling is carried up unchanged to where it has one.
                while place & 1 == 0, place != 0 {
                    place >>= 1
                    last >>= 1
                }
            } else {
                digest = Self.hash(digest, sibling)
            }
            place >>= 1
            last >>= 1
        }
        return last == 0 ? digest : nil
    }

    static func hash(leaf: [UInt8]) -> Digest {
        var hash = SHA256()
        withUnsafeBytes(of: 0 as UInt8) { hash.update(bufferPointer: $0) }
        leaf.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Digest(hash.finalize())
    }

    static func hash(_ left: Digest, _ right: Digest) -> Digest {
        var hash = SHA256()
        withUnsafeBytes(of: 1 as UInt8) { hash.update(bufferPointer: $0) }
        left.withUnsafeBytes { hash.update(bufferPointer: $0) }
        right.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return Digest(hash.finalize())
    }
}

/// Computes the root of ``MerkleTree`` as leaves come, in memory that grows with their logarithm.
package struct MerkleRootBuilder: Sendable {
    /// How many leaves there are.
    package private(set) var count: UInt64 = 0
    /// Roots of the perfect subtrees that the leaves so far make up: one per bit set in `count`,
    /// the largest first.
    private var subtrees: [Digest] = []

    /// A tree without leaves.
    package init() {}

    /// Adds the next leaf.
    package mutating func append(_ leaf: [UInt8]) {
        var digest = MerkleTree.hash(leaf: leaf)
        var full = self.count
        while full & 1 == 1, let left = self.subtrees.popLast() {
            digest = MerkleTree.hash(left, digest)
            full >>= 1
        }
        self.subtrees.append(digest)
        self.count += 1
    }

    /// The root over the leaves so far; more may follow.
    package func root() -> Digest {
        guard var digest = self.subtrees.last else { return .sha256([]) }
        for left in self.subtrees.dropLast().reversed() { digest = MerkleTree.hash(left, digest) }
        return digest
    }
}

/// All nodes of a tree, level by level, for whoever needs the paths of many leaves.
package struct MerkleLevels {
    /// Leaf hashes first; a node without a sibling stands unchanged in the next level.
    private let levels: [[Digest]]

    /// The tree over the leaves in the given order.
    package init(_ leaves: [[UInt8]]) {
        var level = leaves.map(MerkleTree.hash(leaf:))
        var levels = [level]
        while level.count > 1 {
            level = stride(from: 0, to: level.count, by: 2).map { index in
                index + 1 < level.count
                    ? MerkleTree.hash(level[index], level[index + 1]) : level[index]
            }
            levels.append(level)
        }
        self.levels = levels
    }

    /// Its root.
    package var root: Digest { self.levels.last?.first ?? .sha256([]) }

    /// The inclusion path of one leaf.
    package func path(to index: Int) -> [Digest] {
        precondition(self.levels.first?.indices.contains(index) == true, "There is no such leaf.")
        var place = index
        var path: [Digest] = []
        for level in self.levels {
            if level.indices.contains(place ^ 1) { path.append(level[place ^ 1]) }
            place >>= 1
        }
        return path
    }
}
