import Dispatch
import Foundation
import Glibc
import MeshModel
import Synchronization
import Testing

@testable import MeshFiles

@Suite(.serialized, .timeLimit(.minutes(5))) struct SourceWatchTests {
    private let scratch: Scratch
    private let root: SourceRoot

    init() throws {
        self.scratch = try Scratch()
        try self.scratch.make("source")
        self.root = try SourceRoot(path: self.scratch("source"))
    }

    /// What a watch told so far, and somebody who waits for more.
    private final class Heard: Sendable {
        private let notices = Mutex<[WatchNotice]>([])
        private let told = DispatchSemaphore(value: 0)

        func tell(_ notice: WatchNotice) {
            self.notices.withLock { $0.append(notice) }
            self.told.signal()
        }

        var all: [WatchNotice] { self.notices.withLock { $0 } }

        /// Everything that happened to files, by name.
        var changes: [String: SourceChange] {
            self.all.reduce(into: [:]) { changes, notice in
                guard case .changed(let more, _) = notice else { return }
                for (path, change) in more { changes[path.description] = change }
            }
        }

        func wait(_ seconds: Int = 20, until holds: (Heard) -> Bool) -> Bool {
            let deadline = DispatchTime.now() + .seconds(seconds)
            while !holds(self) {
                if self.told.wait(timeout: deadline) == .timedOut { return holds(self) }
            }
            return true
        }
    }

    private func watch(
        max: Int = .max,
        _ body: (SourceWatch, Heard) throws -> Void
    ) rethrows {
        let heard = Heard()
        let watch = SourceWatch(self.root, watchesMax: max) { heard.tell($0) }
        watch.start()
        defer { watch.stop() }
        try body(watch, heard)
    }

    @Test func everyDirectoryIsWatchedAndWhatHappensIsTold() throws {
        try self.scratch.write([1], to: "source/a/b/old")
        try self.scratch.write([1], to: "outside")
        try self.scratch.write([1], to: "linked")
        try self.watch { _, heard in
            #expect(heard.wait { $0.all == [.watching(directories: 3)] })
            rename(self.scratch("outside"), self.scratch("source/a/b/moved"))
            link(self.scratch("linked"), self.scratch("source/a/link"))
            try self.scratch.write([1, 2], to: "source/written")
            unlink(self.scratch("source/a/b/old"))
            try self.scratch.write([1], to: "source/.tributary-1.part")
            #expect(heard.wait { $0.changes.count == 4 })
            #expect(heard.changes["a/b/moved"] == .placed)
            #expect(heard.changes["a/link"] == .created)
            #expect(heard.changes["a/b/old"] == .removed)
        }
    }

    @Test func newAndMovedDirectoriesAreFollowed() throws {
        try self.scratch.write([1], to: "elsewhere/deep/file")
        try self.scratch.make("source/x/y")
        try self.watch { _, heard in
            #expect(heard.wait { !$0.all.isEmpty })
            rename(self.scratch("elsewhere"), self.scratch("source/in"))
            #expect(heard.wait { $0.changes["in/deep/file"] == .placed })
            rename(self.scratch("source/in"), self.scratch("source/x/in"))
            #expect(heard.wait { $0.changes["x/in/deep/file"] == .placed })
            try self.scratch.write([1], to: "source/x/in/deep/new")
            #expect(heard.wait { $0.changes["x/in/deep/new"] != nil })
            try self.scratch.write([1], to: "source/made/of/many/file")
            #expect(heard.wait { $0.changes["made/of/many/file"] != nil })
            // What left is none of ours any more, though it has come from here.
            rename(self.scratch("source/x"), self.scratch("gone"))
            try self.scratch.write([1], to: "gone/in/deep/late")
            try self.scratch.write([1], to: "source/last")
            #expect(heard.wait { $0.changes["last"] != nil })
            #expect(heard.changes.keys.allSatisfy { !$0.hasSuffix("late") })
            // The root, made, of and many.
            guard case .changed(_, let directories) = heard.all.last else {
                Issue.record("\(heard.all)")
                return
            }
            #expect(directories == 4)
        }
    }

    /// The kernel keeps 16,384 events; whoever does not read them in time is told that some are gone.
    @Test func afterLostEventsAllIsWatchedAnew() throws {
        try self.watch { watch, heard in
            #expect(heard.wait { !$0.all.isEmpty })
            watch.queue.suspend()
            try self.scratch.make("source/late")
            for number in 0..<9_000 {
                close(open(self.scratch("source/\(number)"), O_CREAT | O_WRONLY, 0o600))
            }
            watch.queue.resume()
            #expect(heard.wait { $0.all.contains(.lost) })
            #expect(heard.wait { $0.all.contains(.watching(directories: 2)) })
            try self.scratch.write([1], to: "source/late/file")
            #expect(heard.wait { $0.changes["late/file"] != nil })
        }
    }

    @Test func whenWatchesRunOutItSaysSoAndHoldsNone() throws {
        for number in 0..<10 { try self.scratch.make("source/\(number)") }
        self.watch(max: 5) { _, heard in
            #expect(heard.wait { !$0.all.isEmpty })
            #expect(heard.all == [.blind(code: "watch_limit")])
        }
        try self.watch(max: 12) { _, heard in
            #expect(heard.wait { $0.all == [.watching(directories: 11)] })
            try self.scratch.make("source/11/12")
            #expect(heard.wait { $0.all.last == .blind(code: "watch_limit") })
        }
    }

    @Test func aRootThatGoesIsBlindUntilItComesBack() throws {
        try self.watch { _, heard in
            #expect(heard.wait { !$0.all.isEmpty })
            rename(self.scratch("source"), self.scratch("away"))
            #expect(heard.wait { $0.all.last == .blind(code: "source_missing") })
            rename(self.scratch("away"), self.scratch("source"))
            #expect(heard.wait { $0.all.last == .watching(directories: 1) })
            rmdir(self.scratch("source"))
            #expect(heard.wait { $0.all.last == .blind(code: "source_missing") })
            try self.scratch.make("source")
            #expect(heard.wait { $0.all.last == .watching(directories: 1) })
            try self.scratch.write([1], to: "source/file")
            #expect(heard.wait { $0.changes["file"] != nil })
        }
    }

    @Test func theNodesOwnHomeIsLeftOut() throws {
        try self.scratch.write([1], to: "source/home/spool/1.seg")
        let root = try SourceRoot(
            path: self.scratch("source"),
            leavingOut: [self.scratch("source/home")]
        )
        let heard = Heard()
        let watch = SourceWatch(root) { heard.tell($0) }
        watch.start()
        defer { watch.stop() }
        #expect(heard.wait { $0.all == [.watching(directories: 1)] })
        let report = try root.walk { Issue.record("\($0.path)") }
        #expect(report.skipped == [.ownHome: 1])
    }
}
