import ArgumentParser
import MeshNode
import MeshTopology

/// `tributary explain`: what a code means.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what a code means, how it comes about and what to do.",
        discussion: """
            Codes stand in brackets behind messages, in tables and in JSON, and are stable. A code \
            that is met in several places has a meaning in each. Without a code, all are listed. \
            No daemon is needed.

            Examples:
              tributary explain not_reachable
              tributary explain --json backing-off
            """
    )

    @OptionGroup var output: OutputOptions

    @Argument(help: "The code, such as `no_route`.")
    var code: String?

    func run() throws {
        guard let code = self.code else {
            return try self.output.write(.array(CodeText.all.map(\.json))) { CodeText.list }
        }
        let texts = CodeText.found(code)
        guard !texts.isEmpty else {
            let near = Suggestion.nearest(to: code, among: Set(CodeText.all.map(\.code)).sorted())
            throw CommandFailure(
                code: "not_found",
                message: "There is no code `\(code)`.",
                hint: near.map { "Did you mean `\($0)`?" } ?? "`tributary explain` lists all."
            )
        }
        try self.output.write(.array(texts.map(\.json))) {
            texts.map(\.text).joined(separator: "\n\n")
        }
    }
}

extension CodeText {
    /// The texts of what a person typed: brackets around it and words behind it may be left on.
    static func found(_ typed: String) -> [Self] {
        let codes = typed.split { !($0.isLetter || $0.isNumber || $0 == "_" || $0 == "-") }
            .map(String.init)
        let exact = codes.lazy.map(Self.of).first { !$0.isEmpty } ?? []
        // What the node behind said is told with this in front.
        let prefix = "next_hop_"
        guard exact.isEmpty, let code = codes.first, code.hasPrefix(prefix) else { return exact }
        return Self.of(String(code.dropFirst(prefix.count))).filter { $0.area == .reason }
    }

    /// For people: a paragraph.
    var text: String {
        var lines = ["\(self.code) (\(self.area.title.lowercasedFirst))", "  \(self.meaning)"]
        if !self.cause.isEmpty { lines.append("  Why: \(self.cause)") }
        if !self.advice.isEmpty { lines.append("  Do:  \(self.advice)") }
        if let status = self.status {
            lines.append("  Commands end with \(status.rawValue): \(status.meaning).")
        }
        return lines.joined(separator: "\n")
    }

    /// How a command ends that says so.
    var status: CommandStatus? { self.area == .command ? CommandStatus(code: self.code) : nil }

    /// For scripts.
    var json: JSONValue {
        func text(_ text: String) -> JSONValue { text.isEmpty ? .null : .string(text) }
        return [
            "code": .string(self.code), "area": .string(self.area.rawValue),
            "meaning": .string(self.meaning), "cause": text(self.cause),
            "advice": text(self.advice),
            "exit": self.status.map { .integer(Int64($0.rawValue)) } ?? .null,
        ]
    }

    /// All codes, a table for each area.
    static var list: String {
        let tables = Area.allCases.map { area in
            var table = TextTable("CODE", "MEANING")
            for text in Self.all where text.area == area { table.add(text.code, text.meaning) }
            return "\(area.title)\n\(table.text(indent: 2))"
        }
        return tables.joined(separator: "\n\n")
    }
}

extension String {
    fileprivate var lowercasedFirst: String { self.prefix(1).lowercased() + self.dropFirst() }
}
