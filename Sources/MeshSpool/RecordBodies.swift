package import MeshContent
package import MeshIdentity
package import MeshModel
package import MeshProtocol
import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where a parcel that was captured here comes from.
package struct SourceOfParcel: Hashable, Sendable {
    /// The file's stamp when the opening was made.
    package var stamp: FileStamp
    /// Whether its blobs go into the log; if not, they are made again from the file.
    package var isCopied: Bool
    /// Gathers what the opening record keeps about the source.
    package init(stamp: FileStamp, isCopied: Bool = true) {
        (self.stamp, self.isCopied) = (stamp, isCopied)
    }
}

/// Who brought a parcel to this node.
package enum ParcelGiver: Hashable, Sendable {
    /// Captured here.
    case source(SourceOfParcel)
    /// Offered by a neighbour.
    case neighbour(NodeName)

    var neighbour: NodeName? {
        if case .neighbour(let name) = self { name } else { nil }
    }
    var stamp: FileStamp? {
        if case .source(let source) = self { source.stamp } else { nil }
    }
    var isInSource: Bool {
        if case .source(let source) = self { !source.isCopied } else { false }
    }
}

// One factory per kind: what a record holds is written here and read in Index+Apply.
extension LogRecord {
    /// A life of this node's log begins.
    ///
    /// `keptBatch` says that nothing of the earlier lives is lost, and up to which batch of the
    /// last one what was stated stands; `nil`: none of it does.
    package static func incarnation(
        _ incarnation: Incarnation,
        mesh: MeshName,
        node: NodeName,
        keptBatch: UInt64? = nil,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoIncarnationRecord()
        body.mesh = mesh.text
        body.node = node.text
        body.number = incarnation.number
        body.random = incarnation.random
        body.at = at.rawValue
        body.keepsEarlier = keptBatch != nil
        body.keptBatch = keptBatch ?? 0
        return try Self(kind: .incarnation, id: .zero, body: body.serializedBytes())
    }

    /// A parcel has begun here.
    package static func opening(
        _ opening: SignedOpening,
        from giver: ParcelGiver,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoOpeningRecord()
        body.opening = Data(opening.bytes)
        body.signature = Data(opening.signature)
        body.giver = giver.neighbour?.text ?? ""
        body.stamp = Data(giver.stamp?.bytes ?? [])
        body.inSource = giver.isInSource
        body.at = at.rawValue
        return try Self(kind: .opening, id: opening.id.digest, body: body.serializedBytes())
    }

    /// A whole small parcel is here.
    package static func small(
        _ small: SmallParcel,
        passage: Passage,
        from giver: ParcelGiver,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoSmallRecord()
        body.opening = Data(small.opening.bytes)
        body.closing = Data(small.closing.bytes)
        body.signature = Data(small.signature)
        body.codec = small.codec
        body.content = Data(small.content)
        body.giver = giver.neighbour?.text ?? ""
        body.stamp = Data(giver.stamp?.bytes ?? [])
        body.passage = passage.lines.map { Data($0) }
        body.at = at.rawValue
        var record = try Self(kind: .small, id: small.id.digest, body: body.serializedBytes())
        // The body has it.
        body.content = Data()
        record.meaning = .small(body, small.opening)
        record.contentBytes = small.content.count
        return record
    }

    /// Room is reserved here for a parcel: for all of it, or for a window of what goes through.
    ///
    /// `nextHop` has admitted what goes through; a whole parcel has none.
    package static func admission(
        _ parcel: ParcelID,
        reserved: ByteCount,
        giver: NodeName,
        mode: AdmissionMode = .whole,
        nextHop: NodeName? = nil,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoAdmissionRecord()
        body.parcelID = Data(parcel.bytes)
        body.mode = UInt32(mode.rawValue)
        body.nextHop = nextHop?.text ?? ""
        body.reserved = UInt64(reserved.rawValue)
        body.giver = giver.text
        body.at = at.rawValue
        return try Self(kind: .admission, id: parcel.digest, body: body.serializedBytes())
    }

    /// A run of a parcel's entries, encoded, one after the other.
    package static func entries(_ parcel: ParcelID, first: UInt64, _ entries: [UInt8]) throws
        -> Self
    {
        var body = ProtoEntriesRecord()
        body.parcelID = Data(parcel.bytes)
        body.first = first
        body.entries = Data(entries)
        return try Self(kind: .entries, id: parcel.digest, body: body.serializedBytes())
    }

    /// A blob: the body is its bytes, and its checksum theirs.
    package static func blob(_ blob: StoredBlob) -> Self {
        Self(kind: .blob, id: blob.id.digest, body: blob.bytes, checksum: blob.checksum)
    }

    /// A parcel is complete as far as its origin is concerned.
    package static func closing(
        _ closing: SignedClosing,
        passage: Passage,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoClosingRecord()
        body.parcelID = Data(closing.closing.parcel.bytes)
        body.closing = Data(closing.bytes)
        body.signature = Data(closing.signature)
        body.passage = passage.lines.map { Data($0) }
        body.at = at.rawValue
        return try Self(
            kind: .closing,
            id: closing.closing.parcel.digest,
            body: body.serializedBytes()
        )
    }

    /// A statement made here (`issued`) or received and verified.
    ///
    /// The neighbour is from whom it came; of an issued one, the node, near or far, that is to hear
    /// of it. One received for another node has that node as its destination, and the hops left.
    package static func statement(
        _ statement: SignedStatement,
        issued: Bool,
        neighbour: NodeName?,
        destination: NodeName? = nil,
        hops: UInt32 = 0,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoStatementRecord()
        body.issued = issued
        body.statement = Data(statement.bytes)
        body.neighbour = neighbour?.text ?? ""
        body.destination = destination?.text ?? ""
        body.hops = hops
        body.at = at.rawValue
        var record = try Self(
            kind: .statement,
            id: .sha256(statement.bytes),
            body: body.serializedBytes()
        )
        record.meaning = .statement(body, statement)
        return record
    }

    /// A temporary file is durable and will get its final name.
    package static func intent(_ intent: LandingIntent, at: UnixMilliseconds) throws -> Self {
        let file = OpenLanding(
            parcel: intent.parcel,
            temporary: intent.temporary,
            device: intent.device,
            inode: intent.inode
        )
        return try Self.intent(intent.parcel, file, final: intent.final, at: at)
    }

    /// A file is being written where it lands; its blobs are given up as they are durable there.
    package static func begun(_ landing: OpenLanding, at: UnixMilliseconds) throws -> Self {
        try Self.intent(landing.parcel, landing, final: nil, at: at)
    }

    /// A file that was being written where it lands is lost: its blobs are needed again.
    package static func lost(_ parcel: ParcelID, at: UnixMilliseconds) throws -> Self {
        try Self.intent(parcel, nil, final: nil, at: at)
    }

    private static func intent(
        _ parcel: ParcelID,
        _ file: OpenLanding?,
        final: PathBytes?,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoIntentRecord()
        body.parcelID = Data(parcel.bytes)
        body.temporary = Data(file?.temporary.bytes ?? [])
        body.device = file?.device ?? 0
        body.inode = file?.inode ?? 0
        body.final = Data(final?.bytes ?? [])
        body.at = at.rawValue
        return try Self(kind: .intent, id: parcel.digest, body: body.serializedBytes())
    }

    /// A file stands under its final name, durably.
    package static func landed(
        _ parcel: ParcelID,
        as version: LandedVersion,
        how: String,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoLandedRecord()
        body.parcelID = Data(parcel.bytes)
        body.how = how
        body.path = Data(version.path.bytes)
        body.digest = Data(version.digest.bytes)
        body.size = UInt64(version.size.rawValue)
        body.at = at.rawValue
        return try Self(kind: .landed, id: parcel.digest, body: body.serializedBytes())
    }

    /// Blobs here are damaged: they are no longer had.
    package static func evict(_ blobs: [Digest], why: String, at: UnixMilliseconds) throws -> Self {
        var body = ProtoEvictRecord()
        body.blobIds = blobs.map { Data($0.bytes) }
        body.why = why
        body.at = at.rawValue
        return try Self(kind: .evict, id: .zero, body: body.serializedBytes())
    }

    /// Why a parcel needs blobs no longer that it lacks, or had.
    package enum ReleaseReason: String, Sendable {
        /// It only goes through, and the next hop has them.
        case passedOn = "passed_on"
        /// The file has them that its landing writes.
        case placed
    }

    /// A parcel needs blobs no longer that have gone elsewhere.
    package static func release(
        _ parcel: ParcelID,
        _ numbers: RunSet,
        why: ReleaseReason = .passedOn,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoEvictRecord()
        body.parcelID = Data(parcel.bytes)
        body.runs = numbers.runs.flatMap { [$0.lowerBound, $0.upperBound] }
        body.why = why.rawValue
        body.at = at.rawValue
        return try Self(kind: .evict, id: parcel.digest, body: body.serializedBytes())
    }

    /// What was promised to a parcel that this node never was custodian of is given up.
    package static func lapse(_ parcel: ParcelID, why: String, at: UnixMilliseconds) throws -> Self
    {
        var body = ProtoEndRecord()
        body.parcelID = Data(parcel.bytes)
        body.state = why
        body.at = at.rawValue
        return try Self(kind: .end, id: parcel.digest, body: body.serializedBytes())
    }

    /// What segments hold of released blobs is given up.
    static func evictCache(of segments: [SegmentNumber]) throws -> Self {
        var body = ProtoEvictRecord()
        body.segments = segments.map(\.rawValue)
        body.why = "cache"
        return try Self(kind: .evict, id: .zero, body: body.serializedBytes())
    }

    /// A neighbour has made notes for a node durable: they need not be sent again.
    package static func noted(
        by neighbour: NodeName,
        for destination: NodeName,
        _ bodies: [Digest],
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoNoteRecord()
        body.neighbour = neighbour.text
        body.destination = destination == neighbour ? "" : destination.text
        body.statements = bodies.map { Data($0.bytes) }
        body.at = at.rawValue
        return try Self(kind: .note, id: .zero, body: body.serializedBytes())
    }

    /// A node is to be told of a statement that is known here and was not made for it.
    package static func forward(
        _ statement: Digest,
        to destination: NodeName,
        by firstChoice: NodeName? = nil,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoNoteRecord()
        body.neighbour = destination.text
        body.statements = [Data(statement.bytes)]
        body.isForward = true
        body.firstChoice = firstChoice?.text ?? ""
        body.at = at.rawValue
        return try Self(kind: .note, id: .zero, body: body.serializedBytes())
    }

    /// A tally or an inquiry, made here or received from a neighbour and verified.
    ///
    /// One for another node has that node as its destination, and the hops left.
    package static func word(
        _ body: NoteBody,
        from neighbour: NodeName?,
        to destination: NodeName?,
        hops: UInt32,
        at: UnixMilliseconds
    ) throws -> Self {
        var record = ProtoNoteRecord()
        record.neighbour = neighbour?.text ?? ""
        record.destination = destination?.text ?? ""
        record.hops = hops
        switch body {
        case .tally(let bytes): record.tally = Data(bytes)
        case .inquiry(let bytes): record.inquiry = Data(bytes)
        case .statement: preconditionFailure("A statement has a record of its own.")
        }
        record.at = at.rawValue
        return try Self(kind: .note, id: .sha256(body.bytes), body: record.serializedBytes())
    }

    /// A parcel of this node's own, which may be on its way, is not made again: it stays passed on.
    package static func leave(_ parcel: ParcelID, at: UnixMilliseconds) throws -> Self {
        var body = ProtoEndRecord()
        body.parcelID = Data(parcel.bytes)
        body.state = "passed"
        body.at = at.rawValue
        return try Self(kind: .end, id: parcel.digest, body: body.serializedBytes())
    }

    /// What a command was promised, or that the promise is kept.
    package static func task(_ task: SpoolTask, finished: Bool, at: UnixMilliseconds) throws -> Self
    {
        var body = ProtoTaskRecord()
        body.id = task.id
        body.kind = task.kind
        body.body = Data(task.body)
        body.finished = finished
        body.at = at.rawValue
        return try Self(kind: .task, id: .zero, body: body.serializedBytes())
    }

    /// What a neighbour's hello has shown.
    package static func peer(
        _ node: NodeName,
        incarnation: Incarnation,
        batch: UInt64,
        at: UnixMilliseconds
    ) throws -> Self {
        var body = ProtoPeerRecord()
        body.node = node.text
        body.incarnationNumber = incarnation.number
        body.incarnationRandom = incarnation.random
        body.batch = batch
        body.at = at.rawValue
        return try Self(kind: .peer, id: .zero, body: body.serializedBytes())
    }
}

extension SmallParcel {
    /// Reads the body of a ``RecordKind/small`` record back.
    package init(recordBody body: [UInt8]) throws {
        let message = try ProtoSmallRecord(serializedBytes: body)
        try self.init(
            parsingOpening: [UInt8](message.opening),
            closing: [UInt8](message.closing),
            signature: [UInt8](message.signature),
            codec: message.codec,
            content: [UInt8](message.content)
        )
    }
}
