/// What a file does that it should not; ready to be shown.
struct Offence: Hashable, Sendable, CustomStringConvertible {
    let path: String
    let line: Int?
    let what: String

    var description: String { "\(self.path):\(self.line.map { "\($0):" } ?? "") \(self.what)" }
}

/// The rules that every file is held to, each a pure function of its text.
enum Rules {
    static let linesPerFileMax = 600

    /// No file outgrows what a person reads in one sitting.
    static func length(_ file: Repository.File) -> [Offence] {
        let count = file.lines.count - (file.text.hasSuffix("\n") ? 1 : 0)
        guard count > Self.linesPerFileMax else { return [] }
        let what = "has \(count) lines; \(Self.linesPerFileMax) are the most"
        return [Offence(path: file.path, line: nil, what: what)]
    }

    /// No file is named for nothing in particular.
    static func name(_ file: Repository.File) -> [Offence] {
        let banned = ["Utils", "Utilities", "Helpers", "Helper", "Common", "Extensions", "Manager"]
        let stems = file.path.split(separator: "/").flatMap { $0.split(separator: ".") }
        return banned.filter { word in stems.contains { $0.hasSuffix(word) } }.map {
            Offence(path: file.path, line: nil, what: "is named `\($0)`; name it for what it holds")
        }
    }

    /// Calls that are never right in our sources and tests.
    static func calls(_ file: Repository.File) -> [Offence] {
        let isCommand =
            file.path.hasPrefix("Sources/MeshCommands/") || file.path.hasPrefix("Tests/Recombine/")
        var offences: [Offence] = []
        for (number, line) in SwiftText(file.text).lines.enumerated() {
            func complain(_ what: String) {
                offences.append(Offence(path: file.path, line: number + 1, what: what))
            }
            if line.contains("try!") { complain("`try!`: throw, or handle it") }
            if line.contains("Task.detached") { complain("`Task.detached`: nobody waits for it") }
            if Self.calls(line, ["sleep", "usleep", "nanosleep"]) {
                complain("`sleep`: wait for what should happen, or use an injected clock")
            }
            if !isCommand, Self.calls(line, ["print", "debugPrint"]) {
                complain("`print` outside of commands: log, or return it")
            }
        }
        return offences
    }

    /// Whether a line calls one of the functions: the whole word, then a parenthesis.
    private static func calls(_ line: Substring, _ functions: [String]) -> Bool {
        functions.contains { function in
            line.ranges(of: function + "(").contains { range in
                guard range.lowerBound > line.startIndex else { return true }
                let before = line[line.index(before: range.lowerBound)]
                let declares = line[..<range.lowerBound].hasSuffix("func ")
                return !declares && !before.isLetter && !before.isNumber && before != "_"
            }
        }
    }

    /// Relative links in pages lead somewhere.
    static func links(_ page: Repository.File, exists: (String) -> Bool) -> [Offence] {
        var offences: [Offence] = []
        var isCode = false
        for (number, line) in page.lines.enumerated() {
            if line.hasPrefix("```") { isCode.toggle() }
            guard !isCode else { continue }
            for target in line.matches(of: /\]\(([^)\s]+)[^)]*\)/).map(\.1) {
                let path = target.prefix { $0 != "#" }
                let isElsewhere = path.contains(":") || path.isEmpty
                if !isElsewhere, !exists(Self.resolve(path, from: page.path)) {
                    offences.append(
                        Offence(path: page.path, line: number + 1, what: "dead link to \(target)")
                    )
                }
            }
        }
        return offences
    }

    private static func resolve(_ target: Substring, from page: String) -> String {
        var components = page.split(separator: "/").dropLast().map(String.init)
        for component in target.split(separator: "/") {
            if component == ".." {
                _ = components.popLast()
            } else if component != "." {
                components.append(String(component))
            }
        }
        return components.joined(separator: "/")
    }
}
