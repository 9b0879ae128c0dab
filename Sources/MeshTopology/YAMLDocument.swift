import MeshModel
import Yams

/// A piece of a YAML document with the place where it begins.
///
/// Scalars are text: YAML 1.1 would read `22:00` as a number and `no` as false.
struct Element {
    enum Content {
        case text(String)
        case list([Element])
        case table([Field])
    }

    let content: Content
    let at: Place

    /// Whether nothing was written here, as in `relay:` at the end of a line.
    var isEmpty: Bool {
        if case .text(let text) = self.content { text.isEmpty } else { false }
    }
}

/// A key with its value.
struct Field {
    let key: String
    let at: Place
    let value: Element
}

/// Reads YAML into elements, telling every duplicate key rather than the first.
struct YAMLDocument {
    /// How deep tables and lists may lie in one another.
    static let depthMax = 16
    /// How many duplicate keys one reading tells.
    private static let duplicatesMax = 32

    private let file: Int
    private var findings: FindingList
    private var source: SourceText
    private var isWhole = true
    /// First characters of keys that ``disarm(_:_:)`` hid from the parser.
    private var hidden: [Place: Unicode.Scalar] = [:]

    /// Reads the one document in a file of `findings`; `nil` if it cannot be read.
    ///
    /// An empty file is an empty table. `isWhole` is false if parts had to be left out.
    static func read(
        _ file: Int,
        in findings: inout FindingList
    ) -> (root: Element, isWhole: Bool)? {
        var document = Self(file: file, findings: findings, source: findings.source(of: file))
        let root = document.read()
        findings = document.findings
        return root.map { ($0, document.isWhole) }
    }

    private init(file: Int, findings: FindingList, source: SourceText) {
        self.file = file
        self.findings = findings
        self.source = source
    }

    private func place(_ mark: Mark) -> Place {
        Place(file: self.file, line: mark.line, column: mark.column)
    }

    private mutating func read() -> Element? {
        var text = self.source.text
        for _ in 0...Self.duplicatesMax {
            do {
                let parser = try Parser(
                    yaml: text,
                    resolver: .basic,
                    constructor: .default,
                    encoding: .utf8
                )
                // Nodes refer to their anchors weakly; only the parser keeps these alive.
                return try withExtendedLifetime(parser) {
                    guard let root = try parser.singleRoot() else {
                        return Element(content: .table([]), at: .start(of: self.file))
                    }
                    return self.element(root, depth: 0)
                }
            } catch let error as YamlError {
                guard case .duplicatedKeysInMapping(_, let context) = error else {
                    self.report(error)
                    return nil
                }
                guard self.disarm(self.place(context.mark)) else {
                    self.findings.error(
                        .duplicateKey,
                        at: self.place(context.mark),
                        "This key is there twice."
                    )
                    return nil
                }
                text = self.source.text
            } catch {
                self.findings.error(
                    .yamlSyntax,
                    at: .start(of: self.file),
                    "This is not YAML: \(error)."
                )
                return nil
            }
        }
        self.findings.error(
            .duplicateKey,
            at: .start(of: self.file),
            "More keys are there twice than can be told."
        )
        return nil
    }

    /// Makes a duplicate key unique, so that the parser reads on.
    ///
    /// Yams gives up at the first. A character of the Private Use Area in the place of the key's
    /// first keeps every place in the file as it is; ``key(_:at:)`` puts the old one back, and the
    /// reader of the table then sees all duplicates.
    private mutating func disarm(_ place: Place) -> Bool {
        guard var index = self.source.index(of: place) else { return false }
        if ["\"", "'"].contains(self.source.scalars[index]) { index += 1 }
        guard index < self.source.scalars.count, self.hidden[place] == nil else { return false }
        let scalar = self.source.scalars[index]
        guard scalar.properties.isAlphabetic || scalar.properties.numericType != nil,
            let stand = Unicode.Scalar(0xE000 + UInt32(self.hidden.count))
        else { return false }
        self.hidden[place] = scalar
        self.source.replace(at: index, with: stand)
        return true
    }

    private func key(_ text: String, at place: Place) -> String {
        guard let first = self.hidden[place] else { return text }
        var scalars = String.UnicodeScalarView([first])
        scalars.append(contentsOf: text.unicodeScalars.dropFirst())
        return String(scalars)
    }

    private mutating func element(_ node: Node, depth: Int) -> Element? {
        let place = node.mark.map { self.place($0) } ?? .start(of: self.file)
        guard node.anchor == nil else {
            self.isWhole = false
            self.findings.error(
                .wrongShape,
                at: place,
                "Anchors and aliases are not read here.",
                hint: "Write the value out where it is needed."
            )
            return nil
        }
        guard depth < Self.depthMax else {
            self.isWhole = false
            self.findings.error(.wrongShape, at: place, "This lies too deep.")
            return nil
        }
        switch node {
        case .scalar(let scalar):
            // `keepalive: off` is how the language says it.
            if scalar.string != "off" { self.warnOfTrap(scalar, at: place) }
            return Element(content: .text(scalar.string), at: place)
        case .sequence(let sequence):
            let elements = sequence.compactMap { self.element($0, depth: depth + 1) }
            return Element(content: .list(elements), at: place)
        case .mapping(let mapping):
            let fields = mapping.compactMap { self.field($0.key, $0.value, depth: depth + 1) }
            return Element(content: .table(fields), at: place)
        case .alias:
            return nil
        }
    }

    private mutating func field(_ key: Node, _ value: Node, depth: Int) -> Field? {
        let place = key.mark.map { self.place($0) } ?? .start(of: self.file)
        guard case .scalar(let scalar) = key else {
            self.isWhole = false
            self.findings.error(.wrongShape, at: place, "A key must be a word.")
            return nil
        }
        self.warnOfTrap(scalar, at: place)
        guard let value = self.element(value, depth: depth) else { return nil }
        return Field(key: self.key(scalar.string, at: place), at: place, value: value)
    }

    private mutating func report(_ error: YamlError) {
        switch error {
        case .scanner(let context, let problem, let mark, _),
            .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let place = self.place(mark)
            if let trap = YAMLTrap(at: place, problem, in: self.source) {
                self.findings.error(.yamlSyntax, at: trap.at, trap.message, hint: trap.hint)
                return
            }
            if let context, context.text.contains("quoted scalar"),
                problem.contains("end of stream")
            {
                self.findings.error(
                    .yamlSyntax,
                    at: self.place(context.mark),
                    "This quote does not end.",
                    hint: "Close it on the same line."
                )
                return
            }
            let whereabouts = context.map { "\($0.text) at line \($0.mark.line): " } ?? ""
            self.findings.error(
                .yamlSyntax,
                at: place,
                "This is not YAML: \(whereabouts)\(problem)."
            )
        case .reader(let problem, let offset, _, let yaml):
            let before = yaml.prefix(offset ?? 0).unicodeScalars.count
            self.findings.error(
                .yamlSyntax,
                at: self.source.place(of: before, in: self.file),
                "This is not YAML: \(problem)."
            )
        default:
            self.findings.error(
                .yamlSyntax,
                at: .start(of: self.file),
                "This is not YAML: \(error)."
            )
        }
    }

    /// Warns of a plain text that other readers of YAML take for something else.
    private mutating func warnOfTrap(_ scalar: Node.Scalar, at place: Place) {
        guard scalar.style == .plain, let meaning = YAMLTrap.otherMeaning(of: scalar.string) else {
            return
        }
        self.findings.warning(
            .yamlTrap,
            at: place,
            "`\(scalar.string)` is text here; other readers of YAML take it for \(meaning).",
            hint: "Put it in quotes: `\"\(scalar.string)\"`."
        )
    }
}
