package import MeshIdentity
import MeshModel

/// The signature of a small parcel: of it alone, or of several that were made together.
///
/// Alone: 64 bytes over opening and closing. Together: 64 bytes over the number of leaves and the
/// root of a ``MerkleTree`` whose leaves are opening and closing of each; then the place of this
/// leaf and their number, 2 bytes each, big-endian, and its path. See docs/spec/parcels.md.
struct SmallSignature: Sendable {
    /// The most parcels that are signed together.
    static let batchSizeMax = 16
    /// The longest path that any of them carries, in digests.
    private static let pathCountMax = 4
    /// What signatures of several begin with.
    static let batchContext = "tributary parcels 1"

    private let signature: [UInt8]
    /// `nil` for one that was signed alone.
    private let place: Place?

    private struct Place: Sendable {
        var index: UInt16
        var count: UInt16
        var path: [Digest]
    }

    /// Signs `leaves`, at most ``batchSizeMax`` of them: the bytes of a signature for each.
    static func sign(_ leaves: [[UInt8]], key: StatementKey) throws -> [[UInt8]] {
        precondition(leaves.count <= Self.batchSizeMax, "A path would be too long.")
        guard leaves.count > 1 else {
            return try leaves.map { try key.sign($0, context: SmallParcel.context) }
        }
        let tree = MerkleLevels(leaves)
        let count = UInt16(leaves.count)
        let signature = try key.sign(Self.head(count, tree.root), context: Self.batchContext)
        return leaves.indices.map { index in
            signature + Self.encode(UInt16(index)) + Self.encode(count)
                + tree.path(to: index).flatMap(\.bytes)
        }
    }

    /// Reads the bytes of a signature; `nil` if they are none.
    init?(_ bytes: [UInt8]) {
        let size = SignedOpening.signatureByteCount
        guard bytes.count >= size else { return nil }
        self.signature = Array(bytes[..<size])
        var rest = bytes[size...]
        guard !rest.isEmpty else {
            self.place = nil
            return
        }
        guard let index = Self.decode(&rest), let count = Self.decode(&rest),
            (2...Self.batchSizeMax).contains(Int(count)), index < count,
            rest.count % Digest.byteCount == 0,
            rest.count <= Self.pathCountMax * Digest.byteCount
        else { return nil }
        let path = stride(from: rest.startIndex, to: rest.endIndex, by: Digest.byteCount)
            .compactMap { Digest(rest[$0..<$0 + Digest.byteCount]) }
        self.place = Place(index: index, count: count, path: path)
    }

    /// What `key` must have signed for `leaf` to be signed; `nil` if the path leads nowhere.
    func claim(of leaf: [UInt8], by key: StatementPublicKey) -> SignatureClaim? {
        guard let place = self.place else {
            return SignatureClaim(key, SmallParcel.context, leaf, self.signature)
        }
        guard
            let root = MerkleTree.root(
                leaf: leaf,
                at: UInt64(place.index),
                of: UInt64(place.count),
                path: place.path
            )
        else { return nil }
        return SignatureClaim(
            key,
            Self.batchContext,
            Self.head(place.count, root),
            self.signature,
            isShared: true
        )
    }

    private static func head(_ count: UInt16, _ root: Digest) -> [UInt8] {
        Self.encode(count) + root.bytes
    }

    private static func encode(_ number: UInt16) -> [UInt8] {
        [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number)]
    }

    private static func decode(_ bytes: inout ArraySlice<UInt8>) -> UInt16? {
        guard let high = bytes.popFirst(), let low = bytes.popFirst() else { return nil }
        return UInt16(high) << 8 | UInt16(low)
    }
}

/// That a key signed some bytes in a context.
struct SignatureClaim: Hashable, Sendable {
    private let key: StatementPublicKey
    private let context: String
    private let bytes: [UInt8]
    private let signature: [UInt8]
    /// Whether other parcels have the same.
    let isShared: Bool

    init(
        _ key: StatementPublicKey,
        _ context: String,
        _ bytes: [UInt8],
        _ signature: [UInt8],
        isShared: Bool = false
    ) {
        (self.key, self.context, self.bytes) = (key, context, bytes)
        (self.signature, self.isShared) = (signature, isShared)
    }

    /// Whether it is so.
    var holds: Bool { self.key.isValid(self.signature, context: self.context, over: self.bytes) }
}

/// Remembers the signatures of batches that were verified of late: their parcels come one by one.
package struct VerifiedBatches: Sendable {
    private static let countMax = 64
    private var known: Set<SignatureClaim> = []
    /// The same, oldest first from `next` on.
    private var order: [SignatureClaim] = []
    private var next = 0

    /// Knows none.
    package init() {}

    /// Whether `key` signed this very parcel, alone or with others.
    package mutating func isSigned(_ small: SmallParcel, by key: StatementPublicKey) -> Bool {
        guard let claim = small.claim(by: key) else { return false }
        if claim.isShared, self.known.contains(claim) { return true }
        guard claim.holds else { return false }
        if claim.isShared { self.remember(claim) }
        return true
    }

    private mutating func remember(_ claim: SignatureClaim) {
        if self.order.count < Self.countMax {
            self.order.append(claim)
        } else {
            self.known.remove(self.order[self.next])
            self.order[self.next] = claim
            self.next = (self.next + 1) % Self.countMax
        }
        self.known.insert(claim)
    }
}
