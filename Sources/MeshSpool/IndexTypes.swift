package import MeshModel

/// Where a parcel stands at this node.
package enum ParcelState: String, Sendable, CaseIterable {
    /// Begun: captured or received in part.
    case arriving
    /// All of it is durable here, and this node is its custodian.
    case held
    /// The next hop has stated custody; the blobs are given up.
    case passed
    /// A terminal statement is known.
    case ended
}

/// One parcel as the index knows it.
package struct ParcelRow: Sendable {
    /// Local number, in the order in which parcels came to this node.
    package var number: Int64
    package var id: ParcelID
    package var stream: FlowStream
    package var sequence: SequenceNumber
    package var collector: NodeName
    package var parcelClass: UInt8
    package var size: ByteCount
    package var path: [UInt8]
    package var giver: NodeName?
    package var stamp: FileStamp?
    package var isSmall: Bool
    /// The record that holds a small parcel whole, unless it was damaged or given up.
    package var body: BodyLocation?
    package var opening: [UInt8]
    package var openingSignature: [UInt8]
    package var closing: [UInt8]?
    package var closingSignature: [UInt8]?
    package var passage: [[UInt8]]
    package var reserved: ByteCount
    package var entriesKnown: UInt64
    package var state: ParcelState
    package var ending: String?
    /// Blobs are missing although the parcel was complete: they must be had again.
    package var isDamaged: Bool
    package var arrivedAt: UnixMilliseconds
    package var closedAt: UnixMilliseconds?
    package var heldAt: UnixMilliseconds?
    package var passedAt: UnixMilliseconds?
    package var passedTo: NodeName?
    package var endedAt: UnixMilliseconds?
}

/// An entry and where its blob lies, if it is here.
package struct LocatedEntry: Sendable {
    package var number: UInt64
    /// 41 encoded bytes.
    package var entry: [UInt8]
    package var location: BodyLocation?
}

/// A landing that was about to rename.
package struct LandingIntent: Sendable, Hashable {
    package var parcel: ParcelID
    package var temporary: PathBytes
    package var device: UInt64
    package var inode: UInt64
    package var final: PathBytes
    package init(
        parcel: ParcelID,
        temporary: PathBytes,
        device: UInt64,
        inode: UInt64,
        final: PathBytes
    ) {
        self.parcel = parcel
        self.temporary = temporary
        self.device = device
        self.inode = inode
        self.final = final
    }
}

/// What a final name in a landing stands for.
package struct LandedVersion: Sendable, Hashable {
    package var path: PathBytes
    package var digest: Digest
    package var size: ByteCount
    package var incarnation: Incarnation
    package var sequence: SequenceNumber
    package init(
        path: PathBytes,
        digest: Digest,
        size: ByteCount,
        incarnation: Incarnation,
        sequence: SequenceNumber
    ) {
        self.path = path
        self.digest = digest
        self.size = size
        self.incarnation = incarnation
        self.sequence = sequence
    }
}

/// What a command was promised and a restart must go on with.
package struct SpoolTask: Sendable, Hashable {
    package var id: UInt64
    package var kind: String
    package var body: [UInt8]
    package init(id: UInt64, kind: String, body: [UInt8]) {
        self.id = id
        self.kind = kind
        self.body = body
    }
}

/// A statement that touches a parcel, as the log has it.
package struct StoredStatement: Sendable {
    package var digest: Digest
    /// A SignedStatement, verbatim.
    package var bytes: [UInt8]
    package var isIssuedHere: Bool
    package var at: UnixMilliseconds
}

/// How many parcels a node has, per flow and state.
package struct ParcelCount: Sendable, Hashable {
    package var flow: FlowName
    package var state: ParcelState
    package var ending: String?
    package var count: Int
    package var bytes: ByteCount
}
