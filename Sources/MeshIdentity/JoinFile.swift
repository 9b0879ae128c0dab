import FoundationEssentials
import SwiftASN1
import X509

/// What the authority gives a node that is to be of its mesh: public things only.
///
/// No part is believed here: each has a signature of its own, which whoever joins verifies with
/// the authority's key.
package struct JoinFile: Hashable, Sendable {
    /// The certificate of the authority, in PEM form.
    package let authorityCertificatePEM: String
    /// The TLS certificate of the node, in PEM form.
    package let certificatePEM: String
    /// The signed view.
    package let view: [UInt8]
    /// The signed index.
    package let index: [UInt8]

    private static let label = "TRIBUTARY JOIN"

    /// Gathers the parts.
    package init(
        authorityCertificatePEM: String,
        certificatePEM: String,
        view: [UInt8],
        index: [UInt8]
    ) {
        self.authorityCertificatePEM = authorityCertificatePEM
        self.certificatePEM = certificatePEM
        self.view = view
        self.index = index
    }

    /// The text to hand over.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if a certificate is none.
    package func armoured() throws -> String {
        var join = ProtoJoin()
        join.authority = Data(try Self.der(self.authorityCertificatePEM))
        join.certificate = Data(try Self.der(self.certificatePEM))
        join.view = Data(self.view)
        join.index = Data(self.index)
        return Armour.wrap(Wire.encode(join), Self.label)
    }

    /// Reads such text from anybody's hands; the caller has bounded it.
    ///
    /// - Throws: ``IdentityError`` `join_invalid`.
    package init(armoured text: String) throws {
        guard let bytes = Armour.unwrap(text, Self.label),
            let join = try? Wire.decode(ProtoJoin.self, bytes),
            let authority = Self.pem(join.authority), let certificate = Self.pem(join.certificate)
        else {
            throw IdentityError(
                .joinInvalid,
                "This is no file that `tributary keys issue` made, or it was changed since.",
                hint: "Get it again from the authority and carry it here as it is."
            )
        }
        self.init(
            authorityCertificatePEM: authority,
            certificatePEM: certificate,
            view: Array(join.view),
            index: Array(join.index)
        )
    }

    private static func der(_ pem: String) throws -> [UInt8] {
        var serializer = DER.Serializer()
        try serializer.serialize(try CertificateText.read(pem))
        return serializer.serializedBytes
    }

    private static func pem(_ der: Data) -> String? {
        guard der.count <= CertificateText.byteCountMax,
            let certificate = try? Certificate(derEncoded: Array(der))
        else { return nil }
        return try? certificate.serializeAsPEM().pemString
    }
}
