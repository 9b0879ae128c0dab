import CryptoExtras
import FoundationEssentials

import enum Crypto.ChaChaPoly
import struct Crypto.SymmetricKey

/// A private key under a passphrase, as it lies on a disk.
///
/// scrypt (RFC 7914) with 128 MiB makes guessing dear; ChaCha20-Poly1305 seals, with the salt and
/// the costs as associated data.
package enum SealedKey {
    private static let label = "TRIBUTARY SEALED KEY"
    private static let context = "tributary sealed key 1"
    private static let saltByteCount = 16
    private static let logN: UInt32 = 17
    private static let blockSize: UInt32 = 8
    /// 1 GiB: more than anybody's file asks for.
    private static let logNMax: UInt32 = 20

    /// The longest passphrase, in bytes.
    package static let passphraseByteCountMax = 1_024

    /// Whether a text is such a key.
    package static func isSealed(_ text: String) -> Bool {
        text.hasPrefix("-----BEGIN \(Self.label)-----")
    }

    /// Seals a private key in PEM form.
    ///
    /// - Throws: ``IdentityError`` `signing_failed` if the library below refuses.
    /// - Complexity: About half a second and 128 MiB, on purpose.
    package static func seal(keyPEM: String, passphrase: [UInt8]) throws -> String {
        var sealed = ProtoSealedKey()
        var random = SystemRandomNumberGenerator()
        sealed.salt = Data(
            (0..<Self.saltByteCount).map { _ in UInt8.random(in: 0...255, using: &random) }
        )
        sealed.scryptLogN = Self.logN
        sealed.scryptR = Self.blockSize
        sealed.scryptP = 1
        do {
            sealed.sealed = try ChaChaPoly.seal(
                Array(keyPEM.utf8),
                using: Self.key(sealed, passphrase),
                authenticating: Self.associated(sealed)
            ).combined
        } catch {
            throw IdentityError(.signingFailed, "Could not seal the key.", cause: error)
        }
        return Armour.wrap(Wire.encode(sealed), Self.label)
    }

    /// The private key in PEM form.
    ///
    /// - Throws: ``IdentityError`` `key_unreadable` if it is no sealed key, `passphrase_wrong` if
    ///   the passphrase does not open it.
    package static func open(_ text: String, passphrase: [UInt8]) throws -> String {
        guard let bytes = Armour.unwrap(text, Self.label),
            let sealed = try? Wire.decode(ProtoSealedKey.self, bytes),
            sealed.salt.count == Self.saltByteCount, sealed.scryptR == Self.blockSize,
            (10...Self.logNMax).contains(sealed.scryptLogN), (1...4).contains(sealed.scryptP),
            let box = try? ChaChaPoly.SealedBox(combined: sealed.sealed)
        else {
            throw IdentityError(.keyUnreadable, "The sealed key is damaged, or of a later version.")
        }
        guard let key = try? Self.key(sealed, passphrase),
            let opened = try? ChaChaPoly.open(
                box,
                using: key,
                authenticating: Self.associated(sealed)
            )
        else {
            throw IdentityError(
                .passphraseWrong,
                "The passphrase does not open the authority's key.",
                hint: "Without it the mesh needs a new authority, and every node a new home."
            )
        }
        return String(decoding: opened, as: UTF8.self)
    }

    private static func key(_ sealed: ProtoSealedKey, _ passphrase: [UInt8]) throws -> SymmetricKey
    {
        try KDF.Scrypt.deriveKey(
            from: passphrase,
            salt: sealed.salt,
            outputByteCount: 32,
            rounds: 1 << Int(sealed.scryptLogN),
            blockSize: Int(sealed.scryptR),
            parallelism: Int(sealed.scryptP)
        )
    }

    /// The context, the salt, and the three costs as four bytes each, big-endian.
    private static func associated(_ sealed: ProtoSealedKey) -> [UInt8] {
        let costs = [sealed.scryptLogN, sealed.scryptR, sealed.scryptP]
        return Array(Self.context.utf8) + Array(sealed.salt)
            + costs.flatMap { cost in withUnsafeBytes(of: cost.bigEndian) { Array($0) } }
    }
}
