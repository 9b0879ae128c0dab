import FoundationEssentials
package import MeshModel
import SwiftASN1
@_spi(FixedExpiryValidationTime) import X509

/// A node that has proved its name to the mesh's authority's satisfaction.
package struct VerifiedPeer: Hashable, Sendable {
    /// The name in its certificate.
    package let name: NodeName
    /// SHA-256 of its key's SubjectPublicKeyInfo; the index says whether it is still this node's.
    package let fingerprint: Digest
}

/// Judges the certificates that peers show.
///
/// The time is given, not read: nodes judge by a clock that never goes below what they know.
package struct PeerCheck: Sendable {
    private let authority: Certificate
    private let mesh: MeshName

    /// The most certificates that a peer may show.
    package static let chainCountMax = 4

    /// Trusts one authority for one mesh.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if the text is no certificate.
    package init(authorityCertificatePEM: String, mesh: MeshName) throws {
        self.authority = try CertificateText.read(authorityCertificatePEM)
        self.mesh = mesh
    }

    /// Checks chain, validity, use and name of what a peer has shown.
    ///
    /// - Parameters:
    ///   - chainDER: The certificates, the peer's own first.
    ///   - time: The time to judge validity by.
    /// - Returns: Who the peer is.
    /// - Throws: ``IdentityError`` `certificate_expired` or `certificate_refused`.
    package func check(
        chainDER: [[UInt8]],
        at time: UnixMilliseconds
    ) async throws -> VerifiedPeer {
        let (leaf, others) = try Self.parse(chainDER)
        let now = Date(
            timeIntervalSince1970: Double(min(max(time.rawValue, 0), Wire.timeMax)) / 1_000
        )
        var verifier = Verifier(rootCertificates: CertificateStore([self.authority])) {
            RFC5280Policy(fixedExpiryValidationTime: now)
        }
        let result = await verifier.validate(
            leaf: leaf,
            intermediates: CertificateStore(others)
        )
        let name = Self.name(of: leaf, in: self.mesh)
        guard case .validCertificate = result else {
            if let name, leaf.notValidAfter < now {
                throw IdentityError(
                    .certificateExpired,
                    "The TLS certificate of \(name) has expired.",
                    hint: "Issue a new one, or set the clock if \(time) is not the time."
                )
            }
            throw Self.refused("does not come from the authority of mesh \(self.mesh)")
        }
        guard let usage = try? leaf.extensions.extendedKeyUsage,
            usage.contains(.serverAuth), usage.contains(.clientAuth)
        else { throw Self.refused("is not for both ends of a link") }
        guard let name else { throw Self.refused("names no node of mesh \(self.mesh)") }
        return VerifiedPeer(name: name, fingerprint: try CertificateText.fingerprint(leaf))
    }

    private static func parse(
        _ chain: [[UInt8]]
    ) throws -> (leaf: Certificate, others: [Certificate]) {
        guard (1...Self.chainCountMax).contains(chain.count),
            chain.allSatisfy({ $0.count <= CertificateText.byteCountMax })
        else { throw Self.refused("is missing, or comes with too many or too long others") }
        do {
            let certificates = try chain.map { try Certificate(derEncoded: $0) }
            return (certificates[0], Array(certificates.dropFirst()))
        } catch {
            throw Self.refused("is damaged", cause: error)
        }
    }

    /// The one node that the certificate names; two names are none.
    private static func name(of leaf: Certificate, in mesh: MeshName) -> NodeName? {
        guard let names = try? leaf.extensions.subjectAlternativeNames else { return nil }
        let uris = names.compactMap { name -> String? in
            if case .uniformResourceIdentifier(let uri) = name { uri } else { nil }
        }
        return uris.count == 1 ? NodeURI.node(in: uris[0], mesh: mesh) : nil
    }

    private static func refused(_ why: String, cause: (any Error)? = nil) -> IdentityError {
        IdentityError(.certificateRefused, "The peer's certificate \(why).", cause: cause)
    }
}
