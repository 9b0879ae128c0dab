import Glibc
import MeshModel
import Testing

@testable import MeshFiles

@Suite struct ExtentsTests {
    @Test func holesAreFoundWhereTheFileSystemIsTrusted() throws {
        let scratch = try Scratch()
        let number = open(scratch("f"), O_CREAT | O_WRONLY, 0o600)
        #expect(pwrite(number, noise(4_096), 4_096, 1 << 20) == 4_096)
        #expect(ftruncate(number, 2 << 20) == 0)
        close(number)
        let file = try SourceRoot(path: scratch.path).open(#require(PathBytes("f")))
        var extents = Extents(of: file, size: 2 << 20)
        guard Extents.mayAsk(file) else {
            #expect(try extents.extent(at: 0, of: file) == .data(end: 2 << 20))
            return
        }
        #expect(try extents.extent(at: 0, of: file) == .hole(end: 1 << 20))
        #expect(try extents.extent(at: 1 << 20, of: file) == .data(end: (1 << 20) + 4_096))
        #expect(try extents.extent(at: 9, of: file) == .hole(end: 1 << 20))
        #expect(try extents.extent(at: (2 << 20) - 1, of: file) == .hole(end: 2 << 20))
    }
}
