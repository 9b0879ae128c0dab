import FoundationEssentials
package import MeshModel

/// What a node shows of its keys to have them certified: public halves, and proof that it has the
/// private ones.
///
/// A value that exists carries signatures that hold. Whether the node is who it says only a person
/// can tell, by ``fingerprint``.
package struct KeyRequest: Sendable {
    /// The mesh that the node is of; `nil` when it does not know yet.
    package let mesh: MeshName?
    /// The node.
    package let node: NodeName
    /// When it was made, by the node's clock.
    package let at: UnixMilliseconds
    /// What the node's statements are to verify with.
    package let statementKey: StatementPublicKey
    /// The TLS key as SubjectPublicKeyInfo in DER form.
    package let tlsKeyDER: [UInt8]

    private let bytes: [UInt8]
    private let previousSignature: [UInt8]

    private static let context = "tributary key request 1"
    private static let label = "TRIBUTARY KEY REQUEST"

    /// The longest request that is read, in bytes of text.
    package static let byteCountMax = 8 << 10

    /// SHA-256 of the TLS key: what the index lists.
    package var tlsFingerprint: Digest { .sha256(self.tlsKeyDER) }

    /// What both sides compare to know that they speak of the same keys.
    package var fingerprint: Digest {
        NodeFingerprint.of(statement: self.statementKey, tls: self.tlsFingerprint)
    }

    /// Makes a request and the text to hand over.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - mesh: The mesh, when the node knows it.
    ///   - statementKey: The statement key to certify.
    ///   - tlsKey: The TLS key to certify.
    ///   - previous: The statement key that the index lists for the node now, if that is another.
    ///   - now: The time to state.
    /// - Returns: The request in its armour: text that survives mail.
    /// - Throws: ``IdentityError`` `signing_failed`.
    package static func make(
        node: NodeName,
        mesh: MeshName?,
        statementKey: StatementKey,
        tlsKey: TLSKey,
        replacing previous: StatementKey?,
        at now: UnixMilliseconds
    ) throws -> String {
        var request = ProtoKeyRequest()
        request.mesh = mesh?.text ?? ""
        request.node = node.text
        request.at = now.rawValue
        request.statementKey = Data(statementKey.publicKey.bytes)
        request.tlsKey = Data(tlsKey.publicKeyDER)
        let bytes = Wire.encode(request)
        var signed = ProtoSignedKeyRequest()
        signed.request = Data(bytes)
        signed.statementSignature = Data(try statementKey.sign(bytes, context: Self.context))
        signed.tlsSignature = Data(try tlsKey.sign(bytes, context: Self.context))
        if let previous {
            signed.previousSignature = Data(try previous.sign(bytes, context: Self.context))
        }
        return Armour.wrap(Wire.encode(signed), Self.label)
    }

    /// Reads a request from anybody's hands, and checks both proofs of possession.
    ///
    /// - Throws: ``IdentityError`` `request_invalid`.
    package init(armoured text: String) throws {
        let invalid = IdentityError(
            .requestInvalid,
            "This is no request that `tributary keys request` made, or it was changed since.",
            hint: "Make it again at the node and carry it here as it is."
        )
        guard text.utf8.count <= Self.byteCountMax,
            let armoured = Armour.unwrap(text, Self.label),
            let signed = try? Wire.decode(ProtoSignedKeyRequest.self, armoured)
        else { throw invalid }
        let bytes = Array(signed.request)
        guard let request = try? Wire.decode(ProtoKeyRequest.self, bytes),
            let node = NodeName(request.node), let at = Wire.time(request.at),
            let statementKey = StatementPublicKey(bytes: Array(request.statementKey)),
            let tlsKey = StatementPublicKey(spkiDER: Array(request.tlsKey)),
            request.mesh.isEmpty || MeshName(request.mesh) != nil
        else { throw invalid }
        func holds(_ signature: Data, by key: StatementPublicKey) -> Bool {
            key.isValid(Array(signature), context: Self.context, over: bytes)
        }
        guard holds(signed.statementSignature, by: statementKey),
            holds(signed.tlsSignature, by: tlsKey), statementKey != tlsKey
        else { throw invalid }
        self.mesh = MeshName(request.mesh)
        self.node = node
        self.at = at
        self.statementKey = statementKey
        self.tlsKeyDER = Array(request.tlsKey)
        self.bytes = bytes
        self.previousSignature = Array(signed.previousSignature)
    }

    /// Whether the holder of a key that is to be replaced has agreed.
    package func isAgreed(by previous: StatementPublicKey) -> Bool {
        previous.isValid(self.previousSignature, context: Self.context, over: self.bytes)
    }
}

/// One number for both keys of a node, to be read out over the telephone.
package enum NodeFingerprint {
    private static let context = "tributary node keys 1"

    /// SHA-256 over a context, the statement key's point and the TLS key's fingerprint.
    package static func of(statement: StatementPublicKey, tls: Digest) -> Digest {
        .sha256(Array(Self.context.utf8) + statement.bytes + tls.bytes)
    }
}
