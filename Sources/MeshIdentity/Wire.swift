import FoundationEssentials
import MeshModel
import SwiftProtobuf

/// How this module's messages become bytes and bytes become checked values.
enum Wire {
    /// 9999-12-31T23:59:59.999Z: beyond it nothing is a time, and arithmetic on what is left cannot
    /// overflow.
    static let timeMax: Int64 = 253_402_300_799_999

    /// The bytes of a message.
    static func encode(_ message: some Message) -> [UInt8] {
        do {
            return try message.serializedBytes()
        } catch {
            // Fails only beyond 2 GiB or without proto2's required fields; neither occurs here.
            preconditionFailure("Could not encode \(type(of: message).protoMessageName): \(error)")
        }
    }

    /// Reads a message; the caller has bounded the bytes.
    static func decode<M: Message>(_ type: M.Type, _ bytes: [UInt8]) throws(IdentityError) -> M {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 4
        options.discardUnknownFields = true
        do {
            return try M(serializedBytes: bytes, options: options)
        } catch {
            throw IdentityError(
                .statementMalformed,
                "\(M.protoMessageName) is damaged.",
                cause: error
            )
        }
    }

    /// A time between 1970 and 9999; anything else is `nil`.
    static func time(_ milliseconds: Int64) -> UnixMilliseconds? {
        (0...Self.timeMax).contains(milliseconds) ? UnixMilliseconds(milliseconds) : nil
    }

    /// A digest, or the absence of one, which is written as no bytes; any other length is `nil`.
    static func optionalDigest(_ data: Data) -> Digest?? {
        data.isEmpty ? .some(nil) : Digest(data).map(Optional.some)
    }

    /// Text that is safe to store and show: no control characters, at most so many bytes of UTF-8.
    static func clean(_ text: String, byteCountMax: Int) -> String {
        var result = ""
        var room = byteCountMax
        for scalar in text.unicodeScalars where scalar.properties.generalCategory != .control {
            room -= UTF8.width(scalar)
            guard room >= 0 else { break }
            result.unicodeScalars.append(scalar)
        }
        return result
    }
}
