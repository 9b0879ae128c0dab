import FoundationEssentials
package import MeshModel
import SwiftProtobuf

/// An origin's signed word on which numbers it has given to a stream: every one up to the highest.
///
/// What is neither ended nor known to anybody is then missing, and the collector can tell.
package struct Tally: Hashable, Sendable {
    /// The stream.
    package let stream: FlowStream
    /// When, by the origin's clock.
    package let at: UnixMilliseconds
    /// The highest number given, or the highest that the runs below account for.
    package let highest: SequenceNumber
    /// Numbers that ended otherwise than by the collector's word.
    package let ended: [StatementKind: RunSet]
    /// Numbers still in the origin's own hands.
    package let here: RunSet

    private static let context = "tributary tally 1"

    /// Gathers a tally; with more than ``Limits/tallyRunsMax`` runs it speaks of the lowest only.
    package init(
        stream: FlowStream,
        at: UnixMilliseconds,
        highest: SequenceNumber,
        ended: [StatementKind: RunSet],
        here: RunSet
    ) {
        let runs = (ended.values.flatMap(\.runs) + here.runs).sorted {
            $0.lowerBound < $1.lowerBound
        }
        let isTooLong = runs.count > Limits.tallyRunsMax
        let last = isTooLong ? runs[Limits.tallyRunsMax].lowerBound - 1 : highest.rawValue
        self.stream = stream
        self.at = at
        self.highest = SequenceNumber(min(last, highest.rawValue))
        self.ended = ended.mapValues { $0.clipped(to: last) }.filter { !$0.value.isEmpty }
        self.here = here.clipped(to: last)
    }

    /// Whether two say the same, whenever they were made.
    package func saysTheSame(as other: Self) -> Bool {
        self.saysTheSameBut(here: other) && self.here == other.here
    }

    /// Whether two differ at most in what is still at the origin.
    package func saysTheSameBut(here other: Self) -> Bool {
        self.stream == other.stream && self.highest == other.highest && self.ended == other.ended
    }

    /// The tally as it travels, signed by its origin's key.
    ///
    /// - Parameters:
    ///   - key: The origin's statement key.
    ///   - mesh: The mesh.
    /// - Returns: What a note carries.
    /// - Throws: ``IdentityError`` `signing_failed`.
    package func signed(by key: StatementKey, in mesh: MeshName) throws -> [UInt8] {
        var proto = ProtoTally()
        proto.mesh = mesh.text
        proto.origin = self.stream.origin.text
        proto.keyID = Data(key.publicKey.keyID)
        proto.flow = self.stream.flow.text
        proto.incarnationNumber = self.stream.incarnation.number
        proto.incarnationRandom = self.stream.incarnation.random
        proto.at = self.at.rawValue
        proto.highest = self.highest.rawValue
        proto.ended = self.ended.sorted { $0.key.rawValue < $1.key.rawValue }.map { kind, runs in
            ProtoEndedRuns.with {
                $0.kind = kind.proto
                $0.runs = SignedWord.protos(runs)
            }
        }
        proto.here = SignedWord.protos(self.here)
        return try SignedWord.sign(Wire.encode(proto), context: Self.context, by: key)
    }

    /// Reads a tally that was verified before it was logged here.
    ///
    /// - Throws: ``IdentityError`` `statement_malformed`.
    package init(trusted bytes: [UInt8]) throws(IdentityError) {
        let proto = try Wire.decode(ProtoTally.self, SignedWord.parse(bytes).body)
        guard
            let stream = SignedWord.stream(
                origin: proto.origin,
                flow: proto.flow,
                number: proto.incarnationNumber,
                random: proto.incarnationRandom
            ), let at = Wire.time(proto.at), proto.highest < UInt64(Int64.max),
            let here = SignedWord.runs(proto.here, upTo: proto.highest)
        else { throw .malformed("A field of the tally is out of range.") }
        var ended: [StatementKind: RunSet] = [:]
        for group in proto.ended {
            guard let kind = StatementKind(group.kind), kind.isTerminal, ended[kind] == nil,
                let runs = SignedWord.runs(group.runs, upTo: proto.highest)
            else { throw .malformed("The tally's ended runs are out of range.") }
            ended[kind] = runs
        }
        let count = ended.values.reduce(here.runs.count) { $0 + $1.runs.count }
        guard count <= Limits.tallyRunsMax else {
            throw .malformed("A tally has \(count) runs.")
        }
        self.init(
            stream: stream,
            at: at,
            highest: SequenceNumber(proto.highest),
            ended: ended,
            here: here
        )
    }

    /// Reads a tally from outside and verifies its signature.
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
        let proto = try Wire.decode(ProtoTally.self, SignedWord.parse(bytes).body)
        let origin = self.stream.origin
        try SignedWord.verify(
            bytes,
            context: Self.context,
            origin: origin,
            mesh: (proto.mesh, mesh),
            key: key(origin, Array(proto.keyID))
        )
    }
}
