import MeshModel

/// How one value is written: what it can be, and what is said of one that it cannot be.
package struct Scalar: Sendable {
    /// What the reference calls it: `size`, `duration`.
    package let name: String
    /// Units that can follow the number, or the words that can stand here.
    package let units: String
    /// What a JSON Schema knows of it.
    package let schema: Schema
    /// What is wrong with a text; `nil` if it can stand here.
    let problem: @Sendable (String) -> Problem?

    /// The part of the rule that an editor can check.
    package enum Schema: Hashable, Sendable {
        /// Text that matches an ECMA regular expression.
        case pattern(String)
        /// Text of any kind.
        case text
        /// One of some words.
        case words([String])
        /// A whole number.
        case integer(ClosedRange<Int64>)
        /// A number.
        case number
        /// `true` or `false`.
        case bool
    }

    /// What is wrong with a text.
    struct Problem: Hashable, Sendable {
        var kind: Finding.Code.Kind
        var message: String
        var hint: String?
    }
}

extension Scalar {
    /// A value that some initialiser reads.
    private static func read(
        _ name: String,
        units: String = "",
        pattern: String,
        _ kind: Finding.Code.Kind = .invalidValue,
        wrong: String,
        hint: String,
        _ isValid: @escaping @Sendable (String) -> Bool
    ) -> Self {
        Self(name: name, units: units, schema: .pattern("^\(pattern)$")) { text in
            isValid(text)
                ? nil : Problem(kind: kind, message: "`\(text)` \(wrong).", hint: hint)
        }
    }

    // MARK: Names

    private static let wordPattern = "[a-z0-9][a-z0-9._-]{0,62}"

    /// The name of something.
    package static func word(_ subject: String) -> Self {
        Self(name: "name", units: "", schema: .pattern("^\(Self.wordPattern)$")) { text in
            WordRule.allows(text) ? nil : NameRange.problem(with: text, subject: subject)
        }
    }

    /// The name of a node, or of several by ranges.
    package static let nodeRange = Self(
        name: "names of nodes",
        units: "",
        schema: .pattern("^[a-z0-9{][a-z0-9._{}-]*$")
    ) { text in
        NameRange(text) == nil ? NameRange.problem(with: text, subject: "a node") : nil
    }

    /// `NODE -> NODE`.
    static let dial = Self.ends("->", hint: "Write `NODE -> NODE`; the arrow says who dials.")
    /// `NODE .. NODE`.
    static let carry = Self.ends(
        " .. ",
        hint: "Write `NODE .. NODE`; a courier goes both ways."
    )

    private static func ends(_ mark: String, hint: String) -> Self {
        let name = "`NODE \(mark.trimmed) NODE`"
        let pattern = "^[^ ]+ ?\(mark == "->" ? "->" : " ?\\.\\. ") ?[^ ]+$"
        return Self(name: name, units: "", schema: .pattern(pattern)) { text in
            guard let ends = LinkEnds(text, mark: mark) else {
                return Problem(kind: .invalidLink, message: "`\(text)` is no link.", hint: hint)
            }
            return ends.problem
        }
    }

    // MARK: Places

    /// A directory: absolute, or relative to the home of the node.
    static func path(_ subject: String) -> Self {
        Self(name: "path", units: "", schema: .text) { text in
            DeclaredPath.problem(with: text).map { problem in
                Problem(
                    kind: .invalidPath,
                    message: "`\(text)` cannot be the path of \(subject): \(problem).",
                    hint: "Write an absolute path, or one relative to the home of the node."
                )
            }
        }
    }

    /// Another file of the topology.
    static let file = Self(name: "file", units: "", schema: .text) { text in
        text.unicodeScalars.contains { $0.properties.generalCategory == .control }
            ? Problem(kind: .invalidPath, message: "`\(text)` is no name of a file.", hint: nil)
            : nil
    }

    /// Host and port; `{node}` stands for the name of the node.
    static let endpoint = Self.read(
        "`HOST:PORT`",
        pattern: ".+:[0-9]+",
        .invalidEndpoint,
        wrong: "is no address to listen on",
        hint: "Write host and port, such as `dmz.example.org:7443`."
    ) { Endpoint($0.replacing("{node}", with: "n")) != nil }

    /// Somewhere else.
    static func address(_ schemes: [String]) -> Self {
        let all = schemes.map { "`\($0)://`" }.joined(separator: ", ")
        return Self.read(
            "URL",
            units: schemes.map { "`\($0)://`" }.joined(separator: " "),
            pattern: "(\(schemes.joined(separator: "|")))://.+",
            wrong: "is no address that can be used here",
            hint: "It begins with \(all)."
        ) { text in
            schemes.contains { text.hasPrefix("\($0)://") && text.count > $0.count + 3 }
                && !text.contains(where: \.isWhitespace)
        }
    }

    /// A pattern of paths.
    static let pattern = Self.read(
        "pattern",
        pattern: "[^/].*",
        wrong: "is no pattern of paths beneath the source",
        hint: "Write one such as `\"*.wav\"` or `\"2026/**\"`, in quotes."
    ) { !$0.hasPrefix("/") && !$0.split(separator: "/").contains("..") }
}

extension String {
    /// Without spaces at its ends.
    var trimmed: String {
        String(self.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}
