import FoundationEssentials
import MeshModel
import SwiftProtobuf

/// How a tally or an inquiry is signed and read: one body, one signature.
enum SignedWord {
    /// The signed word as it travels.
    static func sign(_ body: [UInt8], context: String, by key: StatementKey) throws -> [UInt8] {
        let signature = try key.sign(body, context: context)
        return Wire.encode(
            ProtoSignedWord.with {
                $0.body = Data(body)
                $0.signature = Data(signature)
            }
        )
    }

    /// Body and signature of a word that came.
    static func parse(_ bytes: [UInt8]) throws(IdentityError) -> (body: [UInt8], signature: [UInt8])
    {
        guard bytes.count <= SignedStatement.byteCountMax else {
            throw .malformed("A signed word of \(bytes.count) bytes is too long.")
        }
        let word = try Wire.decode(ProtoSignedWord.self, bytes)
        return (Array(word.body), Array(word.signature))
    }

    /// Verifies which mesh it is for, by the name in its body, and who signed it.
    static func verify(
        _ bytes: [UInt8],
        context: String,
        origin: NodeName,
        mesh: (named: String, ours: MeshName),
        key: StatementPublicKey?
    ) throws(IdentityError) {
        guard mesh.named == mesh.ours.text else {
            throw IdentityError(
                .wrongMesh,
                "What \(origin) signed belongs to another mesh than \(mesh.ours)."
            )
        }
        guard let key else {
            throw IdentityError(.unknownKey, "The index does not list the key of \(origin).")
        }
        let (body, signature) = try Self.parse(bytes)
        guard key.isValid(signature, context: context, over: body) else {
            throw IdentityError(.signatureInvalid, "The signature of \(origin) does not verify.")
        }
    }

    /// The stream that a word is about; `nil` if a name is none.
    static func stream(
        origin: String,
        flow: String,
        number: UInt64,
        random: UInt64
    ) -> FlowStream? {
        guard let origin = NodeName(origin), let flow = FlowName(flow) else { return nil }
        return FlowStream(
            origin: origin,
            flow: flow,
            incarnation: Incarnation(number: number, random: random)
        )
    }

    /// Runs that ascend without touching, all between 1 and `highest`; `nil` if they do not.
    static func runs(_ protos: [ProtoSequenceRun], upTo highest: UInt64) -> RunSet? {
        var set = RunSet()
        var last: UInt64 = 0
        for run in protos {
            guard run.first > last, run.first <= run.last, run.last <= highest else { return nil }
            set.insert(run.first...run.last)
            last = run.last
        }
        return set.runs.count == protos.count ? set : nil
    }

    static func protos(_ set: RunSet) -> [ProtoSequenceRun] {
        set.runs.map { run in
            ProtoSequenceRun.with {
                $0.first = run.lowerBound
                $0.last = run.upperBound
            }
        }
    }
}
