import MeshModel
import SwiftProtobuf

/// Puts the parts of a public index together, in order; holds no more than has come.
struct IndexAssembly: Sendable {
    private var bytes: [UInt8] = []

    /// Takes the body of a frame; gives the index once all of it is here.
    mutating func take(_ body: [UInt8]) throws(ProtocolError) -> [UInt8]? {
        let part = try ProtoIndex.reading(body, as: "index")
        guard part.size > 0 else { return [UInt8](part.index) }
        if part.offset == 0 { self.bytes = [] }
        guard part.size <= UInt64(Limits.indexBytesMax) else {
            throw .tooLong(
                "public index",
                bytes: Int(clamping: part.size),
                limit: Limits.indexBytesMax
            )
        }
        guard part.offset == UInt64(self.bytes.count), !part.index.isEmpty,
            part.size - part.offset >= UInt64(part.index.count)
        else { throw .violation("A part of an index does not follow the one before.") }
        self.bytes += part.index
        guard UInt64(self.bytes.count) == part.size else { return nil }
        defer { self.bytes = [] }
        return self.bytes
    }
}
