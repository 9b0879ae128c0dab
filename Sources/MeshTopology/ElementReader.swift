import MeshModel

/// The keys that a table may have.
struct KnownKeys {
    /// What the table describes, for messages: `a node`.
    let subject: String
    /// Keys that are honoured.
    let honoured: [String]
    /// Keys that a later version will honour; saying so beats calling them unknown.
    var later: [String] = []
}

/// Reads elements into values and says of each that does not fit why.
struct ElementReader {
    var findings: FindingList

    /// The fields of a table whose keys are fixed, by key.
    ///
    /// Of a duplicate key the first counts. `nil` if it is no table; nothing at all is one
    /// without fields.
    mutating func table(_ element: Element, _ keys: KnownKeys) -> [String: Field]? {
        guard let fields = self.fields(element, of: keys.subject) else { return nil }
        var known: [String: Field] = [:]
        for field in fields {
            if keys.honoured.contains(field.key) {
                known[field.key] = field
            } else if keys.later.contains(field.key) {
                self.notYetSupported("`\(field.key)`", at: field.at)
            } else {
                let near = Suggestion.nearest(to: field.key, among: keys.honoured + keys.later)
                let all = keys.honoured.map { "`\($0)`" }.joined(separator: ", ")
                self.findings.error(
                    .unknownKey,
                    at: field.at,
                    "\(keys.subject.capitalizedFirst) has no key `\(field.key)`.",
                    hint: near.map { "Did you mean `\($0)`?" } ?? "Its keys are \(all)."
                )
            }
        }
        return known
    }

    /// The fields of a table, without those that repeat a key.
    mutating func fields(
        _ element: Element,
        of subject: String,
        duplicates: Finding.Code.Kind = .duplicateKey
    ) -> [Field]? {
        if element.isEmpty { return [] }
        guard case .table(let fields) = element.content else {
            self.wrongShape(
                element,
                "\(subject.capitalizedFirst) is a table, written as `KEY: VALUE`."
            )
            return nil
        }
        var first: [String: Place] = [:]
        return fields.filter { field in
            guard let earlier = first[field.key] else {
                first[field.key] = field.at
                return true
            }
            self.findings.error(
                duplicates,
                at: field.at,
                "`\(field.key)` is there twice.",
                hint: "It is at line \(earlier.line), column \(earlier.column) already."
            )
            return false
        }
    }

    /// One word or phrase; `nil` for tables, lists and nothing.
    mutating func text(_ element: Element, of subject: String) -> String? {
        guard case .text(let text) = element.content else {
            self.wrongShape(
                element,
                "\(subject.capitalizedFirst) is one value, not a table or list."
            )
            return nil
        }
        guard !text.isEmpty else {
            self.wrongShape(element, "\(subject.capitalizedFirst) is missing.")
            return nil
        }
        return text
    }

    /// A word that names something.
    mutating func name<Name: MeshWord>(
        _ text: String,
        at place: Place,
        of subject: String,
        as type: Name.Type = Name.self
    ) -> Name? {
        if let name = Name(text) { return name }
        if text.contains("{"), text.contains("}") {
            self.notYetSupported("A range of names such as `\(text)`", at: place)
            return nil
        }
        let lower = text.lowercased()
        self.findings.error(
            .invalidName,
            at: place,
            "`\(text)` cannot be the name of \(subject).",
            hint: "A name has 1 to 63 of a-z, 0-9, `-`, `_`, `.` and begins with a letter or digit."
                + (Name(lower) == nil ? "" : " Write `\(lower)`.")
        )
        return nil
    }

    /// A directory: absolute, or relative to the home of the node.
    mutating func path(_ element: Element, of subject: String) -> String? {
        guard let text = self.text(element, of: subject) else { return nil }
        guard let problem = DeclaredPath.problem(with: text) else { return text }
        self.findings.error(
            .invalidPath,
            at: element.at,
            "`\(text)` cannot be the path of \(subject): \(problem).",
            hint: "Write an absolute path, or one relative to the home of the node."
        )
        return nil
    }

    /// A number of bytes with its unit.
    mutating func size(_ element: Element, of subject: String, min: ByteCount) -> ByteCount? {
        guard let text = self.text(element, of: subject) else { return nil }
        guard let size = ByteCount(declared: text) else {
            self.findings.error(
                .invalidSize,
                at: element.at,
                "`\(text)` is no size.",
                hint: "Write a number and a unit: KiB, MiB, GiB, TiB, or KB, MB, GB, TB."
            )
            return nil
        }
        guard size >= min else {
            self.findings.error(
                .invalidSize,
                at: element.at,
                "\(size.declared) is too little for \(subject).",
                hint: "It needs at least \(min.declared)."
            )
            return nil
        }
        return size
    }

    /// A size, or a part of the spool.
    mutating func share(_ element: Element, of subject: String) -> DeclaredShare? {
        self.value(
            element,
            of: subject,
            .invalidSize,
            "is neither a size nor a part of the spool",
            hint: "Write a size such as `2 GiB`, or a whole percentage such as `25 %`."
        ) { DeclaredShare(declared: $0) }
    }

    /// The speed of a line.
    mutating func speed(_ element: Element) -> LineSpeed? {
        self.value(
            element,
            of: "`speed`",
            .invalidValue,
            "is no speed",
            hint: "Write a number and a unit, such as `33.6 kbit/s` or `100 Mbit/s`."
        ) { LineSpeed(declared: $0) }
    }

    /// How a silent call is kept alive.
    mutating func keepalive(_ element: Element) -> Keepalive? {
        self.value(
            element,
            of: "`keepalive`",
            .invalidValue,
            "is no time between signs of life",
            hint: "Write a time from `5 s` to `1 d`, or `off`."
        ) { Keepalive(declared: $0) }
    }

    /// What a way over a link costs.
    mutating func prefer(_ element: Element) -> UInt32? {
        self.value(
            element,
            of: "`prefer`",
            .invalidValue,
            "is no preference",
            hint:
                "Write a number from 1 to 10000: ways with the least sum come first, 100 is usual."
        ) { text in
            DeclaredUnits.digits(text[...], countMax: 5)
                .flatMap { (1...10_000).contains($0) ? UInt32($0) : nil }
        }
    }

    /// When a file counts as complete.
    mutating func doneWhen(_ element: Element) -> DoneWhen? {
        self.value(
            element,
            of: "`done-when`",
            .invalidValue,
            "does not say when a file is complete",
            hint: "Write `renamed`, `sent`, `marker SUFFIX` or `quiet DURATION`, such as "
                + "`marker .done` or `quiet 30 s`."
        ) { DoneWhen($0) }
    }

    /// The number of a cut profile.
    mutating func profile(_ element: Element) -> UInt32? {
        self.value(
            element,
            of: "`profile`",
            .invalidValue,
            "is no profile",
            hint: "It can be `1`, the usual one, or `2`, for lines slower than 1 Mbit/s."
        ) { ["1": 1, "2": 2][$0] }
    }

    private mutating func value<Value>(
        _ element: Element,
        of subject: String,
        _ kind: Finding.Code.Kind,
        _ problem: String,
        hint: String,
        read: (String) -> Value?
    ) -> Value? {
        guard let text = self.text(element, of: subject) else { return nil }
        if let value = read(text) { return value }
        self.findings.error(kind, at: element.at, "`\(text)` \(problem).", hint: hint)
        return nil
    }

    /// One of the words of an enumeration; `later` are words that a later version will know.
    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ field: Field,
        later: [String],
        as type: Choice.Type = Choice.self
    ) -> Choice? {
        guard let text = self.text(field.value, of: "`\(field.key)`") else { return nil }
        if let choice = Choice(rawValue: text) { return choice }
        let word = text.split(separator: " ").first.map(String.init) ?? text
        if later.contains(word) {
            self.notYetSupported("`\(field.key): \(text)`", at: field.value.at)
            return nil
        }
        let words = Choice.allCases.map(\.rawValue)
        let near = Suggestion.nearest(to: text, among: words + later)
        let all = words.map { "`\($0)`" }.joined(separator: ", ")
        self.findings.error(
            .invalidValue,
            at: field.value.at,
            "`\(field.key)` cannot be `\(text)`.",
            hint: near.map { "Did you mean `\($0)`?" } ?? "It can be \(all)."
        )
        return nil
    }

    mutating func notYetSupported(_ what: String, at place: Place) {
        self.findings.error(
            .notYetSupported,
            at: place,
            "\(what) is not supported by this version yet.",
            hint: "Leave it out, or use a version that honours it."
        )
    }

    mutating func wrongShape(_ element: Element, _ message: String, hint: String? = nil) {
        self.findings.error(.wrongShape, at: element.at, message, hint: hint)
    }
}

extension String {
    /// The same text as the beginning of a sentence.
    fileprivate var capitalizedFirst: String {
        self.prefix(1).uppercased() + self.dropFirst()
    }
}
