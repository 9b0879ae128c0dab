import Testing

@testable import MeshLinks

/// What connections keep of memory does not grow with their number.
@Suite struct LinkOptionsTests {
    @Test(arguments: [
        (1, 256 << 10, 4), (8, 256 << 10, 4), (16, 256 << 10, 2), (32, 256 << 10, 1),
        (64, 128 << 10, 1), (100, 83_886, 1), (128, 64 << 10, 1), (10_000, 64 << 10, 1),
    ])
    func connectionsShareWhatIsThereToReadInto(connections: Int, bytes: Int, times: Int) {
        let read = LinkOptions.read(connections: connections)
        #expect((read.bytes, read.times) == (bytes, times))
    }
}
