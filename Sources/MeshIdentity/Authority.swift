import FoundationEssentials
package import MeshModel
import SwiftASN1
import X509

import enum Crypto.P256

/// The mesh's authority: signs indexes and views, and issues the nodes' TLS certificates.
///
/// Its private key stays where the topology is kept and is never on a node.
package struct Authority: Sendable {
    /// The private key as PKCS #8 in PEM: to be written with ``PrivateFile`` and nowhere else.
    package var keyPEM: String { self.key.pem }
    /// The self-signed certificate that every node trusts.
    package let certificatePEM: String
    /// What verifies the authority's signatures.
    package var publicKey: StatementPublicKey { self.key.publicKey }
    /// The mesh that it signs for, as its certificate names it; `nil` if that is no name.
    package var mesh: MeshName? { CertificateText.commonName(self.certificate) }

    private let key: StatementKey
    private let certificate: Certificate

    /// How long an authority's certificate is valid: 30 years.
    package static let days = 10_958

    /// Makes an authority with a new key.
    ///
    /// - Throws: ``IdentityError`` `signing_failed`.
    package static func create(mesh: MeshName, at now: UnixMilliseconds) throws -> Self {
        let key = StatementKey()
        do {
            let name = try DistinguishedName { CommonName(mesh.text) }
            let certificate = try Certificate(
                version: .v3,
                serialNumber: Self.serialNumber(),
                publicKey: Certificate.PublicKey(key.key.publicKey),
                notValidBefore: Date(timeIntervalSince1970: 0),
                notValidAfter: Self.date(now, days: Self.days),
                issuer: name,
                subject: name,
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
                    Critical(KeyUsage(digitalSignature: true, keyCertSign: true))
                },
                issuerPrivateKey: Certificate.PrivateKey(key.key)
            )
            let pem = try certificate.serializeAsPEM().pemString
            return Self(certificatePEM: pem, key: key, certificate: certificate)
        } catch {
            throw IdentityError(
                .signingFailed,
                "Could not make the certificate of the authority.",
                cause: error
            )
        }
    }

    /// Takes up an authority that was made before.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if either is unreadable or they do not belong
    ///   together.
    package init(keyPEM: String, certificatePEM: String) throws {
        let key = try StatementKey(pem: keyPEM)
        let certificate = try CertificateText.read(certificatePEM)
        guard certificate.publicKey == Certificate.PublicKey(key.key.publicKey) else {
            throw IdentityError(
                .keyUnreadable,
                "The authority's key is not that of its certificate."
            )
        }
        self.init(certificatePEM: certificatePEM, key: key, certificate: certificate)
    }

    private init(certificatePEM: String, key: StatementKey, certificate: Certificate) {
        self.certificatePEM = certificatePEM
        self.key = key
        self.certificate = certificate
    }

    /// Signs the context followed by the bytes; see ``StatementKey/sign(_:context:)``.
    package func sign(_ bytes: [UInt8], context: String) throws -> [UInt8] {
        try self.key.sign(bytes, context: context)
    }

    /// Issues a node's TLS certificate, for both ends of a link.
    ///
    /// It begins in 1970, for nodes whose clock does not yet know the time, and is kept small, for
    /// slow lines: no key identifiers, no serial number beyond what must be.
    ///
    /// - Parameters:
    ///   - node: The node, named as URI `tributary://MESH/NODE`, and as DNS name where it can be
    ///   one.
    ///   - mesh: The mesh.
    ///   - publicKeyDER: The node's P-256 key as SubjectPublicKeyInfo: ``TLSKey/publicKeyDER``.
    ///   - days: How long from now it is valid.
    ///   - now: The time that `days` count from.
    /// - Returns: The certificate in PEM form.
    /// - Throws: ``IdentityError`` `key_unreadable` or `signing_failed`.
    package func issueTLS(
        node: NodeName,
        mesh: MeshName,
        publicKeyDER: [UInt8],
        days: Int,
        at now: UnixMilliseconds
    ) throws -> String {
        guard let key = try? P256.Signing.PublicKey(derRepresentation: publicKeyDER) else {
            throw IdentityError(.keyUnreadable, "The TLS key of \(node) is no P-256 public key.")
        }
        var names = [GeneralName.uniformResourceIdentifier(NodeURI.text(mesh: mesh, node: node))]
        if NodeURI.isDNSName(node) { names.append(.dnsName(node.text)) }
        do {
            let certificate = try Certificate(
                version: .v3,
                serialNumber: Self.serialNumber(),
                publicKey: Certificate.PublicKey(key),
                notValidBefore: Date(timeIntervalSince1970: 0),
                notValidAfter: Self.date(now, days: days),
                issuer: self.certificate.subject,
                subject: try DistinguishedName { CommonName(node.text) },
                signatureAlgorithm: .ecdsaWithSHA256,
                extensions: try Certificate.Extensions {
                    SubjectAlternativeNames(names)
                    try ExtendedKeyUsage([.serverAuth, .clientAuth])
                },
                issuerPrivateKey: Certificate.PrivateKey(self.key.key)
            )
            return try certificate.serializeAsPEM().pemString
        } catch {
            throw IdentityError(
                .signingFailed,
                "Could not issue the certificate of \(node).",
                cause: error
            )
        }
    }

    /// 63 random bits: unpredictable, and positive in as few bytes as can be.
    private static func serialNumber() -> Certificate.SerialNumber {
        Certificate.SerialNumber(UInt64.random(in: 1...UInt64(Int64.max)))
    }

    /// So many days after a time, at most the end of the year 9999, beyond which certificates
    /// cannot say.
    private static func date(_ time: UnixMilliseconds, days: Int) -> Date {
        let seconds = Double(time.rawValue) / 1_000 + Double(days) * 86_400
        return Date(timeIntervalSince1970: min(max(seconds, 0), Double(Wire.timeMax / 1_000)))
    }
}

/// Reads certificates without letting the library's errors through.
enum CertificateText {
    /// The longest certificate that is looked at, in bytes of DER; PEM may be twice that.
    static let byteCountMax = 8 << 10

    static func read(_ pem: String) throws(IdentityError) -> Certificate {
        do {
            guard pem.utf8.count <= 2 * Self.byteCountMax else { throw ASN1Error.tooLong }
            return try Certificate(pemEncoded: pem)
        } catch {
            throw IdentityError(
                .keyUnreadable,
                "This is no X.509 certificate in PEM form.",
                cause: error
            )
        }
    }

    private enum ASN1Error: Error { case tooLong }

    /// The mesh that an authority's certificate is for.
    static func commonName(_ certificate: Certificate) -> MeshName? {
        for attribute in certificate.subject.lazy.flatMap({ $0 })
        where attribute.type == .RDNAttributeType.commonName {
            return String(attribute.value).flatMap { MeshName($0) }
        }
        return nil
    }

    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    static func fingerprint(_ certificate: Certificate) throws(IdentityError) -> Digest {
        do {
            var serializer = DER.Serializer()
            try serializer.serialize(certificate.publicKey)
            return .sha256(serializer.serializedBytes)
        } catch {
            throw IdentityError(.keyUnreadable, "The certificate's key is unusable.", cause: error)
        }
    }
}

/// What a person compares to know an authority.
package enum AuthorityFingerprint {
    /// SHA-256 of the key's SubjectPublicKeyInfo, as `openssl x509 -pubkey` shows the key.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if the text is no certificate.
    package static func of(certificatePEM: String) throws -> Digest {
        try CertificateText.fingerprint(try CertificateText.read(certificatePEM))
    }
}

extension StatementPublicKey {
    /// The key of a certificate: nodes know the authority's by its certificate.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if it is no certificate of a P-256 key.
    package init(certificatePEM: String) throws {
        let certificate = try CertificateText.read(certificatePEM)
        guard let key = P256.Signing.PublicKey(certificate.publicKey) else {
            throw IdentityError(.keyUnreadable, "The certificate's key is no P-256 key.")
        }
        self.init(key)
    }
}

/// How a certificate names a node.
enum NodeURI {
    private static let scheme = "tributary://"

    static func text(mesh: MeshName, node: NodeName) -> String {
        "\(Self.scheme)\(mesh)/\(node)"
    }

    /// The node that a URI names in a mesh; `nil` if it is no such URI.
    static func node(in text: String, mesh: MeshName) -> NodeName? {
        let prefix = "\(Self.scheme)\(mesh)/"
        guard text.hasPrefix(prefix) else { return nil }
        return NodeName(String(text.dropFirst(prefix.count)))
    }

    /// Whether a node's name is also a host name (RFC 1123, section 2.1), and not mistaken for an
    /// address.
    static func isDNSName(_ node: NodeName) -> Bool {
        let labels = node.text.split(separator: ".", omittingEmptySubsequences: false)
        let areLabels = labels.allSatisfy { label in
            !label.isEmpty && !label.hasPrefix("-") && !label.hasSuffix("-")
                && !label.contains("_")
        }
        return areLabels && labels.last?.allSatisfy(\.isNumber) == false
    }
}
