import Foundation
import MeshContent
import MeshModel
import MeshSpool

/// Keeps files in a directory of pieces, each once, and gives them back: a small backup program.
///
///     Recombine DIRECTORY FILE...
@main struct Recombine {
    static func main() throws {
        let arguments = CommandLine.arguments.dropFirst()
        guard let directory = arguments.first, let name = NodeName("recombine") else {
            fatalError("usage: Recombine DIRECTORY FILE...")
        }
        let spool = try BlobSpool.open(directory, limit: .gibibytes(1), name: name)
        for path in arguments.dropFirst() {
            let bytes = Array(try Data(contentsOf: URL(filePath: path)))
            let entries = try Self.keep(bytes, in: spool)
            try spool.sync()
            guard try Self.file(of: entries, in: spool) == bytes else {
                fatalError("\(path) did not come back as it went in")
            }
            print("\(path): \(entries.count) pieces; \(spool.count) kept in all")
        }
        try spool.close()
    }

    /// Cuts a file by its content, names its pieces, and keeps those that are new.
    private static func keep(_ file: [UInt8], in spool: BlobSpool) throws -> [Entry] {
        let cutter = PieceCutter(profile: .usual)
        let encoder = BlobEncoder(profile: .usual)
        return try file.withUnsafeBytes { bytes in
            var entries: [Entry] = []
            var rest = bytes[...]
            while let length = cutter.length(
                ofNextPieceIn: UnsafeRawBufferPointer(rebasing: rest),
                isLast: true
            ) {
                let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(length))
                let (entry, blob) = encoder.encode(piece)
                if let blob { try spool.keep(blob.bytes) }
                entries.append(entry)
                rest = rest.dropFirst(length)
            }
            return entries
        }
    }

    /// Puts a file together again.
    private static func file(of entries: [Entry], in spool: BlobSpool) throws -> [UInt8] {
        let decoder = BlobDecoder()
        var file: [UInt8] = []
        for entry in entries {
            let stored = try entry.isHole ? [] : spool.bytes(of: entry.blob) ?? []
            try stored.withUnsafeBytes { stored in
                try decoder.decode(entry, stored: stored) { file += $0 }
            }
        }
        return file
    }
}
