import MeshContent
public import MeshModel

/// A durable store of blobs, named by their content: a spool of one's own.
///
/// The same log, group commit, recovery and checks as a node's, without parcels: what is kept stays
/// until it is forgotten. Blobs are found by an index in memory (about 100 bytes each), which is
/// read from the log at start. Thread-safe; one process at a time may have a directory open, and
/// must close it.
public final class BlobSpool: Sendable {
    private let spool: Spool
    private let index: BlobIndex

    private init(_ spool: Spool, _ index: BlobIndex) {
        self.spool = spool
        self.index = index
    }

    /// Opens or makes a spool, and repairs what a crash left.
    ///
    /// - Parameters:
    ///   - directory: Where; made if it is not there.
    ///   - limit: The most that it may take on the disk; at least 64 MiB are of use.
    ///   - name: Whose it is, written into every file.
    /// - Returns: The spool, with everything that was durable.
    /// - Throws: ``SpoolError``.
    public static func open(
        _ directory: String,
        limit: ByteCount,
        name: NodeName
    ) throws -> BlobSpool {
        var options = SpoolOptions(limit: limit, node: name)
        // What it gives is read and verified.
        options.freshBytes = 0
        let (spool, _) = try Spool.open(
            directory,
            disk: RealDisk(),
            index: { _ in BlobIndex() },
            options: options,
            events: { _ in }
        )
        guard let index = spool.index as? BlobIndex else {
            preconditionFailure("A spool has the index that it was given.")
        }
        return BlobSpool(spool, index)
    }

    /// How many blobs there are.
    public var count: Int { self.index.count }

    /// What the files take on the disk.
    public var allocatedBytes: ByteCount { self.spool.allocatedBytes }

    /// Keeps a blob, which is durable once ``sync()`` has returned.
    ///
    /// Costs nothing but its name if it is there already.
    ///
    /// - Parameter bytes: At most 2 MiB.
    /// - Returns: Its name.
    /// - Throws: ``SpoolError`` with `no_room` when the limit or the disk is reached, and
    ///   `record_too_long`; with `disk_failed` nothing more can be kept.
    @discardableResult
    public func keep(_ bytes: [UInt8]) throws -> BlobID {
        let blob = StoredBlob(bytes)
        guard self.index.location(of: blob.id) == nil else { return blob.id }
        guard self.spool.freeRoom.rawValue > bytes.count else {
            throw SpoolError.full(limit: self.spool.options.limit)
        }
        _ = try self.spool.append([.blob(blob)])
        return blob.id
    }

    /// Waits until everything that was kept or forgotten before is durable, and can be found.
    ///
    /// - Throws: ``SpoolError`` with what the spool has failed with: then nothing since the last
    ///   return may be relied on.
    public func sync() throws {
        try self.spool.wait(for: try self.spool.append([]))
    }

    /// Reads a blob and checks it against its name.
    ///
    /// - Returns: Its bytes; `nil` if it is not there, or was not synced.
    /// - Throws: ``SpoolError`` with `damaged` if the disk has changed them.
    public func bytes(of id: BlobID) throws -> [UInt8]? {
        guard let location = self.index.location(of: id) else { return nil }
        let bytes = try self.spool.read(location, verify: true)
        guard bytes.withUnsafeBytes({ BlobID(ofStored: $0) }) == id else {
            throw SpoolError.damaged("blob", in: location.segment, at: location.offset)
        }
        return bytes
    }

    /// Gives blobs up; ``tidy()`` gives their room back.
    ///
    /// - Throws: As ``keep(_:)``.
    public func forget(_ blobs: [BlobID], at now: UnixMilliseconds) throws {
        _ = try self.spool.append([try .evict(blobs.map(\.digest), why: "forgotten", at: now)])
    }

    /// Gives room back to the file system; blocks on the disk.
    ///
    /// - Throws: ``SpoolError``; nothing is lost then.
    public func tidy() throws { try self.spool.maintain(wantingRoom: true) }

    /// Makes everything durable and lets go of the files.
    ///
    /// - Throws: ``SpoolError`` with what the spool has failed with, if it has.
    public func close() throws { try self.spool.close() }
}

extension SpoolError {
    static func full(limit: ByteCount) -> Self {
        Self(
            code: .noRoom,
            message: "The spool has reached its limit of \(limit), or the disk its end.",
            hint: "Forget blobs and tidy, or give it more room.",
            cause: nil
        )
    }
}
