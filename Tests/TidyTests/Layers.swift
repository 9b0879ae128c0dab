/// The layers, and the rule that imports go down only.
enum Layers {
    /// Lowest first; shims of C libraries lie below all of them.
    static let order = [
        "MeshModel", "MeshIdentity", "MeshTopology", "MeshContent", "MeshPolicy", "MeshProtocol",
        "MeshSpool", "MeshFiles", "MeshCustody", "MeshSimulator", "MeshLinks", "MeshCouriers",
        "MeshIntake", "MeshConsole", "MeshNode", "MeshCommands", "tributary", "MeshTesting",
    ]

    /// A target of the manifest with those of ours that it depends on.
    struct Target: Hashable, Sendable {
        let name: String
        let on: [String]
    }

    /// How high a layer is; `nil` for what is none.
    static func height(of name: some StringProtocol) -> Int? {
        if name.hasPrefix("C"), name.dropFirst().first?.isUppercase == true { return -1 }
        return Self.order.firstIndex { $0 == name }
    }

    /// Files import only what lies below them.
    static func imports(_ file: Repository.File) -> [Offence] {
        let parts = file.path.split(separator: "/")
        guard parts.count > 2, parts[0] == "Sources" else { return [] }
        guard let own = Self.height(of: parts[1]) else {
            return [Offence(path: file.path, line: nil, what: "is in no known layer")]
        }
        var offences: [Offence] = []
        for (number, line) in SwiftText(file.text).lines.enumerated() {
            let words = line.split(separator: " ")
            guard let keyword = words.firstIndex(of: "import"), words.count > keyword + 1,
                let other = Self.height(of: words[words.count - 1].prefix { $0 != "." }),
                other >= own
            else { continue }
            let what = "imports \(words[words.count - 1]), which does not lie below \(parts[1])"
            offences.append(Offence(path: file.path, line: number + 1, what: what))
        }
        return offences
    }

    /// The manifest lists targets lowest first, and each depends on lower ones only.
    static func manifest(_ file: Repository.File) -> [Offence] {
        var offences: [Offence] = []
        func complain(_ what: String) {
            offences.append(Offence(path: file.path, line: nil, what: what))
        }
        let targets = Self.targets(in: file.text)
        if targets.isEmpty { complain("has no targets that this check can read") }
        var highest = -1
        for target in targets {
            guard let own = Self.height(of: target.name) else {
                complain("\(target.name) is no known layer")
                continue
            }
            if own < highest { complain("\(target.name) comes after a higher layer") }
            highest = max(highest, own)
            for lower in target.on where Self.height(of: lower).map({ $0 >= own }) ?? true {
                complain("\(target.name) depends on \(lower), which does not lie below it")
            }
        }
        return offences
    }

    /// Reads the calls of `.layer("Name", on: ["Other", …]`.
    static func targets(in manifest: String) -> [Target] {
        let comments = /\/\/[^\n]*/
        let text = manifest.split(separator: "\n")
            .map { $0.contains("https://") ? "" : String($0.replacing(comments, with: "")) }
            .joined(separator: "\n")
        let layer = /\.layer\(\s*"(\w+)"(?:\s*,\s*on:\s*\[([^\]]*)\])?/
        return text.matches(of: layer).map { match in
            let on = match.2?.matches(of: /"(\w+)"/).map { String($0.1) } ?? []
            return Target(name: String(match.1), on: on)
        }
    }
}
