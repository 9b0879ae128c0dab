import Foundation
import Testing

@testable import MeshCommands

@Suite struct DemoTests {
    @Test func theDemoRunsTheTopologyThatIsShown() throws {
        let file = Page.top.appending(path: "topologies/dmz.yaml")
        let shown = try String(contentsOf: file, encoding: .utf8)
        #expect(DemoMesh.topology(port: 7443) == shown)
    }

    @Test func filesArePickedWithinTheirBounds() throws {
        let files = DemoFiles(from: "/usr/bin", atMost: 10, bytes: 4 << 20, largeBytes: 1_000)
        #expect((1...10).contains(files.picks.count))
        #expect(files.bytes <= 4 << 20 + 1_000)
        #expect(files.bytesNeeded > 5 * files.bytes)
    }
}
