import Dispatch
import Foundation
import Glibc
import MeshFiles
import MeshModel
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5))) struct WriterProbeTests {
    private let scratch: Scratch
    private let root: SourceRoot

    init() throws {
        self.scratch = try Scratch()
        self.root = try SourceRoot(path: self.scratch.path)
    }

    private func open(_ name: String) throws -> SourceFile {
        try self.root.open(#require(PathBytes(name)))
    }

    @Test func aWriterIsNoticedForAsLongAsItHasTheFileOpen() throws {
        try self.scratch.write([1], to: "file")
        let file = try self.open("file")
        try #require(file.writers() != .unknown, "run the tests on ext4, xfs, btrfs or tmpfs")
        #expect(file.writers() == .none)
        let reader = Glibc.open(self.scratch("file"), O_RDONLY)
        #expect(file.writers() == .none)
        let writer = Glibc.open(self.scratch("file"), O_WRONLY | O_APPEND)
        #expect(file.writers() == .some)
        close(writer)
        #expect(file.writers() == .none)
        close(reader)
    }

    @Test func aMappingThatWritesIsAWriter() throws {
        try self.scratch.write([UInt8](repeating: 1, count: 4_096), to: "file")
        let file = try self.open("file")
        let writer = Glibc.open(self.scratch("file"), O_RDWR)
        let mapping = mmap(nil, 4_096, PROT_READ | PROT_WRITE, MAP_SHARED, writer, 0)
        close(writer)
        #expect(file.writers() == .some)
        munmap(mapping, 4_096)
        #expect(file.writers() == .none)
    }

    @Test func whereLeasesCannotBeTrustedThereIsNoAnswer() throws {
        // procfs is none of the file systems whose leases see every writer.
        let file = try SourceRoot(path: "/proc/self").open(#require(PathBytes("limits")))
        #expect(file.writers() == .unknown)
    }

    /// The kernel makes a writer that opens the file meanwhile wait, and sends us SIGIO.
    @Test func aWriterThatOpensTheFileMeanwhileWaitsForAMomentAndTheProcessLives() throws {
        try self.scratch.write([1], to: "file")
        let file = try self.open("file")
        let path = self.scratch("file")
        let (begun, ended) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let answers = Answers()
        DispatchQueue(label: "probe").async {
            while !answers.isEnough {
                answers.add(file.writers())
                begun.signal()
            }
            ended.signal()
        }
        begun.wait()
        var times: [Duration] = []
        while !answers.isEnough {
            // Opened without blocking, it would fail instead of waiting.
            times.append(ContinuousClock().measure { close(Glibc.open(path, O_WRONLY)) })
        }
        ended.wait()
        let slow = times.filter { $0 > .milliseconds(50) }
        // The rest is what a busy machine takes; a lease that is kept holds a writer up for 45 s.
        #expect(slow.count <= times.count / 1_000, "\(slow)")
        #expect(slow.allSatisfy { $0 < .seconds(2) }, "\(slow)")
        #expect(file.writers() == .none)
    }

    /// Counts answers, until there have been many of both kinds.
    private final class Answers: Sendable {
        private let counts = Mutex((none: 0, some: 0))

        func add(_ answer: Writers) {
            self.counts.withLock { counts in
                switch answer {
                case .none: counts.none += 1
                case .some: counts.some += 1
                case .unknown: break
                }
            }
        }

        var isEnough: Bool { self.counts.withLock { $0.none > 5_000 && $0.some > 500 } }
    }
}
