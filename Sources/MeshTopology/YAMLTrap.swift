/// What YAML makes of a text that a person meant otherwise, told in words that help.
struct YAMLTrap {
    let at: Place
    let message: String
    let hint: String

    /// The trap behind a problem that libyaml reports at a place; `nil` if it is none of those.
    init?(at place: Place, _ problem: String, in source: SourceText) {
        let line = source.line(place.line)
        let indent = line.prefix { $0 == " " || $0 == "\t" }
        if let tab = indent.firstIndex(of: "\t") {
            self.at = Place(file: place.file, line: place.line, column: tab + 1)
            self.message = "A tab cannot indent YAML."
            self.hint = "Indent with spaces."
            return
        }
        // libyaml points behind the sign that it stumbled over, or at it.
        let near = [place.column - 1, place.column - 2].first { column in
            line.indices.contains(column) && "*@`%".unicodeScalars.contains(line[column])
                && (column == 0 || " [{,".unicodeScalars.contains(line[column - 1]))
        }
        if let column = near {
            let word = line[column...].prefix { !" ,]}".unicodeScalars.contains($0) }
            let text = SourceText.shown(word)
            self.at = Place(file: place.file, line: place.line, column: column + 1)
            self.message =
                line[column] == "*"
                ? "`\(text)` is no text to YAML: `*` begins an alias."
                : "`\(text)` is no text to YAML: nothing can begin with `\(line[column])`."
            self.hint = "Put it in quotes: `\"\(text)\"`."
            return
        }
        let all = SourceText.shown(line)
        if problem.contains("mapping values are not allowed") {
            self.at = place
            self.message = "There is a `:` where no key can be."
            self.hint =
                "Put a text with `: ` in quotes; otherwise look at the indentation of this line "
                + "and the one before."
        } else if problem.contains("did not find expected"), all.contains(/\{\d+\.\.\d+\}/) {
            self.at = place
            self.message = "YAML reads the braces of a range as a table here."
            self.hint = "Between `{` and `}` or `[` and `]` put names with ranges in quotes."
        } else {
            return nil
        }
    }

    /// What readers that follow YAML 1.1 take a plain text for; `nil` if it is text to them too.
    ///
    /// Booleans, numbers to the base of 60 and octal numbers: the tag repository of YAML 1.1.
    static func otherMeaning(of text: String) -> String? {
        switch text.lowercased() {
        case "no", "off": return "`false`"
        case "yes", "on": return "`true`"
        default: break
        }
        let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(digits.contains) }),
            text.utf8.count <= 15
        else { return nil }
        if parts.count > 1, !text.hasPrefix("0"),
            parts.dropFirst().allSatisfy({ $0.count <= 2 && Int($0).map { $0 < 60 } ?? false })
        {
            let number = parts.reduce(0) { $0 * 60 + (Int($1) ?? 0) }
            return "the number \(number)"
        }
        guard parts.count == 1, text.hasPrefix("0"), text.count > 1,
            let number = Int(text, radix: 8)
        else { return nil }
        return "the number \(number)"
    }
}
