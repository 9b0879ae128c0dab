import MeshContent
import MeshIdentity
package import MeshModel
import MeshProtocol

/// What a record of the log says.
package enum RecordKind: UInt8, CaseIterable, Sendable {
    /// A life of this log begins.
    case incarnation = 1
    /// A parcel was started here or offered to us.
    case opening
    /// A whole small parcel.
    case small
    /// A parcel was admitted and room reserved.
    case admission
    /// A run of entries of one parcel.
    case entries
    /// The stored bytes of one blob; the record's id is the BlobID.
    case blob
    /// A parcel is complete.
    case closing
    /// A statement, issued here or received and verified.
    case statement
    /// A temporary file is about to become a file.
    case intent
    /// A file was landed.
    case landed
    /// A parcel ended here.
    case end
    /// Blobs were given up.
    case evict
    /// Something to tell another node, or its acknowledgement.
    case note
    /// What a command was promised.
    case task
    /// What is known of a neighbour.
    case peer
}

/// What is appended to the log.
package struct LogRecord: Sendable, Equatable {
    /// What the record says.
    package let kind: RecordKind
    /// The digest that the record is about; `Digest.zero` where there is none.
    package let id: Digest
    /// The payload; at most ``bodyBytesMax`` bytes.
    package let body: [UInt8]
    /// CRC-32C of the body.
    let checksum: UInt32
    /// What the body was made from.
    var meaning: RecordMeaning?
    /// Bytes of a small parcel's body that are its file's: the index is told only where they lie.
    var contentBytes = 0

    /// Equal bodies mean the same.
    package static func == (left: Self, right: Self) -> Bool {
        left.kind == right.kind && left.id == right.id && left.body == right.body
    }

    /// What the record takes in memory, about, in bytes: what it was made from is there once more.
    var memoryBytes: Int {
        self.body.count + (self.meaning == nil ? 0 : self.stateBytes + 2_048)
    }

    /// Bytes of the body that become rows, about.
    var stateBytes: Int { self.kind == .blob ? 0 : self.body.count - self.contentBytes }

    /// The longest body, in bytes.
    package static let bodyBytesMax = 2 << 20

    /// Makes a record that is not yet in the log.
    package init(kind: RecordKind, id: Digest, body: [UInt8]) {
        self.init(kind: kind, id: id, body: body, checksum: Checksum.crc32c(body))
    }

    /// Makes a record of a body whose checksum is known.
    init(kind: RecordKind, id: Digest, body: [UInt8], checksum: UInt32) {
        self.kind = kind
        self.id = id
        self.body = body
        self.checksum = checksum
    }
}

/// A record that has its place in the log, and may not be written yet.
struct PlacedRecord: Sendable {
    let record: LogRecord
    let location: BodyLocation

    /// What the index is told of it once it is durable.
    var logged: LoggedRecord { LoggedRecord(self.record, at: self.location) }
}

/// A record that is durable in the log: what the index is told.
package struct LoggedRecord: Sendable, Equatable {
    /// What the record says.
    package var kind: RecordKind
    /// The digest that the record is about.
    package var id: Digest
    /// Where its body lies.
    package var location: BodyLocation
    /// The payload; `nil` for blobs, whose bytes the index never needs.
    package var body: [UInt8]?
    /// `false` for a blob whose bytes do not verify: given up by a later record, or damaged.
    package var isIntact = true
    /// What the body was made from, if that is at hand.
    var meaning: RecordMeaning?

    /// Equal bodies mean the same.
    package static func == (left: Self, right: Self) -> Bool {
        left.kind == right.kind && left.id == right.id && left.location == right.location
            && left.body == right.body && left.isIntact == right.isIntact
    }

    /// Describes a record of the log.
    package init(kind: RecordKind, id: Digest, location: BodyLocation, body: [UInt8]?) {
        self.kind = kind
        self.id = id
        self.location = location
        self.body = body
    }

    /// Describes a record that was made here, and what it was made from.
    package init(_ record: LogRecord, at location: BodyLocation) {
        self.kind = record.kind
        self.id = record.id
        self.location = location
        self.body = record.kind == .blob ? nil : record.body
        self.meaning = record.meaning
    }
}

/// What a record was made from, so that the index need not read it out of the body again.
///
/// Says nothing that the body does not: a replay, which has only bodies, comes to the same rows.
indirect enum RecordMeaning: Sendable {
    /// A small parcel without its content, and its opening.
    case small(ProtoSmallRecord, SignedOpening)
    case statement(ProtoStatementRecord, SignedStatement)
}
