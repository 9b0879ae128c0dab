import Testing

@testable import MeshCommands

@Suite struct RawArgumentTests {
    @Test func anArgumentThatIsNotTextKeepsItsBytes() {
        let raw: [[UInt8]] = [Array("send".utf8), Array("/a/b".utf8), [0x2F, 0xFF], [0x2F, 0xFE]]
        let repaired = raw.map { String(decoding: $0, as: UTF8.self) }
        #expect(repaired[2] == repaired[3])
        #expect(RawArguments(raw).bytes(of: Array(repaired[1...])) == Array(raw[1...]))
    }

    @Test func aReplacementCharacterThatWasTypedStays() {
        let typed = Array("/\u{FFFD}".utf8)
        #expect(RawArguments([typed]).bytes(of: ["/\u{FFFD}"]) == [typed])
    }

    @Test(arguments: [
        ("/a/./b//c/", "/a/b/c"), ("/a/../b", "/b"), ("/..", "/"), ("/", "/"), ("/a/...", "/a/..."),
    ])
    func pathsAreNormalisedByTheirText(path: String, expected: String) {
        #expect(RawArguments.normalised(Array(path.utf8)) == Array(expected.utf8))
    }

    @Test func aRelativePathCountsFromTheWorkingDirectory() throws {
        let path = try RawArguments.absolute(Array("x".utf8))
        #expect(path.first == UInt8(ascii: "/"))
        #expect(path.suffix(2) == Array("/x".utf8)[...])
    }
}
