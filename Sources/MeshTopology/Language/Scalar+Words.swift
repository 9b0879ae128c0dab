/// A word that can stand somewhere, and whether this version honours it.
struct ChoiceWord: Sendable {
    let word: String
    let support: Support

    /// One that this version honours.
    static func works(_ word: String) -> Self { Self(word: word, support: .works) }
    /// One that a later version will honour.
    static func later(_ word: String) -> Self { Self(word: word, support: .later) }
}

extension Scalar {
    /// One of some words.
    static func choice(_ key: String, _ words: [ChoiceWord]) -> Self {
        let names = words.map(\.word)
        let works = words.filter { $0.support == .works }.map(\.word)
        return Self(
            name: names.map { "`\($0)`" }.joined(separator: ", "),
            units: "",
            schema: .words(names)
        ) { text in
            if works.contains(text) { return nil }
            if names.contains(text) { return .notYetSupported("`\(key): \(text)`") }
            let near = Suggestion.nearest(to: text, among: names)
            let all = works.isEmpty ? names : works
            return Problem(
                kind: .invalidValue,
                message: "`\(key)` cannot be `\(text)`.",
                hint: near.map { "Did you mean `\($0)`?" }
                    ?? "It can be \(all.map { "`\($0)`" }.joined(separator: ", "))."
            )
        }
    }

    /// `true` or `false`.
    static let bool = Self(name: "`true` or `false`", units: "", schema: .bool) { text in
        if ["true", "false"].contains(text) { return nil }
        let meant = ["yes": "true", "on": "true", "no": "false", "off": "false"][text.lowercased()]
        return Problem(
            kind: .invalidValue,
            message: "`\(text)` is neither `true` nor `false`.",
            hint: meant.map { "Write `\($0)`: only some readers of YAML take `\(text)` for it." }
        )
    }

    /// When a file counts as complete.
    static let doneWhen = Self(
        name: "`renamed`, `sent`, `marker SUFFIX`, `quiet DURATION`",
        units: "`s` `min` `h` `d`",
        schema: .pattern("^(renamed|sent|marker [^/ ]+|quiet .+)$")
    ) { text in
        guard DoneWhen(text) == nil else { return nil }
        let word = text.split(separator: " ").first.map(String.init) ?? ""
        let near = Suggestion.nearest(to: word, among: ["renamed", "sent", "marker", "quiet"])
        return Problem(
            kind: .invalidValue,
            message: "`\(text)` does not say when a file is complete.",
            hint: "Write `renamed`, `sent`, `marker SUFFIX` or `quiet DURATION`, such as "
                + (near == "quiet" ? "`quiet 30 s`." : "`marker .done` or `quiet 30 s`.")
        )
    }

    /// What becomes of a source's file.
    static let then = Self(
        name: "`keep`, `delete`, `move DIR`",
        units: "",
        schema: .pattern("^(keep|delete|move .+)$")
    ) { text in
        if text == "keep" { return nil }
        if text == "delete" { return .notYetSupported("`then: delete`") }
        if text.hasPrefix("move ") {
            let directory = String(text.dropFirst(5)).trimmed
            return DeclaredPath.problem(with: directory).map {
                Problem(
                    kind: .invalidPath,
                    message: "Files cannot be moved to `\(directory)`: \($0).",
                    hint: "Write an absolute path, or one relative to the home of the node."
                )
            } ?? .notYetSupported("`then: \(text)`")
        }
        let near = Suggestion.nearest(to: text, among: ["keep", "delete", "move"])
        return Problem(
            kind: .invalidValue,
            message: "`then` cannot be `\(text)`.",
            hint: near.map { "Did you mean `\($0)`?" } ?? "It can be `keep`, `delete`, `move DIR`."
        )
    }

    /// `user:group`.
    static let owner = Self(
        name: "`USER:GROUP`",
        units: "",
        schema: .pattern("^[^:\\s]+(:[^:\\s]+)?$")
    ) { text in
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isOwner =
            (1...2).contains(parts.count)
            && parts.allSatisfy { !$0.isEmpty && !$0.contains(where: \.isWhitespace) }
        return isOwner
            ? nil
            : Problem(
                kind: .invalidValue,
                message: "`\(text)` is no owner.",
                hint: "Write `USER` or `USER:GROUP`."
            )
    }

    /// The permission bits of a file.
    static let mode = Self(
        name: "permission bits",
        units: "octal",
        schema: .pattern("^0?[0-7]{3}$")
    ) { text in
        let digits = text.hasPrefix("0") && text.count == 4 ? String(text.dropFirst()) : text
        let isMode = digits.count == 3 && digits.allSatisfy { ("0"..."7").contains($0) }
        return isMode
            ? nil
            : Problem(
                kind: .invalidValue,
                message: "`\(text)` are no permission bits.",
                hint: "Write three octal digits in quotes, such as `\"0640\"`."
            )
    }

    /// When a line is open.
    static let window = Self(
        name: "`[DAYS] HH:MM-HH:MM [ZONE]`",
        units: "local time of the zone; UTC without one",
        schema: .text
    ) { text in
        do throws(OpenWindow.Invalid) {
            _ = try OpenWindow(text)
            return nil
        } catch {
            return Problem(kind: .invalidValue, message: error.message, hint: error.hint)
        }
    }
}

extension Scalar.Problem {
    static func notYetSupported(_ what: String) -> Self {
        Self(
            kind: .notYetSupported,
            message: "\(what) is not supported by this version yet.",
            hint: "Leave it out, or use a version that honours it."
        )
    }
}
