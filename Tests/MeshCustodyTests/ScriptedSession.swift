import MeshModel
import MeshProtocol

/// A neighbour that says only what the test says, and lets it hear what it is told.
final class ScriptedSession: Session {
    let id: UInt64
    let peer: NodeName
    let isDialler: Bool
    private let hear: @Sendable (Message) -> Void
    private let probed: @Sendable () -> Void

    init(
        peer: NodeName,
        id: UInt64 = 1,
        isDialler: Bool = true,
        probed: @escaping @Sendable () -> Void = {},
        hear: @escaping @Sendable (Message) -> Void
    ) {
        (self.peer, self.id, self.isDialler) = (peer, id, isDialler)
        (self.hear, self.probed) = (hear, probed)
    }

    func send(_ message: Message) { self.hear(message) }
    func want(_ parcel: ParcelID, _ blobs: [WantedBlob]) {}
    func unwant(_ parcel: ParcelID) {}
    func serve(_ parcel: ParcelID, class parcelClass: UInt8, _ blobs: [ServedBlob]) {}
    func serveSmall(_ small: Message, class parcelClass: UInt8) {}
    func withdraw(_ parcel: ParcelID) {}
    func handled() {}
    func probe() { self.probed() }
    func end(_ bye: Bye) { self.hear(.bye(bye)) }
}
