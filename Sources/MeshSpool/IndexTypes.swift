package import MeshModel
package import MeshProtocol

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
    /// The name of the parcel.
    package var id: ParcelID
    /// What its sequence counts in.
    package var stream: FlowStream
    /// Its number in that stream.
    package var sequence: SequenceNumber
    /// The node that is to land it.
    package var collector: NodeName
    /// How urgent it is: 0 is the most urgent.
    package var parcelClass: UInt8
    /// Bytes of the file.
    package var size: ByteCount
    /// The origin's path, as it came.
    package var path: [UInt8]
    /// The neighbour that gave it; `nil`: captured here.
    package var giver: NodeName?
    /// Of the source file, when captured here.
    package var stamp: FileStamp?
    /// Whether its blobs are in the source file, and not in the log; captured here only.
    package var isInSource: Bool
    /// Whether it travels whole, in one message.
    package var isSmall: Bool
    /// The record that holds a small parcel whole, unless it was damaged or given up.
    package var body: BodyLocation?
    /// The opening, verbatim.
    package var opening: [UInt8]
    /// Over the opening; of a small parcel, over opening and closing.
    package var openingSignature: [UInt8]
    /// The closing, verbatim, once it is here.
    package var closing: [UInt8]?
    /// Over the closing; a small parcel has none.
    package var closingSignature: [UInt8]?
    /// Lines up to the giver's, verbatim.
    package var passage: [[UInt8]]
    /// Room promised to it.
    package var reserved: ByteCount
    /// Entries `0..<n` are here.
    package var entriesKnown: UInt64
    /// Where it stands.
    package var state: ParcelState
    /// The terminal statement's kind.
    package var ending: String?
    /// Blobs are missing although the parcel was complete: they must be had again.
    package var isDamaged: Bool
    /// Opening durable.
    package var arrivedAt: UnixMilliseconds
    /// Closing durable.
    package var closedAt: UnixMilliseconds?
    /// Custody stated, or captured whole.
    package var heldAt: UnixMilliseconds?
    /// The next hop's custody known.
    package var passedAt: UnixMilliseconds?
    /// Who has custody then.
    package var passedTo: NodeName?
    /// Terminal statement known.
    package var endedAt: UnixMilliseconds?
    /// The collector has said that it does not know it, and nothing was heard since.
    package var unknownAt: UnixMilliseconds?
    /// The file's modification time, in nanoseconds since 1970.
    package var modified: Int64
    /// How it was admitted here.
    package var mode: AdmissionMode
    /// The only neighbour that it goes to; through only.
    package var nextHop: NodeName?
    /// The operator has it wait.
    package var isHeldBack: Bool
}

/// An entry and where its blob lies, if it is here.
package struct LocatedEntry: Sendable {
    /// Its place in the parcel.
    package var number: UInt64
    /// 41 encoded bytes.
    package var entry: [UInt8]
    /// Where the blob lies; `nil`: not here, or a hole.
    package var location: BodyLocation?
}

/// A landing that was about to rename.
package struct LandingIntent: Sendable, Hashable {
    /// Whose landing it is.
    package var parcel: ParcelID
    /// Where the bytes are, beneath the root.
    package var temporary: PathBytes
    /// The temporary file's device.
    package var device: UInt64
    /// The temporary file's inode.
    package var inode: UInt64
    /// Where they go, beneath the root.
    package var final: PathBytes
    /// Gathers what belongs together.
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

/// A file that is being written where it lands, and has bytes that are nowhere else here.
package struct OpenLanding: Sendable, Hashable {
    /// Whose landing it is.
    package var parcel: ParcelID
    /// Where the bytes are, beneath the root.
    package var temporary: PathBytes
    /// The file's device.
    package var device: UInt64
    /// The file's inode.
    package var inode: UInt64
    /// Gathers what belongs together.
    package init(parcel: ParcelID, temporary: PathBytes, device: UInt64, inode: UInt64) {
        self.parcel = parcel
        self.temporary = temporary
        self.device = device
        self.inode = inode
    }
}

/// What a final name in a landing stands for.
package struct LandedVersion: Sendable, Hashable {
    /// Beneath the landing root.
    package var path: PathBytes
    /// SHA-256.
    package var digest: Digest
    /// Bytes of the file.
    package var size: ByteCount
    /// The origin's life that numbered it.
    package var incarnation: Incarnation
    /// Its number in that stream.
    package var sequence: SequenceNumber
    /// Gathers what belongs together.
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
    /// Names the task.
    package var id: UInt64
    /// What it is: `send`, ``hold`` or ``holdFlow``, promises; `source`, when a source was first
    /// seen; or another kind of the engine's.
    package var kind: String
    /// What the kind needs.
    package var body: [UInt8]
    /// The operator has a parcel wait; the body is its id.
    package static let hold = "hold"
    /// The operator has a whole flow wait; the body is its name.
    package static let holdFlow = "hold-flow"
    /// Gathers what belongs together.
    package init(id: UInt64, kind: String, body: [UInt8]) {
        self.id = id
        self.kind = kind
        self.body = body
    }
}

/// A statement that touches a parcel, as the log has it.
package struct StoredStatement: Sendable {
    /// SHA-256.
    package var digest: Digest
    /// A SignedStatement, verbatim.
    package var bytes: [UInt8]
    /// Whether this node made it.
    package var isIssuedHere: Bool
    /// When it became known here.
    package var at: UnixMilliseconds
}

/// How many parcels a node has, per flow and state.
package struct ParcelCount: Sendable, Hashable {
    /// The flow.
    package var flow: FlowName
    /// Where it stands.
    package var state: ParcelState
    /// The terminal statement's kind.
    package var ending: String?
    /// How many.
    package var count: Int
    /// Their size together.
    package var bytes: ByteCount
}
