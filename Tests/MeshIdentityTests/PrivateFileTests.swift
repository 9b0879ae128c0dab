import Glibc
import MeshIdentity
import Testing

@Suite struct PrivateFileTests {
    /// A directory of its own for each test, removed afterwards.
    final class Directory {
        let path: String
        init() throws {
            var template = Array("/tmp/tributary-identity-XXXXXX".utf8CString)
            self.path = try #require(mkdtemp(&template).map { String(cString: $0) })
        }
        func file(_ name: String) -> String { "\(self.path)/\(name)" }
        deinit {
            for name in ["key", "key.new", "it's a key"] { unlink(self.file(name)) }
            rmdir(self.path)
        }
    }

    @Test func whatIsWrittenComesBackAndNobodyElseMayReadIt() throws {
        let directory = try Directory()
        let path = directory.file("key")
        let before = umask(0)
        defer { umask(before) }
        try PrivateFile.write(path, [1, 2, 3])
        #expect(try PrivateFile.read(path) == [1, 2, 3])
        #expect(access(path + ".new", F_OK) != 0)
    }

    @Test func aFileIsReplacedWhateverACrashLeftBehind() throws {
        let directory = try Directory()
        let path = directory.file("key")
        try PrivateFile.write(path, [1])
        try PrivateFile.write(path + ".new", [9, 9])
        chmod(path, 0o644)
        try PrivateFile.write(path, [2])
        #expect(try PrivateFile.read(path) == [2])
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o601] as [mode_t])
    func aFileThatOthersMayUseIsRefusedWithTheCommandThatMendsIt(mode: mode_t) throws {
        let directory = try Directory()
        let path = directory.file("it's a key")
        try PrivateFile.write(path, [1])
        chmod(path, mode)
        let error = try #require(throws: IdentityError.self) { try PrivateFile.read(path) }
        #expect(error.code == .privateFileExposed)
        #expect(error.hint == "chmod 600 '\(directory.path)/it'\\''s a key'")
    }

    @Test func whatIsNoSmallFileIsNotRead() throws {
        let directory = try Directory()
        #expect(throws: IdentityError.self) { try PrivateFile.read(directory.file("missing")) }
        #expect(throws: IdentityError.self) { try PrivateFile.read(directory.path) }
        let path = directory.file("key")
        try PrivateFile.write(path, [1])
        truncate(path, PrivateFile.byteCountMax + 1)
        let error = try #require(throws: IdentityError.self) { try PrivateFile.read(path) }
        #expect(error.code == .fileUnavailable)
    }

    @Test func aPipeIsNotWaitedFor() throws {
        let directory = try Directory()
        let path = directory.file("key")
        try #require(mkfifo(path, 0o600) == 0)
        #expect(throws: IdentityError.self) { try PrivateFile.read(path) }
    }
}
