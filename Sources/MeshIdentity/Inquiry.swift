import FoundationEssentials
package import MeshModel
import SwiftProtobuf

/// A signed question of an origin to the collector: what became of these parcels.
package struct Inquiry: Hashable, Sendable {
    /// Where they come from.
    package let stream: FlowStream
    /// When it was asked, by the origin's clock.
    package let at: UnixMilliseconds
    /// The parcels with their numbers; at most ``Limits/inquiryParcelsMax``.
    package let parcels: [(sequence: SequenceNumber, id: ParcelID)]

    private static let context = "tributary inquiry 1"

    /// Gathers a question; what exceeds ``Limits/inquiryParcelsMax`` is left for the next.
    package init(
        stream: FlowStream,
        at: UnixMilliseconds,
        parcels: [(sequence: SequenceNumber, id: ParcelID)]
    ) {
        self.stream = stream
        self.at = at
        self.parcels = Array(parcels.prefix(Limits.inquiryParcelsMax))
    }

    /// The question as it travels, signed by its origin's key.
    ///
    /// - Parameters:
    ///   - key: The origin's statement key.
    ///   - mesh: The mesh.
    /// - Returns: What a note carries.
    /// - Throws: ``IdentityError`` `signing_failed`.
    package func signed(by key: StatementKey, in mesh: MeshName) throws -> [UInt8] {
        var proto = ProtoInquiry()
        proto.mesh = mesh.text
        proto.origin = self.stream.origin.text
        proto.keyID = Data(key.publicKey.keyID)
        proto.flow = self.stream.flow.text
        proto.incarnationNumber = self.stream.incarnation.number
        proto.incarnationRandom = self.stream.incarnation.random
        proto.at = self.at.rawValue
        proto.parcels = self.parcels.map { parcel in
            ProtoAskedParcel.with {
                $0.sequence = parcel.sequence.rawValue
                $0.parcelID = Data(parcel.id.bytes)
            }
        }
        return try SignedWord.sign(Wire.encode(proto), context: Self.context, by: key)
    }

    /// Reads a question that was verified before it was logged here.
    ///
    /// - Throws: ``IdentityError`` `statement_malformed`.
    package init(trusted bytes: [UInt8]) throws(IdentityError) {
        let proto = try Wire.decode(ProtoInquiry.self, SignedWord.parse(bytes).body)
        guard
            let stream = SignedWord.stream(
                origin: proto.origin,
                flow: proto.flow,
                number: proto.incarnationNumber,
                random: proto.incarnationRandom
            ), let at = Wire.time(proto.at),
            (1...Limits.inquiryParcelsMax).contains(proto.parcels.count)
        else { throw .malformed("A field of the inquiry is out of range.") }
        var parcels: [(sequence: SequenceNumber, id: ParcelID)] = []
        for parcel in proto.parcels {
            guard let id = ParcelID(bytes: parcel.parcelID),
                (1..<UInt64(Int64.max)).contains(parcel.sequence)
            else { throw .malformed("An inquiry names what is no parcel.") }
            parcels.append((SequenceNumber(parcel.sequence), id))
        }
        self.init(stream: stream, at: at, parcels: parcels)
    }

    /// Reads a question from outside and verifies its signature.
    ///
    /// - Parameters:
    ///   - bytes: What a note carried.
    ///   - mesh: The mesh that it must belong to.
    ///   - key: The key that the index lists for a node and key id.
    /// - Throws: ``IdentityError`` `statement_malformed`, `wrong_mesh`, `unknown_key` or
    ///   `signature_invalid`.
    package init(
        verifying bytes: [UInt8],
        mesh: MeshName,
        key: (NodeName, [UInt8]) -> StatementPublicKey?
    ) throws(IdentityError) {
        try self.init(trusted: bytes)
        let proto = try Wire.decode(ProtoInquiry.self, SignedWord.parse(bytes).body)
        let origin = self.stream.origin
        try SignedWord.verify(
            bytes,
            context: Self.context,
            origin: origin,
            mesh: (proto.mesh, mesh),
            key: key(origin, Array(proto.keyID))
        )
    }

    /// Whether both ask the same at the same time.
    package static func == (left: Self, right: Self) -> Bool {
        left.stream == right.stream && left.at == right.at
            && left.parcels.elementsEqual(right.parcels, by: ==)
    }

    /// Hashes the stream and the time, which tell questions apart.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.stream)
        hasher.combine(self.at)
    }
}
