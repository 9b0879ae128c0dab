/// The blobs that were written last, as they were in memory.
///
/// What is written is mostly wanted at once: the next hop asks for it, or it lands. It is taken from
/// here then, and not read back from the disk and checked. Everything else is.
struct FreshBlobs: Sendable {
    private let bytesMax: Int
    private var bodies: [BodyLocation: [UInt8]] = [:]
    private var oldestFirst: [BodyLocation] = []
    private var byteCount = 0

    /// What keeping a blob costs besides its bytes, about: the shortest has one.
    private static let overhead = 256

    /// Keeps at most so many bytes.
    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// The blob that was written there, if it still is kept.
    subscript(location: BodyLocation) -> [UInt8]? { self.bodies[location] }

    /// Keeps a blob, and lets go of those that were written before it.
    mutating func keep(_ body: [UInt8], at location: BodyLocation) {
        self.bodies[location] = body
        self.oldestFirst.append(location)
        self.byteCount += body.count + Self.overhead
        var gone = 0
        while self.byteCount > self.bytesMax {
            let body = self.bodies.removeValue(forKey: self.oldestFirst[gone])
            self.byteCount -= (body?.count ?? 0) + Self.overhead
            gone += 1
        }
        self.oldestFirst.removeFirst(gone)
    }
}
