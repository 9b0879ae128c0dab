/// A place in a file that a person wrote: line and column, both counted from 1.
struct Place: Hashable, Comparable, Sendable {
    /// Which of the files of a ``FindingList``; the first has the number 0.
    var file = 0
    var line: Int
    var column: Int

    static let start = Self.start(of: 0)

    static func start(of file: Int) -> Self { Self(file: file, line: 1, column: 1) }

    static func < (left: Self, right: Self) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}

/// A text by line, counted as libyaml counts: scalars, and every line break that YAML 1.1 knows.
struct SourceText: Sendable {
    private(set) var scalars: [Unicode.Scalar]
    private let starts: [Int]

    init(_ text: String) {
        let scalars = Array(text.unicodeScalars)
        var starts = [0]
        for (index, scalar) in scalars.enumerated() where Self.isBreak(scalar) {
            let isHalfOfCRLF =
                scalar == "\r" && index + 1 < scalars.count && scalars[index + 1] == "\n"
            if !isHalfOfCRLF { starts.append(index + 1) }
        }
        self.scalars = scalars
        self.starts = starts
    }

    var text: String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: self.scalars)
        return String(view)
    }

    /// Where the scalar at `place` is, if the text has one there.
    func index(of place: Place) -> Int? {
        guard (1...self.starts.count).contains(place.line), place.column >= 1 else { return nil }
        let index = self.starts[place.line - 1] + place.column - 1
        return index < self.scalars.count ? index : nil
    }

    /// The place of the scalar at `index` in a file of that number.
    func place(of index: Int, in file: Int) -> Place {
        var line = self.starts.count
        while line > 1, self.starts[line - 1] > index { line -= 1 }
        return Place(file: file, line: line, column: index - self.starts[line - 1] + 1)
    }

    /// Puts another scalar in the place of one, so that every other place stays what it is.
    mutating func replace(at index: Int, with scalar: Unicode.Scalar) {
        self.scalars[index] = scalar
    }

    /// The scalars of a line, numbered from 0, without its break.
    func line(_ number: Int) -> [Unicode.Scalar] {
        guard (1...self.starts.count).contains(number) else { return [] }
        return Array(self.scalars[self.starts[number - 1]...].prefix { !Self.isBreak($0) })
    }

    /// The line of `place` and a caret below its column; `nil` where that would not help.
    func excerpt(at place: Place) -> String? {
        guard (1...self.starts.count).contains(place.line),
            place.column <= Self.excerptColumnMax
        else { return nil }
        let line = self.line(place.line).prefix(Self.excerptColumnMax)
        guard line.contains(where: { !$0.properties.isWhitespace }) else { return nil }
        var indent = String.UnicodeScalarView()
        let before = line.prefix(place.column - 1)
        indent.append(contentsOf: before.map { $0 == "\t" ? "\t" : " " })
        return "  \(Self.shown(line))\n  \(String(indent))^"
    }

    private static let excerptColumnMax = 160

    private static func isBreak(_ scalar: Unicode.Scalar) -> Bool {
        ["\r", "\n", "\u{85}", "\u{2028}", "\u{2029}"].contains(scalar)
    }

    /// Text as a finding may show it: what a file says must not steer the terminal that shows it.
    static func shown(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var shown = String.UnicodeScalarView()
        for scalar in scalars {
            let isControl = scalar.properties.generalCategory == .control && scalar != "\t"
            shown.append(isControl ? "\u{FFFD}" : scalar)
        }
        return String(shown)
    }
}

/// Collects what is wrong with a text and those that it includes, so that one reading tells all.
struct FindingList {
    private(set) var hasErrors = false
    private var files: [(name: String, source: SourceText)] = []
    private var findings: [Finding: Place] = [:]

    /// What one report holds at most; a file with more is not repaired by reading on.
    static let countMax = 1_000
    /// Warnings leave room for errors.
    static let warningsMax = 200
    /// The longest message or hint, in Unicode scalars: they quote the file.
    private static let textMax = 1_000

    /// A list of findings in no file yet.
    init() {}

    /// A list of findings in one text.
    init(file: String, text: String) { _ = self.add(file: file, text: text) }

    /// Adds a file; gives its number in places.
    mutating func add(file: String, text: String) -> Int {
        // Editors on Windows begin files with a byte order mark, which libyaml does not expect.
        let hasMark = text.unicodeScalars.first == "\u{FEFF}"
        let source = SourceText(hasMark ? String(text.unicodeScalars.dropFirst()) : text)
        self.files.append((file, source))
        return self.files.count - 1
    }

    /// The name of a file.
    func name(of file: Int) -> String { self.files[file].name }

    /// The text of a file.
    func source(of file: Int) -> SourceText { self.files[file].source }

    /// Where something else is, for a hint to somebody who looks at `place`.
    func whereabouts(of other: Place, from place: Place) -> String {
        other.file == place.file
            ? "at line \(other.line), column \(other.column)"
            : "at \(self.name(of: other.file)):\(other.line):\(other.column)"
    }

    /// The findings in the order of their places.
    ///
    /// What YAML makes of a text elsewhere is not told where the text is wrong here.
    var sorted: [Finding] {
        let wrong = Set(self.findings.lazy.filter { $0.key.severity == .error }.map(\.value))
        return self.findings.filter { $0.key.code.kind != .yamlTrap || !wrong.contains($0.value) }
            .sorted { left, right in
                left.value == right.value
                    ? (left.key.code.name, left.key.message) < (
                        right.key.code.name, right.key.message
                    )
                    : left.value < right.value
            }.map(\.key)
    }

    mutating func error(
        _ kind: Finding.Code.Kind,
        at place: Place,
        _ message: String,
        hint: String? = nil
    ) {
        self.hasErrors = true
        self.add(kind, .error, place, message, hint)
    }

    mutating func warning(
        _ kind: Finding.Code.Kind,
        at place: Place,
        _ message: String,
        hint: String? = nil
    ) {
        self.add(kind, .warning, place, message, hint)
    }

    private mutating func add(
        _ kind: Finding.Code.Kind,
        _ severity: Finding.Severity,
        _ place: Place,
        _ message: String,
        _ hint: String?
    ) {
        let max = severity == .error ? Self.countMax : Self.warningsMax
        guard self.findings.count < max else { return }
        let finding = Finding(
            code: Finding.Code(kind),
            severity: severity,
            file: self.name(of: place.file),
            line: place.line,
            column: place.column,
            message: Self.shown(message),
            hint: hint.map { Self.shown($0) },
            excerpt: self.source(of: place.file).excerpt(at: place)
        )
        self.findings[finding] = place
    }

    private static func shown(_ text: String) -> String {
        SourceText.shown(text.unicodeScalars.prefix(Self.textMax))
    }
}
