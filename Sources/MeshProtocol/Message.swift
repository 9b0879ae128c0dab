package import MeshContent
package import MeshIdentity
package import MeshModel

/// Everything one node says to its neighbour, but for slices of blobs.
///
/// A value that was received is within every bound; what it claims is not verified: no signature
/// was checked. Lists that are too long for a frame are split when sent.
package enum Message: Hashable, Sendable {
    /// Opens the session; made by the link, never by the engine.
    case hello(Hello)
    /// Openings that the sender could hand over; `again` when the receiver had passed them on.
    case offer([SignedOpening], again: Bool)
    /// The receiver's word on an offered parcel.
    case answer(ParcelID, Answer)
    /// A run of entries, at most `Limits.entriesPerRunMax`, the first of which has number `first`.
    case entries(ParcelID, first: UInt64, [Entry])
    /// Numbers of entries whose blobs the receiver wants. Sent by ``Session/want(_:_:)``.
    case want(ParcelID, RunSet)
    /// Numbers of entries whose blobs are durable at the receiver.
    case ack(ParcelID, RunSet)
    /// So many ``SmallParcel/grantBytes`` are durable at the receiver: the grant grows back.
    case smallAck(UInt64)
    /// Completes a parcel; with the passage so far.
    case closing(SignedClosing, Passage)
    /// A whole parcel; with the passage so far.
    case small(SmallParcel, Passage, again: Bool)
    /// The giver leaves the route of this parcel, with a stable code.
    case withdrawn(ParcelID, why: String)
    /// Word for `destination`, which may be the receiver or lie beyond it.
    ///
    /// `number` counts up by one from 1, per direction of a session.
    case note(number: UInt64, destination: NodeName, hops: UInt32, NoteBody)
    /// Every note up to this number is durable at the receiver.
    case noted(cursor: UInt64)
    /// The receiver's own signed word, of which its hello knew nothing.
    case evidence(Evidence)
    /// A signed public index.
    case index([UInt8])
    /// Asks for a sign of life; answered by the link.
    case ping(UInt64)
    /// The sign of life.
    case pong(UInt64)
    /// Ends the session in good manners.
    case bye(Bye)
}

/// How a node takes a parcel.
package enum AdmissionMode: UInt8, Hashable, Sendable {
    /// All bytes are reserved; it will take custody.
    case whole = 1
    /// It buffers on the way to a next hop that has admitted the parcel.
    case through = 2
}

/// The receiver's word on an offered parcel.
package enum Answer: Hashable, Sendable {
    /// It takes the parcel; `has` are durable already, and so are entries `0..<entriesKnown`.
    case admitted(AdmissionMode, has: RunSet, entriesKnown: UInt64)
    /// Not now, with a stable code; without `until` another answer follows by itself.
    case later(until: UnixMilliseconds?, why: String)
    /// Never this way, with a stable code.
    case never(why: String, detail: String)
    /// It has custody of, or has ended, the parcel: its signed statement, verbatim.
    case statement([UInt8])
    /// It passed the parcel on: the next hop's signed statement, verbatim.
    case passed([UInt8])
    /// It cannot verify the opening with the index of this serial.
    case needsIndex(serial: UInt64)
}

/// What a note says.
package enum NoteBody: Hashable, Sendable {
    /// A signed statement, verbatim.
    case statement([UInt8])
    /// An origin's signed tally, verbatim.
    case tally([UInt8])
    /// A question about a parcel.
    case inquiry([UInt8])

    /// The bytes, whichever they are.
    package var bytes: [UInt8] {
        switch self {
        case .statement(let bytes), .tally(let bytes), .inquiry(let bytes): bytes
        }
    }
}

/// Why a session ends and when to call again.
package struct Bye: Hashable, Sendable {
    /// A stable code.
    package var why: String
    /// For people.
    package var detail: String
    /// The earliest time to call again; `nil`: whenever.
    package var callAgain: UnixMilliseconds?

    /// Says why.
    package init(why: String, detail: String = "", callAgain: UnixMilliseconds? = nil) {
        self.why = why
        self.detail = detail
        self.callAgain = callAgain
    }
}
