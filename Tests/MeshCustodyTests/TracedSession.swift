import MeshModel
import MeshProtocol
import MeshTesting

/// Notes in a disk's trace what a node says, at the moment when it says it.
final class TracedSession: Session {
    private let session: any Session
    private let note: @Sendable (NodeName, Message) -> Void

    init(_ session: any Session, note: @escaping @Sendable (NodeName, Message) -> Void) {
        self.session = session
        self.note = note
    }

    var id: UInt64 { self.session.id }
    var peer: NodeName { self.session.peer }
    var isDialler: Bool { self.session.isDialler }
    var greeting: Hello? { self.session.greeting }

    func send(_ message: Message) {
        self.note(self.peer, message)
        self.session.send(message)
    }

    func serveSmall(_ small: Message, class parcelClass: UInt8) {
        self.note(self.peer, small)
        self.session.serveSmall(small, class: parcelClass)
    }

    func want(_ parcel: ParcelID, _ blobs: [WantedBlob]) { self.session.want(parcel, blobs) }
    func unwant(_ parcel: ParcelID) { self.session.unwant(parcel) }
    func serve(_ parcel: ParcelID, class parcelClass: UInt8, _ blobs: [ServedBlob]) {
        self.session.serve(parcel, class: parcelClass, blobs)
    }
    func withdraw(_ parcel: ParcelID) { self.session.withdraw(parcel) }
    func handled() { self.session.handled() }
    func probe() { self.session.probe() }
    func end(_ bye: Bye) { self.session.end(bye) }
}

extension SessionEvent {
    /// The same event, of a session that is traced.
    func traced(_ note: @escaping @Sendable (NodeName, Message) -> Void) -> Self {
        func wrap(_ session: any Session) -> any Session { TracedSession(session, note: note) }
        return switch self {
        case .opened(let session, let hello): .opened(wrap(session), hello: hello)
        case .message(let session, let message): .message(wrap(session), message)
        case .blob(let session, let parcel, let number, let blob):
            .blob(wrap(session), parcel, number, blob)
        case .badBlob(let session, let parcel, let number):
            .badBlob(wrap(session), parcel, number)
        case .alive(let session): .alive(wrap(session))
        case .closed(let session, let reason, let detail):
            .closed(wrap(session), reason: reason, detail: detail)
        }
    }
}
