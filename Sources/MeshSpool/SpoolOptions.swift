package import MeshModel

/// How a spool is set up.
package struct SpoolOptions: Sendable {
    /// What the node may hold, which sizes the segments.
    ///
    /// The spool itself enforces no quota.
    package var limit: ByteCount
    /// How much of the limit released blobs may fill, so that what comes again need not travel.
    package var cacheBytes: ByteCount
    /// How many bytes of the blobs that were written last are kept in memory.
    package var freshBytes = 16 << 20
    /// The length of a segment in bytes, in place of the one that follows from the limit.
    package var segmentBytes: UInt64?
    /// The node, named in every segment's head.
    package var node: NodeName
    /// The life of the log, as far as known, named in the heads of new segments.
    package var incarnation: Incarnation
    /// What commits a group, in order.
    ///
    /// Data, so that a test can permute or drop a step and see that a trace notices.
    package var commitSteps: [CommitStep]
    /// Draws the mark of a new log; injected so that tests know its bytes.
    package var random: any RandomSource

    /// A step of committing a group of records.
    package enum CommitStep: Sendable, CaseIterable {
        /// The group's bytes, files and names are made durable.
        case sync
        /// The index is told.
        case index
        /// Whoever waits is told.
        case publish
    }

    /// The usual set-up.
    package init(
        limit: ByteCount,
        cacheBytes: ByteCount = ByteCount(0),
        segmentBytes: UInt64? = nil,
        node: NodeName,
        incarnation: Incarnation = Incarnation(number: 0, random: 0),
        commitSteps: [CommitStep] = [.sync, .index, .publish],
        random: any RandomSource = SystemRandomSource()
    ) {
        self.limit = limit
        self.cacheBytes = cacheBytes
        self.segmentBytes = segmentBytes
        self.node = node
        self.incarnation = incarnation
        self.commitSteps = commitSteps
        self.random = random
    }

    /// The length of a segment: limit/32, at least 4 MiB, at most 256 MiB, unless set.
    var effectiveSegmentBytes: UInt64 {
        if let segmentBytes = self.segmentBytes { return segmentBytes }
        return UInt64(min(max(self.limit.rawValue / 32, 4 << 20), 256 << 20))
    }

    /// What is left of the file system: room for the index, snapshots, and segments that only
    /// keep control moving.
    var reserveBytes: UInt64 { max(64 << 20, 4 * self.effectiveSegmentBytes) }

    /// Less than this that is dead in a segment is worth no walk through its headers.
    var punchBytesMin: UInt64 { min(64 << 10, self.effectiveSegmentBytes / 16) }

    /// What must be free of the limit before the cache is left alone.
    var elbowBytes: UInt64 { 2 * self.effectiveSegmentBytes }
}

/// The system's own random numbers.
package struct SystemRandomSource: RandomSource {
    /// The system's generator.
    package init() {}
    /// The next number.
    package func next() -> UInt64 { UInt64.random(in: .min ... .max) }
}

/// What a spool tells its owner, from the committer's thread; must return quickly.
package enum SpoolEvent: Sendable {
    /// Every record before this position is durable and known to the index.
    case durable(LogPosition)
    /// The limit is near: call ``Spool/maintain(wantingRoom:)`` soon, from another thread.
    case crowded
    /// Nothing more is accepted or acknowledged: the node must stop (exit 8).
    case failed(SpoolError)
}

/// What opening a spool found and did.
package struct Recovery: Sendable {
    /// The log held nothing, and no snapshot either: a new or a wiped node.
    package var isEmptyLog = false
    /// The index was built anew from a snapshot and the log.
    package var rebuiltIndex = false
    /// What does not verify.
    package var damage: [Damage] = []
    /// Whether records may be lost that the index never heard of: begin the next incarnation.
    ///
    /// Damage to a record that the index has already applied does not say so: its body, if still
    /// wanted, is found bad when it is read.
    package var isHistoryDamaged = false
    /// Blobs that the index was told of and whose bytes are bad; evicted before the spool opens.
    package var lostBlobs: [BlobID] = []
    /// Records that the index was told again.
    package var replayed = 0
    /// Bytes of a torn, never acknowledged tail that were cut off.
    package var cutBytes: UInt64 = 0

    /// A place where the log does not verify.
    package struct Damage: Sendable, Hashable {
        /// Where.
        package var segment: SegmentNumber
        /// Bytes from the beginning of the segment's file.
        package var offset: UInt64
        /// What is wrong there.
        package var what: What
        /// The kind of the lost record, where its header still tells.
        package var kind: RecordKind?
        /// What the lost record was about, where its header still tells.
        package var id: Digest?

        /// What is wrong.
        package enum What: String, Sendable {
            /// The segment's first block does not verify; its records may.
            case head
            /// A record's header does not verify: an unknown number of records is lost.
            case header
            /// A record's body does not verify.
            case body
            /// The device could not read a block.
            case unreadable
            /// A stretch of the log is not there.
            case missing
            /// The index knew of records that the log no longer has.
            case indexAhead = "index_ahead"
            /// Segments are gone and no snapshot that stands for them verifies.
            case historyMissing = "history_missing"
        }
    }
}
