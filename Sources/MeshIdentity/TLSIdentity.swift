import FoundationEssentials
package import MeshModel
import SwiftASN1
import X509

import enum Crypto.P256

/// A node's P-256 key for TLS, before it has a certificate.
package struct TLSKey: Sendable {
    private let key: P256.Signing.PrivateKey

    /// Generates a key from the system's random numbers.
    package init() { self.key = P256.Signing.PrivateKey() }

    /// Reads a PEM private key, PKCS #8 or SEC 1.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if the text is no P-256 private key.
    package init(pem: String) throws {
        do {
            self.key = try P256.Signing.PrivateKey(pemRepresentation: pem)
        } catch {
            throw IdentityError(
                .keyUnreadable,
                "This is no P-256 private key in PEM form.",
                cause: error
            )
        }
    }

    /// The private key as PKCS #8 in PEM: to be written with ``PrivateFile`` and nowhere else.
    package var pem: String { self.key.pemRepresentation }
    /// The public key as SubjectPublicKeyInfo in DER form: what the authority certifies.
    package var publicKeyDER: [UInt8] { Array(self.key.publicKey.derRepresentation) }
    /// SHA-256 of ``publicKeyDER``: what the index lists.
    package var fingerprint: Digest { .sha256(self.publicKeyDER) }

    /// Signs the context followed by the bytes, as ``StatementKey/sign(_:context:)`` does: to show
    /// that this key is there.
    ///
    /// - Throws: ``IdentityError`` `signing_failed` if the library below refuses.
    package func sign(_ bytes: [UInt8], context: String) throws -> [UInt8] {
        do {
            let hash = StatementKey.hash(context: context, bytes)
            return Array(try self.key.signature(for: hash).rawRepresentation)
        } catch {
            throw IdentityError(.signingFailed, "Could not sign “\(context)”.", cause: error)
        }
    }
}

/// A TLS certificate without its key: what a list of certificates has of each.
package struct TLSCertificate: Sendable {
    /// The certificate in PEM form.
    package let pem: String
    /// SHA-256 of the key's SubjectPublicKeyInfo: what the index lists.
    package let fingerprint: Digest
    /// The last second in which it is valid.
    package let expires: UnixMilliseconds

    /// Reads a certificate, and believes nothing of it.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if it is none.
    package init(pem: String) throws {
        let certificate = try CertificateText.read(pem)
        self.pem = pem
        self.fingerprint = try CertificateText.fingerprint(certificate)
        self.expires = UnixMilliseconds(
            Int64(certificate.notValidAfter.timeIntervalSince1970) * 1_000
        )
    }
}

/// What a node shows and proves in a TLS handshake.
package struct TLSIdentity: Sendable {
    /// The private key as PKCS #8 in PEM: to be written with ``PrivateFile`` and nowhere else.
    package let keyPEM: String
    /// The certificate by the authority.
    package let certificatePEM: String
    /// The certificate in DER form.
    package let certificateDER: [UInt8]
    /// SHA-256 of the key's SubjectPublicKeyInfo: what the index lists.
    package let fingerprint: Digest
    /// The last second in which the certificate is valid.
    package let expires: UnixMilliseconds

    /// Takes up what was made before.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if either is unreadable or they do not belong
    ///   together.
    package init(keyPEM: String, certificatePEM: String) throws {
        let key = try TLSKey(pem: keyPEM)
        let certificate = try TLSCertificate(pem: certificatePEM)
        guard certificate.fingerprint == key.fingerprint else {
            throw IdentityError(.keyUnreadable, "The TLS key is not that of its certificate.")
        }
        self.keyPEM = keyPEM
        self.certificatePEM = certificatePEM
        do {
            self.certificateDER = try PEMDocument(pemString: certificatePEM).derBytes
        } catch {
            throw IdentityError(
                .keyUnreadable,
                "This is no X.509 certificate in PEM form.",
                cause: error
            )
        }
        self.fingerprint = key.fingerprint
        self.expires = certificate.expires
    }

    /// Makes a key and has the authority certify it.
    ///
    /// - Throws: ``IdentityError`` `signing_failed`.
    package static func issue(
        node: NodeName,
        mesh: MeshName,
        by authority: Authority,
        days: Int,
        at now: UnixMilliseconds
    ) throws -> Self {
        let key = TLSKey()
        let certificate = try authority.issueTLS(
            node: node,
            mesh: mesh,
            publicKeyDER: key.publicKeyDER,
            days: days,
            at: now
        )
        return try Self(keyPEM: key.pem, certificatePEM: certificate)
    }
}
