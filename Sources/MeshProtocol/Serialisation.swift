import SwiftProtobuf

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension [UInt8] {
    /// The bytes as the generated code wants them; the one place that needs Foundation.
    var data: Data { Data(self) }
}

extension SwiftProtobuf.Message {
    /// The message's bytes, the same for equal messages.
    ///
    /// Cannot fail: proto3 has no required fields, and `Any` is not used.
    func bytes() -> [UInt8] {
        var options = BinaryEncodingOptions()
        options.useDeterministicOrdering = true
        guard let bytes: [UInt8] = try? self.serializedBytes(options: options) else {
            preconditionFailure("A proto3 message without Any always serialises.")
        }
        return bytes
    }

    /// Reads a message, not deeper than ours ever nest.
    static func reading(_ bytes: [UInt8], as what: String) throws(ProtocolError) -> Self {
        var options = BinaryDecodingOptions()
        options.messageDepthLimit = 8
        options.discardUnknownFields = true
        do {
            return try Self(serializedBytes: bytes, options: options)
        } catch {
            throw .malformed(what, "its bytes do not parse", cause: error)
        }
    }
}
