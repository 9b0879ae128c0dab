package import MeshContent
package import MeshModel

/// What an engine hears of sessions.
///
/// Called on the session's own thread, one at a time and in order per session; must return quickly
/// and may call the session. `opened` is the first of a session and `closed` the last.
package enum SessionEvent: Sendable {
    /// The peer is authenticated and its hello fits: our mesh and version, its certificate's name.
    case opened(any Session, hello: Hello)
    /// A message; never hello, ping or pong.
    case message(any Session, Message)
    /// A wanted blob arrived whole, and its bytes are those that its entry names.
    case blob(any Session, ParcelID, UInt64, StoredBlob)
    /// A wanted blob arrived whole and is not what its entry names; it is no longer wanted.
    case badBlob(any Session, ParcelID, UInt64)
    /// The peer has answered ``Session/probe()``.
    case alive(any Session)
    /// Nothing more comes: a stable code (`cut` when the line broke, the bye's code, or that of an
    /// error) and words for people. Whatever was queued or wanted is forgotten.
    case closed(any Session, reason: String, detail: String)
}

extension SessionEvent {
    /// The session that it is about.
    package var session: any Session {
        switch self {
        case .opened(let session, _), .message(let session, _), .blob(let session, _, _, _),
            .badBlob(let session, _, _), .alive(let session), .closed(let session, _, _):
            session
        }
    }
}

/// One authenticated call with a neighbour, as the engine sees it.
///
/// Every method returns at once, may be called from any thread, and does nothing after the end.
/// Calls from one thread keep their order. Nothing is durable: the next session starts anew.
package protocol Session: AnyObject, Sendable {
    /// Unique in this process.
    var id: UInt64 { get }
    /// The neighbour, as its certificate names it.
    var peer: NodeName { get }
    /// Whether this node dialled.
    var isDialler: Bool { get }
    /// What this node said first, where that is known; it may say otherwise by now.
    var greeting: Hello? { get }

    /// Sends a control message: before data, in order.
    ///
    /// Offers and notes wait here while as many are unanswered as the protocol allows. Lists that
    /// do not fit a frame are split. `.withdrawn` also does what ``withdraw(_:)`` does.
    func send(_ message: Message)

    /// Asks for blobs of a parcel and expects their slices.
    ///
    /// Those wanted already, and holes, are left out.
    func want(_ parcel: ParcelID, _ blobs: [WantedBlob])

    /// Expects no more blobs of a parcel; slices that still come are dropped.
    func unwant(_ parcel: ParcelID)

    /// Queues blobs that the peer wants, to be sent in slices.
    ///
    /// Lower classes go first; within a class, in the order of the calls.
    func serve(_ parcel: ParcelID, class parcelClass: UInt8, _ blobs: [ServedBlob])

    /// Queues a `.small` message as data of its class; it waits for the peer's grant.
    func serveSmall(_ small: Message, class parcelClass: UInt8)

    /// Drops whatever is queued of a parcel: its offer, its blobs, its small message.
    ///
    /// Says nothing to the peer; for that send `.withdrawn`.
    func withdraw(_ parcel: ParcelID)

    /// The engine is done with the oldest event that it has not said this of.
    ///
    /// A peer that says more than the engine can take in is cut off.
    func handled()

    /// Asks whether the peer is still there.
    ///
    /// `alive` follows, or within seconds the end of the session as `silent`.
    func probe()

    /// Sends `bye` after the queued control messages and closes, at the latest after 5 seconds.
    ///
    /// Data that is not yet on its way is dropped.
    func end(_ bye: Bye)
}

extension Session {
    /// Not known.
    package var greeting: Hello? { nil }
}

/// A blob that is asked for, and what it must turn out to be.
package struct WantedBlob: Hashable, Sendable {
    /// The number of its entry.
    package var number: UInt64
    /// Its entry.
    package var entry: Entry

    /// Asks for the blob of one entry.
    package init(number: UInt64, entry: Entry) {
        self.number = number
        self.entry = entry
    }
}

/// A blob to be sent.
package struct ServedBlob: Sendable {
    /// The number of its entry.
    package var number: UInt64
    /// Its stored length, in bytes.
    package var length: UInt32
    /// Reads it, on the session's thread, just before its first slice goes.
    ///
    /// When this throws or gives another length, the blob is left out and nobody is told: tell your
    /// engine from within.
    package var read: @Sendable () throws -> [UInt8]

    /// Offers the stored bytes of one entry.
    package init(number: UInt64, length: UInt32, read: @escaping @Sendable () throws -> [UInt8]) {
        self.number = number
        self.length = length
        self.read = read
    }
}
