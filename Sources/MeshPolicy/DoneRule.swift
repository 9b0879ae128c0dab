package import MeshModel

/// Why a file of a source is not taken yet.
package enum WaitReason: String, CaseIterable, Sendable {
    /// It changed a moment ago.
    case tooYoung = "too_young"
    /// Somebody has it open for writing.
    case beingWritten = "being_written"
    /// Its marker is not there.
    case noMarker = "no_marker"
}

/// What drew attention to a file.
package enum Cause: Sendable {
    /// A walk of the source.
    case scanned
    /// It was renamed into place.
    case placed
    /// It is new: linked into place, or somebody has begun to write it.
    case created
    /// It was closed by somebody who could write to it, or looked at before.
    case written
}

/// Decides when a file of a source counts as complete.
package enum DoneRule: Hashable, Sendable {
    /// It is there: producers rename or link it into place.
    case placed
    /// Another file, whose name has more at its end, is there.
    case marker([UInt8])
    /// It has not changed for so many milliseconds, and nobody has it open for writing.
    case quiet(milliseconds: Int64)
    /// A command hands it over.
    case command

    /// How long a file that changes in place is left alone at least, in milliseconds.
    package static let restMilliseconds: Int64 = 2_000

    /// What is known of a file.
    package struct Sight: Sendable {
        /// Which version it is.
        package var stamp: FileStamp
        /// How many names it has.
        package var links: UInt64
        /// Whether its marker is there.
        package var isMarked: Bool
        /// Why it was looked at.
        package var cause: Cause
        /// The version that was seen before, and since when by our own clock.
        package var seen: (stamp: FileStamp, since: UnixMilliseconds)?

        /// Gathers what is known.
        package init(
            stamp: FileStamp,
            links: UInt64 = 1,
            isMarked: Bool = false,
            cause: Cause,
            seen: (stamp: FileStamp, since: UnixMilliseconds)? = nil
        ) {
            self.stamp = stamp
            self.links = links
            self.isMarked = isMarked
            self.cause = cause
            self.seen = seen
        }
    }

    /// What is to be done about a file.
    package enum Verdict: Hashable, Sendable {
        /// It is complete.
        case ready
        /// It is complete if nobody has it open for writing; see ``DoneRule/verdict(on:isOpen:at:)``.
        case ask
        /// It is not, and is to be looked at again, at that time or when something happens to it.
        case waits(WaitReason, until: UnixMilliseconds?)
    }

    /// Judges a file.
    package func verdict(on sight: Sight, at now: UnixMilliseconds) -> Verdict {
        switch self {
        case .command: .waits(.noMarker, until: nil)
        case .marker: sight.isMarked ? .ready : .waits(.noMarker, until: nil)
        case .quiet(let milliseconds):
            Self.rest(of: sight, max(milliseconds, Self.restMilliseconds), at: now)
                .map { .waits(.tooYoung, until: $0) } ?? .ask
        case .placed:
            switch sight.cause {
            case .scanned, .placed: .ready
            case .created where sight.links > 1: .ready
            case .created: .ask
            case .written:
                Self.rest(of: sight, Self.restMilliseconds, at: now)
                    .map { .waits(.tooYoung, until: $0) } ?? .ready
            }
        }
    }

    /// Judges a file again, ``Verdict/ask`` having been answered.
    ///
    /// `isOpen` is `nil` where the kernel did not say.
    package func verdict(
        on sight: Sight,
        isOpen: Bool?,
        at now: UnixMilliseconds
    ) -> Verdict {
        switch (isOpen, self) {
        case (true, .quiet(let milliseconds)):
            .waits(
                .beingWritten,
                until: now.adding(milliseconds: min(max(milliseconds / 2, 2_000), 30_000))
            )
        case (true, _):
            .waits(.beingWritten, until: now.adding(milliseconds: 5_000))
        case (nil, .placed):
            // Linked into place or being written, nobody knows.
            Self.rest(of: sight, Self.restMilliseconds, at: now)
                .map { .waits(.tooYoung, until: $0) } ?? .ready
        case (false, _), (nil, _): .ready
        }
    }

    /// Until when a file has to wait to have been unchanged for so long; `nil` if it has been.
    ///
    /// Its times may be another machine's: a version that we have seen for long enough will do.
    private static func rest(
        of sight: Sight,
        _ milliseconds: Int64,
        at now: UnixMilliseconds
    ) -> UnixMilliseconds? {
        var until = now.adding(milliseconds: milliseconds)
        if let seen = sight.seen, seen.stamp == sight.stamp {
            until = min(until, seen.since.adding(milliseconds: milliseconds))
        }
        let changed = sight.stamp.changedNanoseconds / 1_000_000
        let modified = sight.stamp.modifiedNanoseconds / 1_000_000
        // A modification time far ahead was set on purpose and says nothing.
        let isAhead = modified - now.rawValue > Self.restMilliseconds
        let latest = isAhead ? changed : max(changed, modified)
        if latest <= now.rawValue {
            until = min(until, UnixMilliseconds(latest).adding(milliseconds: milliseconds))
        }
        return until > now ? until : nil
    }
}
