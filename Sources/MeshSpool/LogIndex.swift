/// What an index needs of a segment, in bytes of bodies.
package struct SegmentUse: Sendable, Hashable {
    /// Bodies that somebody may still ask for.
    package var live: UInt64 = 0
    /// Bodies that were released, and that another parcel may yet need.
    package var cached: UInt64 = 0
    /// Counts nothing yet.
    package init(live: UInt64 = 0, cached: UInt64 = 0) {
        self.live = live
        self.cached = cached
    }
}

/// What the log knows, arranged for questions: a function of the records and of nothing else.
///
/// The spool calls ``apply(_:reaching:)`` from one thread at a time; the other calls may come from
/// another thread while it runs. Every call may throw, and a throw from `apply` stops the node.
package protocol LogIndex: AnyObject, Sendable {
    /// How far the log has been applied, or `nil` when nothing was.
    func position() throws -> LogPosition?

    /// Applies records in the order of the log, in one transaction with the position reached.
    ///
    /// Idempotent: after a restart a record may be told again.
    func apply(_ records: [LoggedRecord], reaching position: LogPosition) throws

    /// Lends every row of every table, in a fixed order, as one consistent snapshot.
    ///
    /// - Returns: The position that the snapshot stands for.
    func exportRows(_ row: ([UInt8]) throws -> Void) throws -> LogPosition

    /// Fills an empty index with rows that ``exportRows(_:)`` gave, in one transaction.
    func importRows(_ next: () throws -> [UInt8]?, reaching position: LogPosition) throws

    /// Makes what is applied durable in the index's own file.
    ///
    /// - Returns: `false` when it was busy, and the index may still fall back on a power cut.
    func checkpoint() throws -> Bool

    /// What each segment holds that the index knows of; segments that it needs no more are left out.
    func usage() throws -> [SegmentNumber: SegmentUse]

    /// Where the bodies of a segment begin that the index knows of, with or without those that no
    /// parcel needs and that are kept as a cache.
    func bodies(in segment: SegmentNumber, includingCached: Bool) throws -> Set<UInt64>

    /// Lets go of the index's files; nothing else is called afterwards.
    ///
    /// The spool moves an index that it cannot use out of the way, and a database that is still
    /// open would remove files of the next one.
    func close() throws
}
