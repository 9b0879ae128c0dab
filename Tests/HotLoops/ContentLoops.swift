import MeshContent
import MeshModel

extension HotLoops {
    /// Finds the pieces of 1 MiB.
    static func cutting() throws -> Round {
        let bytes = Self.noise(1 << 20)
        let cutter = PieceCutter(profile: .usual)
        return { _ in
            try bytes.withUnsafeBytes { bytes in
                var rest = bytes
                while let length = cutter.length(ofNextPieceIn: rest, isLast: true) {
                    rest = UnsafeRawBufferPointer(rebasing: rest[length...])
                }
                guard rest.isEmpty else { throw Unmade() }
            }
        }
    }

    /// Writes and reads 1,024 entries.
    static func entries() throws -> Round {
        let entries = try Self.someEntries(1_024, storedLength: 200_000)
        return { _ in
            var bytes: [UInt8] = []
            for entry in entries { entry.append(to: &bytes) }
            for start in stride(from: 0, to: bytes.count, by: Entry.encodedByteCount) {
                let end = start + Entry.encodedByteCount
                guard Entry(encoded: bytes[start..<end]) != nil else { throw Unmade() }
            }
        }
    }

    static func someEntries(_ count: Int, storedLength: UInt32) throws -> [Entry] {
        try (0..<count).map { number in
            guard let digest = Digest(Self.noise(Digest.byteCount, seed: UInt64(number + 1))),
                let entry = Entry(
                    blob: BlobID(digest),
                    storedLength: storedLength,
                    plainLength: storedLength,
                    flags: []
                )
            else { throw Unmade() }
            return entry
        }
    }
}
