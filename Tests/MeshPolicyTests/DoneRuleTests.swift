import MeshModel
import MeshPolicy
import Testing

@Suite struct DoneRuleTests {
    static let now = UnixMilliseconds(1_000_000)

    static func sight(
        changed: Int64,
        modified: Int64? = nil,
        links: UInt64 = 1,
        isMarked: Bool = false,
        cause: Cause = .scanned,
        seenSince: Int64? = nil
    ) -> DoneRule.Sight {
        let stamp = FileStamp(
            device: 1,
            inode: 2,
            size: 3,
            modifiedNanoseconds: (modified ?? changed) * 1_000_000,
            changedNanoseconds: changed * 1_000_000
        )
        return DoneRule.Sight(
            stamp: stamp,
            links: links,
            isMarked: isMarked,
            cause: cause,
            seen: seenSince.map { (stamp, UnixMilliseconds($0)) }
        )
    }

    @Test func whatIsRenamedOrLinkedIntoPlaceIsDoneAtOnce() {
        let rule = DoneRule.placed
        for cause in [Cause.placed, .scanned] {
            let sight = Self.sight(changed: 1_000_000, cause: cause)
            #expect(rule.verdict(on: sight, at: Self.now) == .ready)
        }
        let linked = Self.sight(changed: 1_000_000, links: 2, cause: .created)
        #expect(rule.verdict(on: linked, at: Self.now) == .ready)
    }

    @Test func whatIsWrittenInPlaceRestsFirst() {
        let rule = DoneRule.placed
        let created = Self.sight(changed: 999_500, cause: .created)
        #expect(rule.verdict(on: created, at: Self.now) == .ask)
        #expect(rule.verdict(on: created, isOpen: false, at: Self.now) == .ready)
        #expect(
            rule.verdict(on: created, isOpen: nil, at: Self.now)
                == .waits(.tooYoung, until: UnixMilliseconds(1_001_500))
        )
        let written = Self.sight(changed: 999_500, cause: .written)
        #expect(
            rule.verdict(on: written, at: Self.now)
                == .waits(.tooYoung, until: UnixMilliseconds(1_001_500))
        )
        let rested = Self.sight(changed: 998_000, cause: .written)
        #expect(rule.verdict(on: rested, at: Self.now) == .ready)
    }

    @Test func aMarkedFileIsDoneAndAnotherIsNot() {
        let rule = DoneRule.marker(Array(".ok".utf8))
        let marked = Self.sight(changed: 1_000_000, isMarked: true)
        #expect(rule.verdict(on: marked, at: Self.now) == .ready)
        let bare = Self.sight(changed: 1)
        #expect(rule.verdict(on: bare, at: Self.now) == .waits(.noMarker, until: nil))
    }

    @Test func quietMeansUnchangedForThatLongAndNobodyWriting() {
        let rule = DoneRule.quiet(milliseconds: 30_000)
        let young = Self.sight(changed: 980_000)
        #expect(
            rule.verdict(on: young, at: Self.now)
                == .waits(.tooYoung, until: UnixMilliseconds(1_010_000))
        )
        let old = Self.sight(changed: 970_000)
        #expect(rule.verdict(on: old, at: Self.now) == .ask)
        #expect(rule.verdict(on: old, isOpen: false, at: Self.now) == .ready)
        #expect(rule.verdict(on: old, isOpen: nil, at: Self.now) == .ready)
        #expect(
            rule.verdict(on: old, isOpen: true, at: Self.now)
                == .waits(.beingWritten, until: UnixMilliseconds(1_015_000))
        )
        // Either time counts, and a modification time of long ago hides no change.
        let restored = Self.sight(changed: 999_000, modified: 5)
        #expect(rule.verdict(on: restored, at: Self.now) != .ask)
        let touched = Self.sight(changed: 1, modified: 999_000)
        #expect(rule.verdict(on: touched, at: Self.now) != .ask)
    }

    @Test func quietIsNeverShorterThanTwoSeconds() {
        let rule = DoneRule.quiet(milliseconds: 0)
        #expect(rule.verdict(on: Self.sight(changed: 998_001), at: Self.now) != .ask)
        #expect(rule.verdict(on: Self.sight(changed: 998_000), at: Self.now) == .ask)
        // Just ahead of our clock is near it too.
        let ahead = Self.sight(changed: 990_000, modified: 1_001_999)
        #expect(rule.verdict(on: ahead, at: Self.now) != .ask)
    }

    @Test func timesOfAnotherMachineDoNotHoldAFileUpForEver() {
        let rule = DoneRule.quiet(milliseconds: 10_000)
        let future = Self.sight(changed: 9_000_000)
        #expect(
            rule.verdict(on: future, at: Self.now)
                == .waits(.tooYoung, until: UnixMilliseconds(1_010_000))
        )
        let seen = Self.sight(changed: 9_000_000, seenSince: 990_000)
        #expect(rule.verdict(on: seen, at: Self.now) == .ask)
        // A modification time that was set far ahead says nothing either way.
        #expect(rule.verdict(on: Self.sight(changed: 1, modified: 9_000_000), at: Self.now) == .ask)
        var other = Self.sight(changed: 9_000_000, seenSince: 1)
        other.stamp.size = 4
        #expect(rule.verdict(on: other, at: Self.now) != .ask)
    }
}
