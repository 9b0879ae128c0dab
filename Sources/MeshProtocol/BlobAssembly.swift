import MeshContent
import MeshModel

/// Puts slices of wanted blobs together, in memory, and checks what comes out.
struct BlobAssembly: Sendable {
    private struct Key: Hashable {
        var parcel: ParcelID
        var number: UInt64
    }

    private struct Blob {
        var entry: Entry
        var bytes: [UInt8] = []
    }

    private var wanted: [Key: Blob] = [:]
    /// Bytes that may still come although they are not wanted any more.
    private var forgottenBytes = 0
    private(set) var wantedBytes = 0
    private(set) var unwantedBytes = 0

    /// Expects a blob; false when it is expected already or has no bytes of its own.
    mutating func expect(_ parcel: ParcelID, _ blob: WantedBlob) -> Bool {
        let length = Int(blob.entry.storedLength)
        precondition(length <= Limits.blobBytesMax, "Entries are checked when they are read.")
        let key = Key(parcel: parcel, number: blob.number)
        guard length > 0, self.wanted[key] == nil else { return false }
        self.wanted[key] = Blob(entry: blob.entry)
        self.wantedBytes += length
        return true
    }

    /// Drops what is expected of a parcel; its slices may still be on the way.
    mutating func forget(_ parcel: ParcelID) {
        for (key, blob) in self.wanted where key.parcel == parcel {
            self.wanted[key] = nil
            let rest = Int(blob.entry.storedLength) - blob.bytes.count
            self.wantedBytes -= rest
            self.forgottenBytes += rest
        }
    }

    /// Takes the body of a slice.
    mutating func take(
        _ body: UnsafeRawBufferPointer,
        _ event: (SessionMachine.Event) -> Void
    ) throws(ProtocolError) {
        let head = try SliceHead(body)
        let payload = UnsafeRawBufferPointer(rebasing: body[Limits.sliceHeadBytes...])
        let key = Key(parcel: head.parcel, number: UInt64(head.entry))
        guard let index = self.wanted.index(forKey: key) else {
            return try self.ignore(payload.count)
        }
        let length = Int(self.wanted.values[index].entry.storedLength)
        let have = self.wanted.values[index].bytes.count
        guard Int(head.offset) + payload.count <= length else {
            throw .violation("A slice of entry \(head.entry) reaches beyond its blob.")
        }
        guard Int(head.offset) == have else {
            // The rest of a copy asked for before the want was renewed.
            return try self.ignore(payload.count)
        }
        if have == 0 { self.wanted.values[index].bytes.reserveCapacity(length) }
        self.wanted.values[index].bytes.append(contentsOf: payload)
        self.wantedBytes -= payload.count
        guard have + payload.count == length else { return }
        let wanted = self.wanted.remove(at: index).value
        let blob = StoredBlob(wanted.bytes)
        event(
            blob.id == wanted.entry.blob
                ? .blob(head.parcel, key.number, blob) : .badBlob(head.parcel, key.number)
        )
    }

    /// Counts bytes that nobody wants: those forgotten are the peer's right, and a little more.
    private mutating func ignore(_ count: Int) throws(ProtocolError) {
        self.unwantedBytes += count
        guard self.unwantedBytes <= self.forgottenBytes + Limits.wantedBytesPerSessionMax else {
            throw .violation("Slices came that were never wanted: \(self.unwantedBytes) bytes.")
        }
    }
}
