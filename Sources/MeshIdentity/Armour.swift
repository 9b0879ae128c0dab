import SwiftASN1

/// Bytes as text with a label, as PEM has it (RFC 7468): survives mail and the clipboard.
enum Armour {
    static func wrap(_ bytes: [UInt8], _ label: String) -> String {
        PEMDocument(type: label, derBytes: bytes).pemString + "\n"
    }

    /// The bytes; `nil` if the text has no such label, or is damaged.
    static func unwrap(_ text: String, _ label: String) -> [UInt8]? {
        guard let document = try? PEMDocument(pemString: text), document.discriminator == label
        else { return nil }
        return document.derBytes
    }
}
