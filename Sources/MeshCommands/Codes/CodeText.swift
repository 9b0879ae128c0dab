/// What a stable code means, why it comes about and what to do.
struct CodeText: Hashable {
    /// Where a code is met; one code may be met in several places, with a meaning in each.
    enum Area: String, CaseIterable {
        /// In brackets at the end of a command's error, or of the daemon's when it does not start.
        case command
        /// In brackets behind a finding.
        case topology
        /// In `lastError` of a neighbour and in the log's `error.code`.
        case call
        /// The word for a neighbour in `status`.
        case neighbour
        /// The word for the node itself in `status`.
        case node
        /// Where a parcel stands.
        case parcel
        /// Why a parcel ended, or is put off.
        case reason
        /// Why a file waits: `why`, `trace`, `queue list`.
        case why
        /// What `sources` leaves alone, and why it does not watch.
        case source
    }

    /// The stable name.
    let code: String
    /// Where it is met.
    let area: Area
    /// What it says.
    let meaning: String
    /// How it comes about; empty where the meaning has said so.
    let cause: String
    /// What to do; empty where nothing needs to be done.
    let advice: String

    /// Every code that a person or a script can meet.
    static let all =
        Self.commands + Self.disks + Self.keys + Self.findings + Self.calls + Self.neighbours
        + Self.nodes + Self.parcels + Self.reasons + Self.whys + Self.sources

    /// The texts of one code, a place each.
    static func of(_ code: String) -> [Self] { self.all.filter { $0.code == code } }

    /// Reads texts as they are written down.
    ///
    /// First the code; then, indented, what it means, after `?` how it comes about, after `>` what
    /// to do. Lines that are indented further go on.
    static func read(_ area: Area, _ text: String) -> [Self] {
        var found: [Self] = []
        var lines: [String] = []
        func finish() {
            guard let code = lines.first else { return }
            func part(_ sign: String) -> String {
                let part = lines.dropFirst().first { $0.hasPrefix(sign) } ?? ""
                return String(part.dropFirst(sign.count))
            }
            let meaning = lines.dropFirst().first { !$0.hasPrefix("? ") && !$0.hasPrefix("> ") }
            found.append(
                Self(
                    code: code,
                    area: area,
                    meaning: meaning ?? "",
                    cause: part("? "),
                    advice: part("> ")
                )
            )
        }
        for line in text.split(separator: "\n") {
            let words = String(line.drop { $0 == " " })
            switch line.count - words.count {
            case 0:
                finish()
                lines = [words]
            case 2: lines.append(words)
            default: lines[lines.count - 1] += " " + words
            }
        }
        finish()
        return found
    }
}

extension CodeText.Area {
    /// As a heading, and before a code that has several meanings.
    var title: String {
        switch self {
        case .command: "Errors of commands and of the daemon"
        case .topology: "Findings in a topology"
        case .call: "Calls that fail or end"
        case .neighbour: "States of a neighbour"
        case .node: "States of the node itself"
        case .parcel: "Where a parcel stands"
        case .reason: "Why a parcel ended or is put off"
        case .why: "Why a file waits"
        case .source: "What is left alone in a source"
        }
    }

    /// Where it is seen.
    var place: String {
        switch self {
        case .command:
            "In brackets at the end of what a command, or a daemon that does not start, says on "
                + "stderr."
        case .topology:
            "In brackets behind each finding of `tributary topology check`, and of commands that "
                + "read a topology or `site.yaml`."
        case .call:
            "In `lastError` of a neighbour in `tributary status`, in what `tributary call` says, "
                + "and in the log's `error.code`."
        case .neighbour: "STATE in `tributary status`, and `cause` of `no_call`."
        case .node: "`life` in `tributary status`."
        case .parcel: "STATE in `tributary trace`, `why` and `queue list`; SAYS in `trace`."
        case .reason:
            "Behind a state or a reason, as in `refused: digest` or `[neighbour_later: draining]`; "
                + "in what `tributary send` calls refused."
        case .why: "In brackets behind each reason of `tributary why`, `trace` and `queue list`."
        case .source: "LEFT ALONE and `why` in `tributary sources`; in what `send` leaves alone."
        }
    }
}
