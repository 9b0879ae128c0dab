/// Swift source without what is not code: comments go, string literals become empty.
///
/// Lines stay where they are. Good enough for our own sources: an interpolation counts as part of
/// its string, and regex literals are not known.
struct SwiftText {
    let lines: [Substring]

    init(_ source: String) {
        self.lines = Self.code(of: Array(source)).split(
            separator: "\n",
            omittingEmptySubsequences: false
        )
    }

    private static func code(of source: [Character]) -> String {
        var code = ""
        var index = 0
        func starts(_ text: String, at position: Int) -> Bool {
            source[position...].starts(with: text)
        }
        while index < source.count {
            if starts("//", at: index) {
                index = source[index...].firstIndex(of: "\n") ?? source.count
            } else if source[index] == "\"" || source[index] == "#" {
                let hashes = source[index...].prefix { $0 == "#" }.count
                guard index + hashes < source.count, source[index + hashes] == "\"" else {
                    code.append(source[index])
                    index += 1
                    continue
                }
                let quote = starts("\"\"\"", at: index + hashes) ? "\"\"\"" : "\""
                let end = quote + String(repeating: "#", count: hashes)
                let escape = "\\" + String(repeating: "#", count: hashes)
                index += hashes + quote.count
                code += "\"\""
                while index < source.count, !starts(end, at: index) {
                    if source[index] == "\n" { code.append("\n") }
                    index += starts(escape, at: index) ? escape.count + 1 : 1
                }
                index += end.count
            } else {
                code.append(source[index])
                index += 1
            }
        }
        return code
    }
}
