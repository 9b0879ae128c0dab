import MeshModel
import Testing

@Suite struct PathBytesTests {
    @Test(arguments: [
        "", "/a", "a/", "a//b", ".", "..", "a/../b", "a/./b", "a\u{0}b",
        String(repeating: "x", count: 256), String(repeating: "a/", count: 2_048) + "a",
    ])
    func whatCouldLeaveARootIsNoPath(text: String) {
        #expect(PathBytes(text) == nil)
    }

    @Test(arguments: [
        [0x61], Array("deep/er/file.txt".utf8), [0xFF, 0xFE], Array("line\nfeed".utf8),
        Array("back\\slash".utf8), Array("..a/b..".utf8), Array("ümläut/文".utf8),
        [UInt8](repeating: 0x78, count: 255),
    ])
    func everyOtherNameIsShownOnOneLineAndReadBack(bytes: [UInt8]) throws {
        let path = try #require(PathBytes(bytes))
        #expect(!path.description.contains { $0.isNewline })
        #expect(PathBytes(printable: path.description) == path)
    }

    @Test(arguments: ["\\", "\\x", "\\xg0", "\\y00", "\\x2"])
    func textThatWasNeverShownIsNotRead(text: String) {
        #expect(PathBytes(printable: text) == nil)
    }
}
