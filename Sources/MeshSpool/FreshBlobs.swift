import MeshModel

/// The blobs that were made or received last, as they were in memory.
///
/// They are mostly wanted at once: the next hop asks for them, or they land. They are taken from
/// here then, and not read back from the disk and checked. Everything else is.
struct FreshBlobs: Sendable {
    private struct Kept {
        let body: [UInt8]
        /// What was kept up to and with it, in bytes.
        let end: Int
    }

    private let bytesMax: Int
    private var bodies: [BlobID: Kept] = [:]
    private var oldestFirst: [BlobID] = []
    private var byteCount = 0
    /// Bytes of all that was ever kept.
    private var end = 0
    /// How far of that the foremost reader is.
    private(set) var read = 0

    /// What keeping a blob costs besides its bytes, about: the shortest has one.
    private static let overhead = 256

    /// Keeps at most so many bytes.
    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// The blob, if it still is kept; remembers how far its reader is.
    mutating func lend(_ blob: BlobID) -> [UInt8]? {
        guard let kept = self.bodies[blob] else { return nil }
        self.read = max(self.read, kept.end)
        return kept.body
    }

    /// Keeps a blob, unless it is kept already, and lets go of those that came before.
    mutating func keep(_ blob: BlobID, _ body: [UInt8]) {
        guard self.bodies[blob] == nil else { return }
        self.end += body.count + Self.overhead
        self.bodies[blob] = Kept(body: body, end: self.end)
        self.oldestFirst.append(blob)
        self.byteCount += body.count + Self.overhead
        var gone = 0
        while self.byteCount > self.bytesMax {
            let kept = self.bodies.removeValue(forKey: self.oldestFirst[gone])
            self.byteCount -= (kept?.body.count ?? 0) + Self.overhead
            gone += 1
        }
        self.oldestFirst.removeFirst(gone)
    }

    /// Forgets the reader: it has gone, or reads from the disk.
    mutating func forgetReader() { self.read = 0 }

    /// Whether somebody reads what is kept and would soon find it gone, were more written now.
    ///
    /// The other half of the room is for what the writer has under way.
    var isOutrun: Bool {
        let ahead = self.end - self.read
        return self.read > 0 && ahead > self.bytesMax / 2 && ahead <= self.bytesMax
    }
}
