/// Every bound that holds against a peer, a file or a topology: the one list.
///
/// Nothing that comes from outside takes memory before it was compared with a bound here.
public enum Limits {
    /// The longest frame body, in bytes.
    public static let frameBodyBytesMax = 64 << 10
    /// The bytes of a slice's head: parcel, entry, offset.
    public static let sliceHeadBytes = 32 + 4 + 4
    /// The most payload in one slice, in bytes.
    public static let slicePayloadBytesMax = Self.frameBodyBytesMax - Self.sliceHeadBytes
    /// The longest stored blob, in bytes: a largest piece that did not shrink.
    public static let blobBytesMax = 1 << 20
    /// The largest file that travels as a small parcel, in plain bytes.
    public static let smallPlainBytesMax = 60 << 10
    /// The longest opening or closing, in bytes: the longest path, and tags.
    public static let openingBytesMax = 6 << 10
    /// The largest file, in bytes.
    public static let fileBytesMax: Int64 = 1 << 46
    /// The most entries in a run.
    public static let entriesPerRunMax = 1_024
    /// The most entries of one parcel sent beyond the last acked one.
    public static let entriesUnackedMax = 2_048
    /// The most entries of one parcel.
    public static let entriesPerParcelMax = UInt32.max
    /// The most offers that may be unanswered.
    public static let offersUnansweredMax = 1_024
    /// The most bytes of notes that may be unacknowledged.
    public static let notesUnackedBytesMax = 256 << 10
    /// The most runs of numbers in a tally.
    public static let tallyRunsMax = 256
    /// The most missing runs of a stream of which it is kept since when they are missing.
    public static let gapsNoticedMax = 4_096
    /// The most parcels that one inquiry asks about.
    public static let inquiryParcelsMax = 1_024
    /// The most notes that a node keeps for others; the oldest give way.
    public static let notesPassingMax = 1 << 16
    /// The most bytes of such notes.
    public static let notesPassingBytesMax = 64 << 20
    /// The most bytes wanted at a time over one session.
    public static let wantedBytesPerSessionMax = 8 << 20
    /// What of them is for short parcels only: long ones may be owed for long.
    public static let wantedBytesForShort = 1 << 20
    /// The most bytes wanted at a time by one node, over all its sessions.
    public static let wantedBytesPerNodeMax = 64 << 20
    /// The most bytes of blobs that wait to be sent over one session; more is wanted by nobody who
    /// keeps to his own bound, even if he asks twice.
    public static let servedBytesPerSessionMax = 2 * Self.wantedBytesPerSessionMax
    /// What a connection may read before it is handled, in bytes, divided by the connections that
    /// there are when it opens; 64 KiB at least.
    public static let readBytesPerNode = 8 << 20
    /// What a receiver grants a neighbour for small parcels in flight, in bytes.
    public static let smallGrantBytes = 1 << 20
    /// The most leaves in one statement, so that it fits a frame with its passages.
    public static let leavesPerStatementMax = 128
    /// The most ranges in one want, ack or answer.
    public static let rangesPerMessageMax = 1_024
    /// The most passage lines of a parcel, and the hops that a note may take.
    public static let hopsMax = 32
    /// The highest number of a life that a neighbour may claim of a node.
    public static let incarnationNumberMax: UInt64 = 1 << 53
    /// The most earlier lives that a hello lists.
    public static let keptLivesMax = 16
    /// The most bytes a session may leave unsynced.
    public static let unsyncedBytesPerSessionMax = 8 << 20
    /// The most bytes of memory that hold records which are yet to be written to the log.
    public static let unwrittenBytesMax = 16 << 20
    /// The most bytes of messages of one session that its node has not got round to; more comes
    /// only from a peer that repeats itself.
    public static let unhandledBytesPerSessionMax = 64 << 20
    /// The longest signed public index that a neighbour may send, in bytes.
    public static let indexBytesMax = 4 << 20
    /// Half-open handshakes at a time.
    public static let handshakesMax = 64
    /// How long a handshake with its hello may take, in seconds.
    public static let handshakeSecondsMax = 30
    /// The smallest spool that a node may have, in bytes.
    public static let spoolBytesMin: Int64 = 64 << 20
    /// The largest topology, view or index, in bytes.
    public static let topologyBytesMax = 16 << 20
    /// The longest line on the control socket, in bytes.
    public static let controlLineBytesMax = 1 << 20
}
