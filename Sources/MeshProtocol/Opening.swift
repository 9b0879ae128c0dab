package import MeshModel
import SwiftProtobuf

/// What starts a parcel: which file this is, from where, for whom, and how it is to be treated.
///
/// The origin makes one, signs it (``SignedOpening``) and never changes it. `path` is as the origin
/// wrote it and *not* checked here: whether it may land is for the collector to say.
package struct Opening: Hashable, Sendable {
    /// The mesh that the parcel travels in.
    package var mesh: MeshName
    /// The node whose file this is.
    package var origin: NodeName
    /// The flow that the file belongs to.
    package var flow: FlowName
    /// The node that is to land it.
    package var collector: NodeName
    /// The life of the origin's log that numbered it.
    package var incarnation: Incarnation
    /// The parcel's number in its stream.
    package var sequence: SequenceNumber
    /// How urgent it is: 0 is the most urgent, 2 is usual.
    package var parcelClass: UInt8
    /// The size of the file when the opening was made.
    package var size: ByteCount
    /// Seconds that it has left; 0 is without end.
    package var lifetime: UInt64
    /// The numbered way in which the file is cut and compressed.
    package var profile: UInt32
    /// How the digest is made that the closing will have of the file.
    package var digest: DigestAlgorithm
    /// The set that the file belongs to; empty when it belongs to none.
    package var setID: [UInt8]
    /// The number of files in that set.
    package var setCount: UInt64
    /// Names the statement key that signs; ``SignedOpening/init(opening:key:)`` sets it.
    package var keyID: [UInt8]
    /// When the opening was made, by the origin's clock.
    package var opened: UnixMilliseconds
    /// The file's path beneath the source, as bytes; not validated.
    package var path: [UInt8]
    /// The file's modification time, in nanoseconds since 1970.
    package var modified: Int64
    /// The file's permission bits.
    package var mode: UInt16
    /// What later versions of the same thing share; empty for none.
    package var series: [UInt8]
    /// Words that travel with the file.
    package var tags: [String: String]

    /// Describes a parcel to be; `keyID` is filled in when it is signed.
    package init(
        mesh: MeshName,
        origin: NodeName,
        flow: FlowName,
        collector: NodeName,
        incarnation: Incarnation,
        sequence: SequenceNumber,
        parcelClass: UInt8 = 2,
        size: ByteCount,
        lifetime: UInt64 = 0,
        profile: UInt32 = 1,
        digest: DigestAlgorithm = .sha256,
        keyID: [UInt8] = [],
        opened: UnixMilliseconds,
        path: [UInt8],
        modified: Int64,
        mode: UInt16,
        series: [UInt8] = [],
        tags: [String: String] = [:]
    ) {
        self.mesh = mesh
        self.origin = origin
        self.flow = flow
        self.collector = collector
        self.incarnation = incarnation
        self.sequence = sequence
        self.parcelClass = parcelClass
        self.size = size
        self.lifetime = lifetime
        self.profile = profile
        self.digest = digest
        self.setID = []
        self.setCount = 0
        self.keyID = keyID
        self.opened = opened
        self.path = path
        self.modified = modified
        self.mode = mode
        self.series = series
        self.tags = tags
    }

    /// What its sequence number counts in.
    package var stream: FlowStream {
        FlowStream(origin: self.origin, flow: self.flow, incarnation: self.incarnation)
    }
}

extension Opening {
    /// The bytes to sign: equal openings give equal bytes.
    package func encoded() -> [UInt8] {
        var envelope = ProtoEnvelope()
        envelope.mesh = self.mesh.text
        envelope.origin = self.origin.text
        envelope.flow = self.flow.text
        envelope.collector = self.collector.text
        envelope.incarnationNumber = self.incarnation.number
        envelope.incarnationRandom = self.incarnation.random
        envelope.sequence = self.sequence.rawValue
        envelope.parcelClass = UInt32(self.parcelClass)
        envelope.size = UInt64(max(0, self.size.rawValue))
        envelope.lifetime = self.lifetime
        envelope.profile = self.profile
        // What is usual is left out.
        if self.digest != .sha256 { envelope.digest = .init(self.digest) }
        envelope.setID = self.setID.data
        envelope.setCount = self.setCount
        envelope.keyID = self.keyID.data
        envelope.opened = self.opened.rawValue
        var particulars = ProtoParticulars()
        particulars.path = self.path.data
        particulars.modified = self.modified
        particulars.mode = UInt32(self.mode)
        particulars.series = self.series.data
        particulars.tags = self.tags
        var opening = ProtoOpening()
        opening.envelope = envelope
        opening.particulars = particulars.bytes().data
        return opening.bytes()
    }

    /// Reads an opening, checking every field but the path.
    package init(encoded bytes: [UInt8]) throws(ProtocolError) {
        guard bytes.count <= Limits.openingBytesMax else {
            throw .tooLong("opening", bytes: bytes.count, limit: Limits.openingBytesMax)
        }
        let opening = try ProtoOpening.reading(bytes, as: "opening")
        guard opening.seal == 0 else {
            throw ProtocolError(.unsupported, "This node does not carry sealed flows.")
        }
        let envelope = opening.envelope
        let particulars = try ProtoParticulars.reading(
            [UInt8](opening.particulars),
            as: "opening's particulars"
        )
        guard let mesh = MeshName(envelope.mesh), let origin = NodeName(envelope.origin),
            let flow = FlowName(envelope.flow), let collector = NodeName(envelope.collector)
        else { throw .malformed("opening", "a name breaks the rules") }
        guard (1..<UInt64(Int64.max)).contains(envelope.sequence),
            envelope.size <= UInt64(Limits.fileBytesMax),
            let parcelClass = UInt8(exactly: envelope.parcelClass), envelope.keyID.count == 8,
            particulars.mode <= 0o7777, envelope.setID.count <= Digest.byteCount
        else { throw .malformed("opening", "a field exceeds its bounds") }
        let algorithm = envelope.digest == .unspecified ? .sha256 : envelope.digest
        guard let digest = DigestAlgorithm(number: algorithm.rawValue) else {
            throw ProtocolError(.unsupported, "Digest \(algorithm.rawValue) is not known here.")
        }
        self.init(
            mesh: mesh,
            origin: origin,
            flow: flow,
            collector: collector,
            incarnation: Incarnation(
                number: envelope.incarnationNumber,
                random: envelope.incarnationRandom
            ),
            sequence: SequenceNumber(envelope.sequence),
            parcelClass: parcelClass,
            size: ByteCount(Int64(envelope.size)),
            lifetime: envelope.lifetime,
            profile: envelope.profile,
            digest: digest,
            keyID: [UInt8](envelope.keyID),
            opened: UnixMilliseconds(envelope.opened),
            path: [UInt8](particulars.path),
            modified: particulars.modified,
            mode: UInt16(particulars.mode),
            series: [UInt8](particulars.series),
            tags: particulars.tags
        )
        self.setID = [UInt8](envelope.setID)
        self.setCount = envelope.setCount
    }
}
