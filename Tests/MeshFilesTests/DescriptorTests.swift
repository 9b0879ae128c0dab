import Glibc
import MeshModel
import Testing

@testable import MeshFiles

/// The way without `openat2`, which a kernel of these days does not take by itself.
@Suite final class DescriptorTests {
    private let scratch: Scratch
    private let root: Descriptor

    init() throws {
        self.scratch = try Scratch()
        self.root = try Descriptor.open(root: self.scratch.path)
        try self.scratch.write([1, 2], to: "a/b/c")
        try self.scratch.link("a/link", to: "b")
        try self.scratch.link("top", to: "a")
    }

    private func size(_ text: String, stepwise: Bool) throws -> Int64 {
        let path = try #require(PathBytes(text))
        let file =
            stepwise
            ? try self.root.openStepwise(path, O_RDONLY)
            : try self.root.open(beneath: path, O_RDONLY)
        return try file.status().stamp.size
    }

    @Test(arguments: [true, false])
    func bothWaysOpenTheSame(stepwise: Bool) throws {
        #expect(try self.size("a/b/c", stepwise: stepwise) == 2)
    }

    @Test(arguments: [true, false])
    func bothWaysRefuseTheSame(stepwise: Bool) throws {
        for (path, number) in [
            ("a/link", ELOOP), ("top", ELOOP), ("a/none", ENOENT), ("none/x", ENOENT),
            ("a/b/c/d", ENOTDIR),
        ] {
            #expect(throws: SystemError(number: number), "\(path)") {
                try self.size(path, stepwise: stepwise)
            }
        }
        // A link instead of a directory is no directory or a link too many, as the kernel likes.
        for path in ["a/link/c", "top/b/c"] {
            #expect(throws: SystemError.self, "\(path)") {
                try self.size(path, stepwise: stepwise)
            }
        }
    }

    @Test func timesBefore1970AreKept() throws {
        let path = try #require(PathBytes("a/b/c"))
        let file = try self.root.open(beneath: path, O_RDWR)
        try file.setModified(nanoseconds: -1)
        #expect(try file.status().stamp.modifiedNanoseconds == -1)
    }

    @Test func theKernelsNewCallIsFound() {
        #expect(LinuxCalls.systemCall != nil)
        #expect(self.root.fileSystem() != nil)
    }
}
