import MeshModel
import MeshProtocol
import Testing

@testable import MeshLinks

@Suite struct DataQueueTests {
    static let first = ParcelID(.sha256([1]))
    static let second = ParcelID(.sha256([2]))

    static func blob(_ number: UInt64, _ length: Int) -> ServedBlob {
        ServedBlob(number: number, length: UInt32(length)) {
            [UInt8](repeating: UInt8(number), count: length)
        }
    }

    /// The numbers and offsets of the slices that go next.
    static func slices(_ queue: inout DataQueue, _ count: Int = .max) -> [[Int]] {
        var slices: [[Int]] = []
        while slices.count < count, case .slice(let head, _)? = queue.next(grant: 0) {
            slices.append([Int(head.entry), Int(head.offset)])
        }
        return slices
    }

    @Test func aHigherClassOvertakesBetweenSlices() {
        var queue = DataQueue()
        queue.add(Self.first, class: 2, [Self.blob(1, 150_000), Self.blob(2, 10)])
        #expect(Self.slices(&queue, 1) == [[1, 0]])
        queue.add(Self.second, class: 0, [Self.blob(9, 70_000)])
        let most = Limits.slicePayloadBytesMax
        #expect(Self.slices(&queue) == [[9, 0], [9, most], [1, most], [1, 2 * most], [2, 0]])
        #expect(queue.isEmpty)
    }

    @Test func aWithdrawnParcelIsNotSentAnyMore() {
        var queue = DataQueue()
        queue.add(Self.first, class: 2, [Self.blob(1, 150_000)])
        queue.add(Self.second, class: 2, [Self.blob(2, 10)])
        queue.add(Self.first, class: 2, [Self.blob(3, 10)])
        #expect(Self.slices(&queue, 1) == [[1, 0]])
        queue.remove(Self.first)
        #expect(Self.slices(&queue) == [[2, 0]])
    }

    @Test func blobsAreReadOnlyWhenTheirTurnComes() {
        var queue = DataQueue()
        queue.add(
            Self.first,
            class: 2,
            [
                Self.blob(1, 10),
                ServedBlob(number: 2, length: 1) {
                    Issue.record("It was read too early.")
                    return [0]
                },
            ]
        )
        #expect(Self.slices(&queue, 1) == [[1, 0]])
    }
}
