package import MeshIdentity
package import MeshModel

/// A node's own signed word, shown to that node because its hello knows less.
///
/// What others say of a node counts for it only with its own signature attached.
package enum Evidence: Hashable, Sendable {
    /// Asks to be shown what the other holds.
    case wanted
    /// One of its statements, verbatim.
    case statement([UInt8])
    /// One of its openings; with the closing when a signature covers both, else that is empty.
    case opening([UInt8], closing: [UInt8], signature: [UInt8])

    /// The opening, if this is one and the key that `key` finds for it has signed it.
    package func opening(
        key: (_ origin: NodeName, _ keyID: [UInt8]) -> StatementPublicKey?
    ) -> (opening: Opening, id: ParcelID)? {
        guard case .opening(let bytes, let closing, let signature) = self,
            let opening = try? Opening(encoded: bytes), let key = key(opening.origin, opening.keyID)
        else { return nil }
        let id = ParcelID(ofOpening: bytes)
        if closing.isEmpty {
            guard key.isValid(signature, context: SignedOpening.context, over: bytes) else {
                return nil
            }
        } else {
            // The closing names the opening: otherwise a part of one could pass for the other.
            guard let end = try? Closing(encoded: closing), end.parcel == id,
                let claim = SmallSignature(signature)?.claim(of: bytes + closing, by: key),
                claim.holds
            else { return nil }
        }
        return (opening, id)
    }
}
