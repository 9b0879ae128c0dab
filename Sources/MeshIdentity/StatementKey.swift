import FoundationEssentials
import MeshModel

import enum Crypto.P256
import struct Crypto.SHA256
import struct Crypto.SHA256Digest

/// The public half of a ``StatementKey``: verifies what a node, or the authority, has signed.
///
/// Parsed once; keep values rather than bytes where many signatures are verified. Two are equal
/// when their bytes are.
package struct StatementPublicKey: Sendable {
    /// The P-256 point, compressed: 33 bytes.
    package let bytes: [UInt8]
    /// Tells the keys of one node apart: the first 8 bytes of SHA-256 over ``bytes``.
    package let keyID: [UInt8]

    private let key: P256.Signing.PublicKey

    /// How many bytes a compressed point has.
    package static let byteCount = 33
    /// How many bytes a key id has.
    package static let keyIDByteCount = 8
    /// How many bytes a signature has.
    package static let signatureByteCount = 64

    /// Reads a compressed point; `nil` if it is none on the curve.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount,
            let key = try? P256.Signing.PublicKey(compressedRepresentation: bytes)
        else { return nil }
        self.init(key)
    }

    /// Reads a SubjectPublicKeyInfo in DER form; `nil` if it is no P-256 key.
    package init?(spkiDER: [UInt8]) {
        guard let key = try? P256.Signing.PublicKey(derRepresentation: spkiDER) else { return nil }
        self.init(key)
    }

    init(_ key: P256.Signing.PublicKey) {
        self.key = key
        self.bytes = Array(key.compressedRepresentation)
        self.keyID = Array(Digest.sha256(self.bytes).bytes.prefix(Self.keyIDByteCount))
    }

    /// Whether `signature` is this key's over the context followed by the bytes.
    ///
    /// - Parameters:
    ///   - signature: 64 bytes, r and s; any other length is invalid.
    ///   - context: What kind of thing was signed, such as `tributary opening 1`.
    ///   - bytes: What was signed, verbatim.
    /// - Returns: Whether it holds.
    /// - Complexity: About 70 µs, and a SHA-256 over the bytes.
    package func isValid(_ signature: [UInt8], context: String, over bytes: [UInt8]) -> Bool {
        guard signature.count == Self.signatureByteCount,
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return self.key.isValidSignature(
            signature,
            for: StatementKey.hash(context: context, bytes)
        )
    }
}

extension StatementPublicKey: Hashable, CustomStringConvertible {
    /// Whether both are the same point.
    package static func == (left: Self, right: Self) -> Bool { left.bytes == right.bytes }
    /// Hashes the point.
    package func hash(into hasher: inout Hasher) { hasher.combine(self.bytes) }
    /// The key id in hexadecimal.
    package var description: String { Hex.encode(self.keyID) }
}

/// A P-256 key that signs openings, batches of statements, views or indexes.
///
/// Every signature covers a context, which says what is signed, followed by the bytes: a signature
/// of one kind never passes for another.
package struct StatementKey: Sendable {
    /// The half that everybody may know.
    package let publicKey: StatementPublicKey

    let key: P256.Signing.PrivateKey

    /// Generates a key from the system's random numbers.
    package init() { self.init(P256.Signing.PrivateKey()) }

    /// Reads a PEM private key, PKCS #8 or SEC 1.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if the text is no P-256 private key.
    package init(pem: String) throws {
        do {
            self.init(try P256.Signing.PrivateKey(pemRepresentation: pem))
        } catch {
            throw IdentityError(
                .keyUnreadable,
                "This is no P-256 private key in PEM form.",
                cause: error
            )
        }
    }

    private init(_ key: P256.Signing.PrivateKey) {
        self.key = key
        self.publicKey = StatementPublicKey(key.publicKey)
    }

    /// The private key as PKCS #8 in PEM: to be written with ``PrivateFile`` and nowhere else.
    package var pem: String { self.key.pemRepresentation }

    /// Signs the context followed by the bytes: 64 bytes, r and s.
    ///
    /// - Throws: ``IdentityError`` `signing_failed` if the library below refuses.
    /// - Complexity: About 25 µs, and a SHA-256 over the bytes.
    package func sign(_ bytes: [UInt8], context: String) throws -> [UInt8] {
        do {
            let signature = try self.key.signature(for: Self.hash(context: context, bytes))
            return Array(signature.rawRepresentation)
        } catch {
            throw IdentityError(.signingFailed, "Could not sign “\(context)”.", cause: error)
        }
    }

    static func hash(context: String, _ bytes: [UInt8]) -> SHA256Digest {
        var hash = SHA256()
        var context = context
        context.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize()
    }
}
