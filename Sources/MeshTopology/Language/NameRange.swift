import MeshModel

/// One name, or several that differ in numbers: `buoy-{1..40}`, `rack-{01..12}`.
///
/// A number that is written with leading zeros keeps that width. Several ranges in one text give
/// every combination, the last one counting fastest.
struct NameRange: Hashable, Sendable {
    /// The names, in order.
    let names: [String]
    /// Whether there is a range in it.
    let isRange: Bool

    /// The most names that one range gives.
    static let countMax = 10_000

    /// Reads a name; `nil` if it breaks the rules.
    init?(_ text: String) {
        var names = [""]
        var rest = text[...]
        while let brace = rest.firstIndex(of: "{") {
            guard let end = rest[brace...].firstIndex(of: "}"),
                let numbers = Self.numbers(rest[rest.index(after: brace)..<end]),
                names.count * numbers.count <= Self.countMax
            else { return nil }
            let before = rest[..<brace]
            names = names.flatMap { name in numbers.map { "\(name)\(before)\($0)" } }
            rest = rest[rest.index(after: end)...]
        }
        self.names = names.map { $0 + rest }
        self.isRange = text.contains("{")
        guard self.names.allSatisfy({ WordRule.allows($0) }) else { return nil }
    }

    /// The names of nodes.
    var nodes: [NodeName] { self.names.compactMap { NodeName($0) } }

    /// `1..40` or `01..40`.
    private static func numbers(_ text: Substring) -> [String]? {
        guard let dots = text.firstRange(of: "..") else { return nil }
        let first = text[..<dots.lowerBound]
        let last = text[dots.upperBound...]
        guard let low = DeclaredUnits.digits(first, countMax: 6),
            let high = DeclaredUnits.digits(last, countMax: 6), low <= high,
            high - low < Self.countMax
        else { return nil }
        let width = first.hasPrefix("0") ? first.count : 0
        return (low...high).map { number in
            let text = String(number)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
    }

    /// Why a text is no name.
    static func problem(with text: String, subject: String) -> Scalar.Problem {
        let lower = text.lowercased()
        if text.contains("{") || text.contains("}") {
            return Scalar.Problem(
                kind: .invalidName,
                message: "`\(text)` cannot name \(subject == "a node" ? "nodes" : subject).",
                hint: subject == "a node"
                    ? "A range is written `buoy-{1..40}`, low number first; at most "
                        + "\(Self.countMax) names."
                    : "Only nodes can be named by ranges."
            )
        }
        return Scalar.Problem(
            kind: .invalidName,
            message: "`\(text)` cannot be the name of \(subject).",
            hint: "A name has 1 to 63 of a-z, 0-9, `-`, `_`, `.` and begins with a letter or digit."
                + (WordRule.allows(lower) ? " Write `\(lower)`." : "")
        )
    }
}

/// The nodes at the ends of links: `buoy-{1..40} -> dmz`.
struct LinkEnds: Hashable, Sendable {
    private let texts: [String]

    /// Splits a text at its one mark; `nil` if there is not exactly one between two texts.
    init?(_ text: String, mark: String) {
        var texts: [String] = []
        var rest = text[...]
        while let range = rest.firstRange(of: mark) {
            texts.append(String(rest[..<range.lowerBound]).trimmed)
            rest = rest[range.upperBound...]
        }
        texts.append(String(rest).trimmed)
        guard texts.count == 2, texts.allSatisfy({ !$0.isEmpty }) else { return nil }
        self.texts = texts
    }

    /// The pairs of nodes.
    ///
    /// Two ranges go together one by one: the first with the first, the second with the second.
    var pairs: [(NodeName, NodeName)] {
        let ends = self.texts.map { NameRange($0)?.nodes ?? [] }
        if ends[0].count == ends[1].count { return Array(zip(ends[0], ends[1])) }
        return ends[0].flatMap { one in ends[1].map { (one, $0) } }
    }

    /// What is wrong with the ends; `nil` if nothing is.
    var problem: Scalar.Problem? {
        let ranges = self.texts.map { NameRange($0) }
        for (text, range) in zip(self.texts, ranges) where range == nil {
            return NameRange.problem(with: text, subject: "a node")
        }
        let counts = ranges.map { $0?.names.count ?? 0 }
        guard ranges.allSatisfy({ $0?.isRange ?? false }), counts[0] != counts[1] else {
            return nil
        }
        return Scalar.Problem(
            kind: .invalidLink,
            message: "`\(self.texts[0])` are \(counts[0]) nodes and `\(self.texts[1])` are "
                + "\(counts[1]).",
            hint: "Two ranges are linked one by one, so they have the same length."
        )
    }
}
