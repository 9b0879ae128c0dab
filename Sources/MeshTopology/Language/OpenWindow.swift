import Foundation

/// When a line is open: days, a time of day that may end on the next day, and a time zone.
struct OpenWindow: Hashable, Sendable {
    /// Days on which it begins, in the order of the week; Monday is 0.
    let days: [Int]
    /// Minutes after midnight.
    let from: Int
    /// Minutes after midnight; on the next day unless it is later than ``from``.
    let to: Int
    /// A name of the IANA time zone database.
    let zone: String

    /// Why a text is no window.
    struct Invalid: Error, Hashable {
        let message: String
        let hint: String
    }

    static let dayNames = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    private static let example =
        "Write days, times and zone, such as `\"Mon-Fri 19:00-06:00 Europe/Oslo\"`."

    /// Reads `[DAYS] HH:MM-HH:MM [ZONE]`: `Mon-Fri 19:00-06:00 Europe/Oslo`, `22:00-24:00`.
    init(_ text: String) throws(Invalid) {
        var words = text.split(separator: " ").map(String.init)
        let isTime = words.first?.first?.isNumber ?? false
        self.days = isTime || words.isEmpty ? Array(0..<7) : try Self.days(words.removeFirst())
        guard let times = words.first else {
            throw Invalid(message: "`\(text)` does not say from when to when.", hint: Self.example)
        }
        let ends = times.split(separator: "-", omittingEmptySubsequences: false).map(String.init)
        guard ends.count == 2 else {
            let isOne = ends.count == 1 && Self.minutes(times) != nil
            throw Invalid(
                message: isOne
                    ? "`\(times)` is one time; a window has two."
                    : "`\(times)` is no time from `HH:MM` to `HH:MM`.",
                hint: isOne ? "Write `\(times)-HH:MM`." : Self.example
            )
        }
        self.from = try Self.time(ends[0])
        self.to = try Self.time(ends[1])
        guard self.from != self.to, self.from < 1_440 else {
            throw Invalid(
                message: "`\(times)` begins when it ends.",
                hint: "A whole day is `00:00-24:00`."
            )
        }
        guard words.count <= 2 else {
            throw Invalid(
                message: "`\(words.dropFirst().joined(separator: " "))` is more than a time zone.",
                hint: "Write several windows as a list."
            )
        }
        self.zone = words.count == 2 ? try Self.zone(words[1]) : "UTC"
    }

    private static func days(_ text: String) throws(Invalid) -> [Int] {
        if text == "daily" { return Array(0..<7) }
        var days: Set<Int> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false)
            guard (1...2).contains(ends.count) else { throw Self.noDay(String(part)) }
            let first = try Self.day(ends[0])
            let last = try Self.day(ends[ends.count - 1])
            for day in first...(last < first ? last + 7 : last) { days.insert(day % 7) }
        }
        return days.sorted()
    }

    private static func day(_ text: Substring) throws(Invalid) -> Int {
        guard let day = Self.dayNames.firstIndex(of: String(text)) else {
            throw Self.noDay(String(text))
        }
        return day
    }

    private static func noDay(_ text: String) -> Invalid {
        let name = text.prefix(1).uppercased() + text.dropFirst().prefix(2).lowercased()
        return Invalid(
            message: "`\(text)` is no day of the week.",
            hint: Self.dayNames.contains(name)
                ? "Write `\(name)`."
                : "Days are Mon, Tue, Wed, Thu, Fri, Sat, Sun, as in `Mon-Fri` or `Sat,Sun`."
        )
    }

    private static func time(_ text: String) throws(Invalid) -> Int {
        guard let minutes = Self.minutes(text) else {
            throw Invalid(
                message: "`\(text)` is no time of day.",
                hint: "Write `HH:MM`, from `00:00` to `24:00`."
            )
        }
        return minutes
    }

    private static func minutes(_ text: String) -> Int? {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1].count == 2,
            let hour = DeclaredUnits.digits(parts[0], countMax: 2),
            let minute = DeclaredUnits.digits(parts[1], countMax: 2), minute < 60,
            hour * 60 + minute <= 1_440
        else { return nil }
        return Int(hour * 60 + minute)
    }

    private static func zone(_ text: String) throws(Invalid) -> String {
        let known = TimeZone.knownTimeZoneIdentifiers
        if text == "UTC" || known.contains(text) { return text }
        let near = Suggestion.nearest(to: text, among: known)
        throw Invalid(
            message: "`\(text)` is no time zone.",
            hint: near.map { "Did you mean `\($0)`?" }
                ?? "Write a name such as `Europe/Oslo` or `UTC`: others do not know their summer time."
        )
    }
}
