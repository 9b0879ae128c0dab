package import MeshModel
import Synchronization

// Room: the cache of released blobs, and dead bodies inside segments that others still need.
extension Spool {
    /// Evicts released blobs, oldest segments first, until so much is left of them.
    ///
    /// - Throws: ``SpoolError``, with `no_room` if not even the record of it can be written.
    package func evictCache(keeping bytes: ByteCount = ByteCount(0)) throws {
        try self.whileHealthy {
            try self.upkeep.withLock { _ in
                try self.evict(keeping: UInt64(max(0, bytes.rawValue)), onlyFull: false)
            }
        }
    }

    /// Evicts what the cache holds more than it may, or than there is room for.
    func trimCache() throws {
        try self.evict(keeping: UInt64(max(0, self.options.cacheBytes.rawValue)), onlyFull: true)
    }

    /// Whether the limit, or the end of the file system, is so near that the cache must give way.
    func isCrowded(_ state: State) -> Bool { self.excess(state.allocatedBytes) > 0 }

    /// What must be given back until there is elbow room again.
    private func excess(_ allocated: UInt64) -> UInt64 {
        let elbow = self.options.elbowBytes
        func over(_ used: UInt64, _ limit: UInt64) -> UInt64 {
            used + elbow > limit ? used + 2 * elbow - limit : 0
        }
        let byLimit = over(allocated, UInt64(max(0, self.options.limit.rawValue)))
        guard let free = try? self.files.disk.freeBytes(self.files.log) else { return byLimit }
        return max(byLimit, over(self.options.reserveBytes, free))
    }

    /// Whole segments at a time; by record first, so that no replay counts on what is gone.
    private func evict(keeping keep: UInt64, onlyFull: Bool) throws {
        let usage = try self.index.usage().filter { $0.value.cached > 0 }
        let (full, allocated) = self.state.withLock { (Set($0.fullBytes.keys), $0.allocatedBytes) }
        let candidates = usage.filter { !onlyFull || full.contains($0.key) }
            .sorted { $0.key < $1.key }
        var left = candidates.reduce(0) { $0 + $1.value.cached }
        var keep = keep
        if onlyFull { keep = min(keep, left - min(left, self.excess(allocated))) }
        var evicted: [SegmentNumber] = []
        for (number, use) in candidates {
            guard left > keep else { break }
            evicted.append(number)
            left -= use.cached
        }
        if !evicted.isEmpty { try self.commit(.evictCache(of: evicted)) }
        let rest = usage.filter { !evicted.contains($0.key) }
        self.state.withLock { state in
            state.cachedBytes = rest.values.reduce(0) { $0 + $1.cached }
            state.evictableBytes = rest.reduce(0) { sum, next in
                sum + (full.contains(next.key) ? next.value.cached : 0)
            }
        }
    }

    /// Gives up blobs whose bytes a replay found bad.
    func giveUp(_ blobs: [BlobID]) throws {
        for start in stride(from: 0, to: blobs.count, by: 8_192) {
            let ids = blobs[start..<min(start + 8_192, blobs.count)].map(\.digest)
            try self.commit(.evict(ids, why: "damaged", at: UnixMilliseconds(0)))
        }
    }

    private func commit(_ record: LogRecord) throws {
        try self.wait(for: try self.append([record]))
    }

    // MARK: Punching

    /// Whole blocks are punched; a file system with larger ones keeps more.
    private static let blockBytes: UInt64 = 4_096

    /// Punches dead bodies out of full segments, if that is worth it.
    ///
    /// A body is dead when the index, which knows of nothing that is not durable, has no use for
    /// it: the record that released it is durable, and every replay applies it again. Headers
    /// stay, so that a replay finds its way. It must not take a punched body for the torn end of
    /// the log: only segments are punched that a later, durable header vouches for.
    ///
    /// - Returns: The bytes that were given back.
    func punch(_ upkeep: inout Upkeep, wantingRoom: Bool) throws -> UInt64 {
        guard upkeep.canPunch else { return 0 }
        let limit = UInt64(max(0, self.options.limit.rawValue))
        let (vouched, allocated) = self.state.withLock { ($0.vouchedBefore, $0.allocatedBytes) }
        let isWanted = wantingRoom || self.excess(allocated) > 0
        guard isWanted || allocated > limit / 4 else { return 0 }
        let full = try self.fullSegments()
        guard isWanted || full.reduce(0, { $0 + $1.dead }) > limit / 4 else { return 0 }
        var isCheckpointed: Bool?
        var given: UInt64 = 0
        for segment in full where segment.number < vouched {
            var isCovered = upkeep.covered.map { segment.number < $0.segment } ?? false
            // Without use and covered it goes as a whole.
            if isCovered, segment.use == nil { continue }
            let last = upkeep.stubborn[segment.number]
            let stubborn = isCovered && last?.wasCovered == false ? 0 : last?.bytes ?? 0
            guard segment.dead >= stubborn + self.options.punchBytesMin else { continue }
            if isCovered {
                isCheckpointed = try isCheckpointed ?? self.index.checkpoint()
                isCovered = isCheckpointed == true
            }
            do {
                let file = try self.files.file(segment.number)
                try self.punch(file, segment.number, isCovered: isCovered)
                let left = try file.allocatedBytes()
                self.state.withLock { state in
                    if state.fullBytes[segment.number] != nil {
                        state.fullBytes[segment.number] = left
                    }
                }
                given += segment.allocated - min(segment.allocated, left)
                var after = segment
                after.allocated = left
                upkeep.stubborn[segment.number] = Stubborn(
                    bytes: after.dead,
                    wasCovered: isCovered
                )
            } catch let error as DiskError where error.isUnsupported {
                upkeep.canPunch = false
                return given
            }
        }
        return given
    }

    /// Walks the headers of a segment and punches every body that nobody needs.
    ///
    /// Bodies of other records than blobs are what the index is made of: they are punched where
    /// both snapshots stand for them, and the index's own file cannot fall back behind them.
    private func punch(
        _ file: any DiskFile,
        _ number: SegmentNumber,
        isCovered: Bool
    ) throws {
        let needed = try self.index.bodies(in: number, includingCached: true)
        let end = try file.size()
        var offset = SegmentHead.byteCount
        while offset + UInt64(LogHeader.byteCount) <= end {
            let bytes = try [UInt8](unsafeUninitializedCapacity: LogHeader.byteCount) {
                $1 = try file.read(into: UnsafeMutableRawBufferPointer($0), at: offset)
            }
            // Damage ends the walk; what lies behind it waits for the segment to go.
            guard let header = try bytes.withUnsafeBytes({ try LogHeader($0, mark: nil) }) else {
                return
            }
            let body = offset + UInt64(LogHeader.byteCount)
            let isBlob = header.kind == RecordKind.blob.rawValue
            if isBlob || isCovered, !needed.contains(body) {
                let first = (body + Self.blockBytes - 1) / Self.blockBytes * Self.blockBytes
                let last = (body + header.bodyLength) / Self.blockBytes * Self.blockBytes
                if first < last { try file.punch(first, count: last - first) }
            }
            offset += LogHeader.recordBytes(body: header.bodyLength)
        }
    }
}
