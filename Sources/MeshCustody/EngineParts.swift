package import Logging
import MeshContent
package import MeshFiles
package import MeshIdentity
package import MeshModel
import MeshPolicy
package import MeshProtocol
package import MeshSpool
package import MeshTopology

/// What an engine is made of, besides its spool.
package struct EngineParts: Sendable {
    /// The mesh.
    package var mesh: MeshName
    /// The node.
    package var node: NodeName
    /// Random for each start.
    package var runID: UInt64
    /// What it signs with.
    package var key: StatementKey
    /// Who belongs to the mesh.
    package var index: PublicIndex
    /// The same, signed, to hand to neighbours.
    package var indexBytes: [UInt8]
    /// What the mesh declares of this node.
    package var view: View
    /// Roots that the site allows, by flow.
    package var sources: [FlowName: SourceRoot]
    /// Roots of landings that the site allows, by flow.
    package var landings: [FlowName: LandingRoot]
    /// The time.
    package var clock: any WallClock
    /// Where it logs.
    package var logger: Logger
    /// How often sources are scanned, in milliseconds.
    package var scanEvery: Int64
    /// Whether somebody watches the sources and says so; see ``CaptureEvent/heard(_:_:)``.
    package var watchesSources: Bool
    /// Where a test lets the node die; `nil` in earnest.
    package var crash: CrashHook?
    /// How long after it was passed on a parcel of this node's own may be without an end before the
    /// collector is asked, in milliseconds.
    package var overdueAfter: Int64 = 7 * 86_400_000
    /// How long at least lies between two tallies of a stream, in milliseconds.
    package var tallyEvery: Int64 = 5_000
    /// How long a number may be on its way before it counts as missing, in milliseconds.
    package var gapAfter: Int64 = 3_600_000
    /// How long a note waits for a way that leads nearer before it goes round, in milliseconds.
    package var detourAfter: Int64 = 3_600_000

    /// Gathers them.
    package init(
        mesh: MeshName,
        node: NodeName,
        runID: UInt64,
        key: StatementKey,
        index: PublicIndex,
        indexBytes: [UInt8],
        view: View,
        sources: [FlowName: SourceRoot],
        landings: [FlowName: LandingRoot],
        clock: any WallClock,
        logger: Logger,
        scanEvery: Int64 = 5_000,
        watchesSources: Bool = false,
        crash: CrashHook? = nil
    ) {
        self.mesh = mesh
        self.node = node
        self.runID = runID
        self.key = key
        self.index = index
        self.indexBytes = indexBytes
        self.view = view
        self.sources = sources
        self.landings = landings
        self.clock = clock
        self.logger = logger
        self.scanEvery = scanEvery
        self.watchesSources = watchesSources
        self.crash = crash
    }
}

/// The points of the walk-through at which a crash must lose nothing.
package enum CrashPoint: String, Sendable, CaseIterable {
    case afterOpeningSync
    case afterAdmitted
    case midSlice
    case afterBlobSync
    case afterClosing
    case afterCustodyRecord
    case onCustodyArrival
    case afterIntent
    case afterRename
    case afterLanded
    case beforeNoted
}

/// Decides whether a node dies at a point: `true` stops it there, with nothing more said.
package typealias CrashHook = @Sendable (NodeName, CrashPoint) -> Bool

/// Everything that an engine reacts to.
package enum EngineEvent: Sendable {
    case session(SessionEvent)
    case spool(SpoolEvent)
    case capture(CaptureEvent)
    case landing(LandingEvent)
    /// A body of a parcel did not verify when it was read.
    case unreadable(Digest, of: ParcelID)
    /// The blob of an entry could not be made again from the file of a parcel that was not copied.
    case unread(number: UInt64, of: ParcelID)
    /// A complete parcel was checked: its root, and the numbers of blobs that did not verify.
    case checked(ParcelID, check: UInt64, root: Digest, bad: [UInt64])
    case dial(NodeName, DialEvent)
    case command(EngineCommand)
    /// Time has passed; about once a second.
    case tick
    /// Segments were removed, or not.
    case roomMade(isMore: Bool)
    /// Say goodbye to everybody.
    case end
    /// Return from `run`.
    case stop
}

/// One open session and what is under way on it.
///
/// A class, so that the engine changes it in place; it never leaves the engine.
final class Call {
    let session: any Session
    let hello: Hello
    let since: UnixMilliseconds
    /// Whether something came since the last tick, and when something last moved.
    var hasMoved = false
    var movedAt: UnixMilliseconds

    // Giving.
    var gifts: [ParcelID: Gift] = [:]
    var giftsMade: UInt64 = 0
    var pace: LinePace
    var queue = GivingQueue()
    var smallsInFlight: [ParcelID: UInt64] = [:]
    var smallBytesInFlight: UInt64 = 0
    /// Collectors whose small parcels the neighbour has no room for, and until when.
    var fullFor: [NodeName: UnixMilliseconds] = [:]
    /// Since when small parcels come back for want of room, and when the last one did.
    var smallsFull: (since: UnixMilliseconds, at: UnixMilliseconds)?

    // Receiving.
    /// Bytes wanted or not yet durable.
    var pendingBytes = 0
    /// Parcels whose blobs this neighbour gives, in the order of their admission.
    var givers: [ParcelID] = []
    var acks: [ParcelID: RunSet] = [:]
    var smallAck: UInt64 = 0
    var noteCursor: UInt64 = 0
    var notedCursor: UInt64 = 0

    /// Nothing moves until a claim of the peer's is proven, or not in time.
    var heldBack: HeldBackCall?

    // Statements sent.
    /// By destination: notes up to this number have been looked at.
    var outboxCursors: [NodeName: Int64] = [:]
    var nextNote: UInt64 = 1
    var notesSent: [(number: UInt64, key: NoteKey)] = []

    init(_ session: any Session, _ hello: Hello, since: UnixMilliseconds) {
        self.session = session
        self.hello = hello
        self.since = since
        self.movedAt = since
        self.pace = LinePace(since: since)
    }

    var peer: NodeName { self.session.peer }

    /// Since when the neighbour has no room for what it is offered.
    func fullSince(at now: UnixMilliseconds) -> UnixMilliseconds? {
        let large = self.gifts.values
            .filter { $0.waits.map { Engine.fullAnswers.contains($0) } ?? false }
            .compactMap(\.waitsSince).min()
        // Offered again every few seconds: until then it stays so.
        let small = self.smallsFull.flatMap {
            now.rawValue - $0.at.rawValue < 15_000 ? $0.since : nil
        }
        return [large, small].compactMap { $0 }.min()
    }

    /// Whether nothing is to be sent on this call for now.
    var isQuiet: Bool { self.heldBack != nil || self.hello.life.standsStill }

    /// A time that the neighbour named, by this node's clock.
    func here(_ time: UnixMilliseconds) -> UnixMilliseconds {
        time.adding(milliseconds: self.since.rawValue - self.hello.clock.rawValue)
    }
}

/// A parcel on its way to a neighbour.
struct Gift {
    /// Local number; 0 while it is offered for somebody else, see ``Transit``.
    var number: Int64
    let parcelClass: UInt8
    let collector: NodeName
    let size: ByteCount
    /// Counts offers of a call up: what was offered first begins first.
    let order: UInt64
    var isAdmitted = false
    /// Entries and blobs go; see ``GivingLimits/begun``.
    var isBegun = false
    /// Why the neighbour does not take it now, or at all; a stable code.
    var waits: String?
    var waitsSince: UnixMilliseconds?
    var offerAgainAt: UnixMilliseconds?
    var entriesSent: UInt64 = 0
    /// Blobs that were served and are not acknowledged, by number: their lengths, in bytes.
    var served: [UInt64: UInt32] = [:]
    var acked = RunSet()
    /// Wanted, and not yet here.
    var pendingWants = RunSet()
    /// The file, where its blobs are in no log.
    var file: GivenFile?
    /// Wanted, and not to be had from the file when it was read.
    var unread = RunSet()
    var isClosingSent = false
    /// Closing sent and every blob acknowledged: nothing more is to be done but to hear of custody.
    var isDone = false
    var begunAt: UnixMilliseconds?
}

extension Call {
    /// None is begun; see ``GivingLimits/begun``.
    var noneBegun: OpenParcels {
        OpenParcels(atMost: GivingLimits.begun.brief(atMost: 4 * self.pace.bytesASecond))
    }

    /// None is offered; see ``GivingLimits/offered``.
    var noneOffered: OfferedParcels {
        OfferedParcels(atMost: GivingLimits.offered.brief(atMost: 8 * self.pace.bytesASecond))
    }
}

extension Gift {
    /// Asks once more for what could not be read while more of the file was captured.
    mutating func askUnreadAgain() {
        for run in self.unread.runs { self.pendingWants.insert(run) }
        self.unread = RunSet()
    }
}

/// A file whose blobs are made again for a neighbour, and where in it an entry's piece begins.
struct GivenFile {
    let blobs: SourceBlobs
    private(set) var number: UInt64 = 0
    private(set) var offset: Int64 = 0
    /// Where the pieces of every so many entries begin, as far as they are known.
    private var marks: [Int64] = [0]
    private static let markEvery: UInt64 = 4_096

    init(_ blobs: SourceBlobs) { self.blobs = blobs }

    /// Goes to an entry; `entries` has those of a parcel from a number on, at most so many.
    mutating func move(to number: UInt64, _ entries: (UInt64, Int) -> [LocatedEntry]) {
        let mark = min(number / Self.markEvery, UInt64(self.marks.count - 1))
        if number < self.number || self.number < mark * Self.markEvery {
            (self.number, self.offset) = (mark * Self.markEvery, self.marks[Int(mark)])
        }
        while self.number < number {
            let run = entries(self.number, Int(min(Self.markEvery, number - self.number)))
            guard !run.isEmpty else { return }
            for located in run { self.pass(located) }
        }
    }

    /// Goes to the entry after this one.
    mutating func pass(_ located: LocatedEntry) {
        self.number = located.number + 1
        self.offset += Int64(Entry(encoded: located.entry)?.plainLength ?? 0)
        if self.number == UInt64(self.marks.count) * Self.markEvery {
            self.marks.append(self.offset)
        }
    }
}

/// How much goes to one neighbour at a time.
enum GivingLimits {
    /// Parcels of one class and collector that are begun and not finished: the bound on long ones, and
    /// beside them on short ones.
    ///
    /// Brief ones have no more than the line carries in four seconds.
    static let begun = OpenParcels.Limit(countMax: 2, briefMax: 4 << 20)
    /// A file up to this length is short: it need not wait for a long one, in bytes.
    static let shortMax: Int64 = 64 << 20
    /// Parcels of one class and collector that are offered and not finished, begun or not.
    ///
    /// Brief ones have no more than the line carries in eight seconds.
    static let offered = OpenParcels.Limit(countMax: 6, briefMax: 16 << 20)
    /// Those of one class and collector that are offered and not admitted: a neighbour without room gets
    /// no more to keep.
    static let unansweredMax = 32
    /// Those of one class and collector that are offered in all, those included that wait for custody
    /// only.
    static let giftsMax = 128
}

/// A parcel on its way here.
struct Arrival {
    let id: ParcelID
    let opening: Opening
    let giver: NodeName
    /// Entries in the log.
    var entriesLogged: UInt64
    /// Entries that are durable.
    var entriesKnown: UInt64
    /// Not yet asked for.
    var missing: [WantedBlob] = []
    /// Asked for, or come and not yet durable.
    var wanted: [UInt64: Entry] = [:]
    /// Here, and received in this run of the node.
    var fresh = RunSet()
    /// Here from before: to be read and hashed before custody.
    var stale: [UInt64] = []
    var had = RunSet()
    var storedBytes: Int64 = 0
    /// Of these, what was in the log when this was made of it.
    var hereBytes: Int64 = 0
    var plainBytes: Int64 = 0
    var closing: SignedClosing?
    var isClosingLogged = false
    /// All is here and being checked, or custody is being stated.
    var isComplete = false
    /// The check whose outcome counts; `nil`: none does.
    var check: UInt64?
    /// All was checked, and the landing's file has some of it: custody waits for that.
    var isChecked = false
    /// Goes through the log here, also where a landing keeps no copy.
    var isCopied = false
    /// Set while this node only lets the parcel through.
    var through: Through?
    /// When something of it last came or went.
    var movedAt = UnixMilliseconds(0)

    var wantedBytes: Int { self.wanted.values.reduce(0) { $0 + Int($1.storedLength) } }
}

/// An offer that waits for room.
struct WaitingOffer {
    let opening: SignedOpening
    let giver: NodeName
    /// Counts offers up: the least has waited longest.
    let order: UInt64
    let since: UnixMilliseconds
}

/// What a node holds of a parcel that it only lets through.
struct Through {
    /// The node that has admitted it.
    let nextHop: NodeName
    /// The most bytes to hold at a time.
    let window: Int64
    private(set) var heldBytes: Int64 = 0

    init(nextHop: NodeName, window: Int64) { (self.nextHop, self.window) = (nextHop, window) }

    mutating func hold(_ bytes: Int64) { self.heldBytes += bytes }
    /// Bytes that came with another parcel were never counted.
    mutating func letGo(_ bytes: Int64) { self.heldBytes = max(0, self.heldBytes - bytes) }
}

/// A parcel that is too large for this node and waits for its next hop's admission.
struct Transit {
    let opening: SignedOpening
    let giver: NodeName
    let need: Int64
    let since: UnixMilliseconds
    /// The next hop that was asked, while a call with it is up.
    var asked: NodeName?
}
