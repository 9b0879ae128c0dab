/// When a file in a source counts as complete.
public enum DoneWhen: Hashable, Sendable {
    /// As soon as it is there: producers write elsewhere and rename into the source.
    case renamed
    /// When a command hands it over; scans do not take it.
    case sent
    /// When a file of the same name with this suffix, such as `.done`, lies beside it.
    case marker(suffix: String)
    /// When it has not changed for so long and nobody has it open for writing.
    case quiet(seconds: Int64)

    /// The longest suffix of a marker, in bytes.
    static let suffixBytesMax = 64
    /// The longest time that ``quiet(seconds:)`` can wait.
    static let quietSecondsMax: Int64 = 7 * 86_400
}

extension DoneWhen: CustomStringConvertible {
    /// Reads what ``description`` writes: `renamed`, `sent`, `marker .done`, `quiet 30 s`.
    public init?(_ text: String) {
        let words = text.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: false)
        switch (words[0], words.count == 2 ? String(words[1]) : nil) {
        case ("renamed", nil): self = .renamed
        case ("sent", nil): self = .sent
        case ("marker", let suffix?):
            let isSuffix = suffix.unicodeScalars.allSatisfy {
                $0.properties.generalCategory != .control && $0 != "/" && $0 != " "
            }
            guard isSuffix, (1...Self.suffixBytesMax).contains(suffix.utf8.count) else {
                return nil
            }
            self = .marker(suffix: suffix)
        case ("quiet", let time?):
            guard let seconds = DeclaredSeconds.units.value(time),
                (1...Self.quietSecondsMax).contains(seconds)
            else { return nil }
            self = .quiet(seconds: seconds)
        default: return nil
        }
    }

    /// As a topology writes it.
    public var description: String {
        switch self {
        case .renamed: "renamed"
        case .sent: "sent"
        case .marker(let suffix): "marker \(suffix)"
        case .quiet(let seconds): "quiet \(DeclaredSeconds.text(seconds))"
        }
    }
}

/// What a newer version of a file that has landed does.
public enum LandingAgain: String, CaseIterable, Hashable, Sendable {
    /// Takes the place of the older.
    case replace
}

/// When the files go that were there when a source was first seen.
public enum Backlog: String, CaseIterable, Hashable, Sendable {
    /// In their place among all.
    case first
    /// After those that came since.
    case last
}

/// Which versions of a path travel.
public enum Versions: String, CaseIterable, Hashable, Sendable {
    /// Each one.
    case all
    /// The latest: it supersedes older ones that are still on their way.
    case latest
}

/// How urgent a flow is: what is urgent overtakes what is not, even inside a large file.
public enum FlowClass: String, CaseIterable, Hashable, Sendable {
    /// Before all else.
    case urgent
    /// Where the topology says nothing.
    case usual
    /// When nothing else wants the line.
    case bulk

    /// As openings carry it: 1 to 3, lower goes first.
    public var number: UInt8 {
        switch self {
        case .urgent: 1
        case .usual: 2
        case .bulk: 3
        }
    }

    /// The class of that number.
    init?(number: UInt32) {
        guard let found = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = found
    }
}

/// Whether and how often the node that dialled asks over a silent call if the other still lives.
public enum Keepalive: Hashable, Sendable {
    /// After so many seconds of silence.
    case every(seconds: Int64)
    /// Never.
    case off

    /// What a link has whose line is neither thin nor paid.
    public static let usual = Self.every(seconds: 60)

    /// The shortest and longest time, in seconds.
    static let secondsRange: ClosedRange<Int64> = 5...86_400

    /// Reads `off` or a time.
    init?(declared text: String) {
        if text == "off" {
            self = .off
        } else {
            guard let seconds = DeclaredSeconds.units.value(text),
                Self.secondsRange.contains(seconds)
            else { return nil }
            self = .every(seconds: seconds)
        }
    }
}
