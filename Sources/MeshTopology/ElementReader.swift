import MeshModel

/// The fields of a table whose keys are fixed.
struct Fields {
    private let fields: [String: Field]
    /// The keys that are there, with values that can be read or not.
    private let names: Set<String>

    init(_ fields: [String: Field], names: Set<String>) {
        self.fields = fields
        self.names = names
    }

    /// The field of a key, if its value can be read.
    subscript(_ key: String) -> Field? { self.fields[key] }

    /// Whether the key is there, even if its value cannot be read.
    func has(_ key: String) -> Bool { self.names.contains(key) }

    /// The text of a key whose value is one.
    func text(_ key: String) -> String? {
        if case .text(let text) = self.fields[key]?.value.content { text } else { nil }
    }

    /// The texts of a key whose value is a list of them, or one.
    func texts(_ key: String) -> [String] {
        switch self.fields[key]?.value.content {
        case .text(let text): text.isEmpty ? [] : [text]
        case .list(let elements):
            elements.compactMap { if case .text(let text) = $0.content { text } else { nil } }
        default: []
        }
    }

    /// The text of a key with its place.
    func placed(_ key: String) -> TopologyDraft.Placed<String>? { self.placed(key) { $0 } }

    /// The value of a key with its place.
    func placed<Value>(
        _ key: String,
        _ read: (String) -> Value?
    ) -> TopologyDraft.Placed<Value>? {
        guard let field = self.fields[key], let value = self.text(key).flatMap(read) else {
            return nil
        }
        return .init(value: value, at: field.value.at)
    }
}

/// Reads elements by the rules of the language and says of each that does not fit why.
struct ElementReader {
    var findings: FindingList

    // MARK: Tables

    /// The fields of a table whose keys are fixed.
    ///
    /// What is not honoured yet is checked, told, and among the fields none the less. A value that
    /// is wrong is told and left out; composite values that are honoured are not looked into.
    /// `nil` if it is no table; nothing at all is one without fields.
    mutating func table(_ element: Element, _ table: LanguageTable) -> Fields? {
        guard let fields = self.fields(element, of: table.subject) else { return nil }
        return self.table(fields, table, at: element.at)
    }

    /// The same for fields that were gathered already; `place` is where the table begins.
    mutating func table(
        _ fields: [Field],
        _ table: LanguageTable,
        at place: Place,
        isLater: Bool = false
    ) -> Fields {
        let keys = table.keys
        var known: [String: Field] = [:]
        for field in fields {
            guard let key = keys.first(where: { $0.name == field.key }) else {
                self.unknown(field, table.subject, keys)
                continue
            }
            if self.fits(field.value, key.form, "`\(key.name)`", key.support) {
                known[field.key] = field
            }
            if key.support == .later, !isLater {
                self.notYetSupported("`\(key.name)`", at: field.at)
            }
        }
        let names = Set(fields.map(\.key))
        for key in keys
        where key.usual == "required" && table != .topology && !names.contains(key.name) {
            self.findings.error(
                .missingKey,
                at: place,
                "\(table.subject.capitalizedFirst) needs `\(key.name)`.",
                hint: "Write `\(key.name): \(key.example)`, for example."
            )
        }
        return Fields(known, names: names)
    }

    private mutating func unknown(_ field: Field, _ subject: String, _ keys: [LanguageKey]) {
        let near = Suggestion.nearest(to: field.key, among: keys.map(\.name))
        let owners = LanguageTable.topologies.filter { $0.keys.contains { $0.name == field.key } }
        let place =
            owners.isEmpty || subject == LanguageTable.site.subject
            ? nil
            : "`\(field.key)` is a key of \(owners.map(\.subject).joined(separator: " and of "))."
        let works = keys.filter { $0.support == .works }.map { "`\($0.name)`" }
        let all = (works.isEmpty ? keys.map { "`\($0.name)`" } : works).joined(separator: ", ")
        self.findings.error(
            .unknownKey,
            at: field.at,
            "\(subject.capitalizedFirst) has no key `\(field.key)`.",
            hint: place ?? near.map { "Did you mean `\($0)`?" } ?? "Its keys are \(all)."
        )
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
            self.twice(field, earlier, duplicates)
            return false
        }
    }

    /// Says that a key is there already.
    mutating func twice(_ field: Field, _ earlier: Place, _ kind: Finding.Code.Kind) {
        let place = self.findings.whereabouts(of: earlier, from: field.at)
        self.findings.error(
            kind,
            at: field.at,
            "`\(field.key)` is there twice.",
            hint: "It is \(place) already."
        )
    }

    // MARK: Values

    /// Whether a value has the form of its key; says why it does not.
    private mutating func fits(
        _ element: Element,
        _ form: Form,
        _ subject: String,
        _ support: Support
    ) -> Bool {
        switch form {
        case .scalar(let scalar):
            return self.text(element, of: subject, scalar) != nil
        case .scalars(let scalar):
            guard case .list(let elements) = element.content else {
                return self.text(element, of: subject, scalar) != nil
            }
            let texts = elements.map { self.text($0, of: "a part of \(subject)", scalar) }
            return texts.allSatisfy { $0 != nil }
        case .list(.scalar(let scalar)):
            guard case .list(let elements) = element.content else {
                if element.isEmpty { return true }
                self.wrongShape(
                    element,
                    "\(subject) is a list.",
                    hint: "Write a line such as `- /data`."
                )
                return false
            }
            let texts = elements.map { self.text($0, of: "a part of \(subject)", scalar) }
            return texts.allSatisfy { $0 != nil }
        case .either(let scalar, let long):
            if case .text = element.content {
                return self.text(element, of: subject, scalar) != nil
            }
            return self.fits(element, long, subject, support)
        case .table, .named, .list:
            // What is honoured is read by those who use it.
            guard support == .later else { return true }
            return self.fitsLater(element, form, subject)
        }
    }

    /// Looks into a composite value that is not honoured yet.
    private mutating func fitsLater(_ element: Element, _ form: Form, _ subject: String) -> Bool {
        switch form {
        case .table(let table):
            guard let fields = self.fields(element, of: subject) else { return false }
            // That it is not honoured was said of the whole.
            _ = self.table(fields, table, at: element.at, isLater: true)
            return true
        case .named(let word, let form):
            guard let fields = self.fields(element, of: subject) else { return false }
            for field in fields {
                _ = self.word(field.key, at: field.at, .word(word))
                _ = self.fits(field.value, form, "`\(field.key)`", .later)
            }
            return true
        default: return true
        }
    }

    /// One value that is written as it should be; `nil` for others, tables, lists and nothing.
    mutating func text(_ element: Element, of subject: String, _ scalar: Scalar) -> String? {
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
        return self.word(text, at: element.at, scalar)
    }

    /// A text that is written as it should be.
    mutating func word(_ text: String, at place: Place, _ scalar: Scalar) -> String? {
        guard let problem = scalar.problem(text) else { return text }
        self.findings.error(problem.kind, at: place, problem.message, hint: problem.hint)
        return nil
    }

    mutating func notYetSupported(_ what: String, at place: Place) {
        let problem = Scalar.Problem.notYetSupported(what)
        self.findings.error(problem.kind, at: place, problem.message, hint: problem.hint)
    }

    mutating func wrongShape(_ element: Element, _ message: String, hint: String? = nil) {
        self.findings.error(.wrongShape, at: element.at, message, hint: hint)
    }
}

extension String {
    /// The same text as the beginning of a sentence.
    var capitalizedFirst: String { self.prefix(1).uppercased() + self.dropFirst() }
}
