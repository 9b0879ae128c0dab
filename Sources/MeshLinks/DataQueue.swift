import MeshModel
import MeshProtocol
import NIOCore

/// What waits to be sent as data: blobs, to go in slices, and small parcels.
///
/// The least class goes first and overtakes between slices. Within a class things go in the order
/// in which they were queued, but a small parcel that the peer's grant does not cover steps aside.
struct DataQueue {
    /// One frame's worth of data.
    enum Step {
        case slice(SliceHead, ArraySlice<UInt8>)
        case small(Message, grantBytes: UInt64)
    }

    private struct WaitingBlob {
        var order: UInt64
        var parcel: ParcelID
        var blob: ServedBlob
    }

    private struct WaitingSmall {
        var order: UInt64
        var parcel: ParcelID
        var message: Message
        var grantBytes: UInt64
    }

    /// A blob of which the first slice was sent.
    private struct BegunBlob {
        var parcel: ParcelID
        var number: UInt64
        var bytes: [UInt8]
        var offset = 0
    }

    private struct Class {
        var number: UInt8
        var blobs = CircularBuffer<WaitingBlob>()
        var smalls = CircularBuffer<WaitingSmall>()
        var begun: BegunBlob?

        var isEmpty: Bool { self.blobs.isEmpty && self.smalls.isEmpty && self.begun == nil }
    }

    private let sliceBytes: Int
    private var classes: [Class] = []
    private var order: UInt64 = 0
    /// Numbers of the blobs that wait and are not begun.
    private var waiting: [ParcelID: RunSet] = [:]

    /// Bytes of the blobs that wait, begun or not.
    private(set) var blobBytes = 0

    /// Begins empty; a slice has at most so many bytes of its blob.
    init(sliceBytes: Int = Limits.slicePayloadBytesMax) { self.sliceBytes = sliceBytes }

    /// Whether nothing waits.
    var isEmpty: Bool { self.classes.allSatisfy(\.isEmpty) }

    /// Queues blobs of a parcel; what waits already is not queued twice.
    mutating func add(_ parcel: ParcelID, class number: UInt8, _ blobs: [ServedBlob]) {
        let index = self.index(ofClass: number)
        for blob in blobs where self.waiting[parcel]?.contains(blob.number) != true {
            self.waiting[parcel, default: RunSet()].insert(blob.number)
            self.blobBytes += Int(blob.length)
            self.order += 1
            self.classes[index].blobs.append(
                WaitingBlob(order: self.order, parcel: parcel, blob: blob)
            )
        }
    }

    /// Queues a small parcel; any other message is a programmer's error.
    mutating func add(small message: Message, class number: UInt8) {
        guard case .small(let small, _, _) = message else {
            preconditionFailure("Only small parcels travel as data.")
        }
        let index = self.index(ofClass: number)
        self.order += 1
        self.classes[index].smalls.append(
            WaitingSmall(
                order: self.order,
                parcel: small.id,
                message: message,
                grantBytes: small.grantBytes
            )
        )
    }

    /// Drops all that waits of a parcel, and the rest of a begun blob.
    mutating func remove(_ parcel: ParcelID) {
        self.waiting[parcel] = nil
        for index in self.classes.indices {
            self.classes[index].blobs.removeAll { waiting in
                guard waiting.parcel == parcel else { return false }
                self.blobBytes -= Int(waiting.blob.length)
                return true
            }
            self.classes[index].smalls.removeAll { $0.parcel == parcel }
            if let begun = self.classes[index].begun, begun.parcel == parcel {
                self.blobBytes -= begun.bytes.count - begun.offset
                self.classes[index].begun = nil
            }
        }
    }

    /// Drops everything.
    mutating func removeAll() { self = Self(sliceBytes: self.sliceBytes) }

    /// Takes what goes next; `nil` if nothing waits, or only what the grant does not cover.
    mutating func next(grant: UInt64) -> Step? {
        for index in self.classes.indices {
            while true {
                if let slice = self.slice(ofClass: index) { return slice }
                let blob = self.classes[index].blobs.first?.order ?? .max
                if let small = self.classes[index].smalls.first, small.order < blob,
                    small.grantBytes <= grant
                {
                    self.classes[index].smalls.removeFirst()
                    return .small(small.message, grantBytes: small.grantBytes)
                }
                guard self.beginBlob(ofClass: index) else { break }
            }
        }
        return nil
    }

    private mutating func slice(ofClass index: Int) -> Step? {
        guard var begun = self.classes[index].begun else { return nil }
        let end = min(begun.offset + self.sliceBytes, begun.bytes.count)
        let head = SliceHead(
            parcel: begun.parcel,
            entry: UInt32(truncatingIfNeeded: begun.number),
            offset: UInt32(begun.offset)
        )
        let payload = begun.bytes[begun.offset..<end]
        self.blobBytes -= end - begun.offset
        begun.offset = end
        self.classes[index].begun = end < begun.bytes.count ? begun : nil
        return .slice(head, payload)
    }

    /// Reads the first waiting blob; false if none waits.
    ///
    /// One that cannot be read is left out: who queued it knows from its own closure.
    private mutating func beginBlob(ofClass index: Int) -> Bool {
        guard let waiting = self.classes[index].blobs.popFirst() else { return false }
        self.waiting[waiting.parcel]?.remove(waiting.blob.number)
        if self.waiting[waiting.parcel]?.isEmpty == true { self.waiting[waiting.parcel] = nil }
        if let bytes = try? waiting.blob.read(), bytes.count == Int(waiting.blob.length),
            !bytes.isEmpty
        {
            self.classes[index].begun = BegunBlob(
                parcel: waiting.parcel,
                number: waiting.blob.number,
                bytes: bytes
            )
        } else {
            self.blobBytes -= Int(waiting.blob.length)
        }
        return true
    }

    private mutating func index(ofClass number: UInt8) -> Int {
        let index = self.classes.firstIndex { $0.number >= number } ?? self.classes.count
        if index == self.classes.count || self.classes[index].number != number {
            self.classes.insert(Class(number: number), at: index)
        }
        return index
    }
}
