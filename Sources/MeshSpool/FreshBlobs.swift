/// The blobs that were written last, as they were in memory.
///
/// What is written is mostly wanted at once: the next hop asks for it, or it lands. It is taken from
/// here then, and not read back from the disk and checked. Everything else is.
struct FreshBlobs: Sendable {
    private struct Kept {
        let body: [UInt8]
        /// What was kept up to and with it, in bytes.
        let end: Int
    }

    private let bytesMax: Int
    private var bodies: [BodyLocation: Kept] = [:]
    private var oldestFirst: [BodyLocation] = []
    private var byteCount = 0
    /// Bytes of all that was ever kept.
    private var end = 0
    /// How far of that the foremost reader is.
    private(set) var read = 0

    /// What keeping a blob costs besides its bytes, about: the shortest has one.
    private static let overhead = 256

    /// Keeps at most so many bytes.
    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// The blob that was written there, if it still is kept; remembers how far its reader is.
    mutating func lend(_ location: BodyLocation) -> [UInt8]? {
        guard let kept = self.bodies[location] else { return nil }
        self.read = max(self.read, kept.end)
        return kept.body
    }

    /// Keeps a blob, and lets go of those that were written before it.
    mutating func keep(_ body: [UInt8], at location: BodyLocation) {
        self.end += body.count + Self.overhead
        self.bodies[location] = Kept(body: body, end: self.end)
        self.oldestFirst.append(location)
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
