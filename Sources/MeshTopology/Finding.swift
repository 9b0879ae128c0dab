/// Something that a file of ours says and should not, with the place where it says so.
public struct Finding: Hashable, Sendable {
    /// Whether a finding stops the work.
    public enum Severity: String, Hashable, Sendable {
        /// The file cannot be used.
        case error
        /// The file can be used and probably does not mean what it says.
        case warning
    }

    /// What kind of finding this is.
    public let code: Code
    /// Whether it stops the work.
    public let severity: Severity
    /// The file, as the caller named it.
    public let file: String
    /// The line, counted from 1.
    public let line: Int
    /// The column in Unicode scalars, counted from 1.
    public let column: Int
    /// What is wrong, with the values involved.
    public let message: String
    /// What to do about it, when there is something to do.
    public let hint: String?
    /// The line of the file with a caret below it, two lines; `nil` where it would not help.
    package let excerpt: String?
}

extension Finding: CustomStringConvertible {
    /// For people: `file:line:column: error: message [code]`, the line with a caret, the hint.
    public var description: String {
        var lines = [
            "\(self.file):\(self.line):\(self.column): \(self.severity.rawValue): "
                + "\(self.message) [\(self.code.name)]"
        ]
        if let excerpt = self.excerpt { lines.append(excerpt) }
        if let hint = self.hint { lines.append("  hint: \(hint)") }
        return lines.joined(separator: "\n")
    }
}

/// Why a file could not be used: every finding in it, in the order of their places.
public struct TopologyFindings: Error, Sendable {
    /// The findings; at least one is an error.
    public let findings: [Finding]
}

extension TopologyFindings: CustomStringConvertible {
    /// Every finding, and how many there are.
    public var description: String {
        let errors = self.findings.count { $0.severity == .error }
        let warnings = self.findings.count - errors
        func count(_ number: Int, _ word: String) -> String {
            "\(number) \(word)\(number == 1 ? "" : "s")"
        }
        let total = warnings == 0 ? "" : ", \(count(warnings, "warning"))"
        return self.findings.map(\.description).joined(separator: "\n")
            + "\n\(count(errors, "error"))\(total)"
    }
}

extension Finding {
    /// What kind of finding this is.
    ///
    /// An open set: minor releases may add kinds.
    public struct Code: Hashable, Sendable {
        /// Exhaustive inside the package, so that documentation can be checked against it.
        package enum Kind: String, CaseIterable, Sendable {
            case coarseProfile = "coarse_profile"
            case duplicateEndpoint = "duplicate_endpoint"
            case duplicateInclude = "duplicate_include"
            case duplicateKey = "duplicate_key"
            case duplicateLink = "duplicate_link"
            case duplicateNode = "duplicate_node"
            case includeCycle = "include_cycle"
            case invalidEndpoint = "invalid_endpoint"
            case invalidLink = "invalid_link"
            case invalidName = "invalid_name"
            case invalidPath = "invalid_path"
            case invalidSize = "invalid_size"
            case invalidValue = "invalid_value"
            case kindCycle = "kind_cycle"
            case landingsOverlap = "landings_overlap"
            case missingKey = "missing_key"
            case neverDialled = "never_dialled"
            case noCollector = "no_collector"
            case noNodes = "no_nodes"
            case noOrigin = "no_origin"
            case noRelease = "no_release"
            case notListening = "not_listening"
            case notYetSupported = "not_yet_supported"
            case originIsCollector = "origin_is_collector"
            case selfLink = "self_link"
            case severalCollectors = "several_collectors"
            case siteForbids = "site_forbids"
            case smallSpool = "small_spool"
            case sourceIsLanding = "source_is_landing"
            case sourcesOverlap = "sources_overlap"
            case tooLarge = "too_large"
            case unknownKey = "unknown_key"
            case unknownKind = "unknown_kind"
            case unknownNode = "unknown_node"
            case unreachableCollector = "unreachable_collector"
            case unreadableInclude = "unreadable_include"
            case unusedKind = "unused_kind"
            case unusedNode = "unused_node"
            case wrongShape = "wrong_shape"
            case yamlSyntax = "yaml_syntax"
            case yamlTrap = "yaml_trap"
        }

        package let kind: Kind

        package init(_ kind: Kind) { self.kind = kind }

        /// A stable, low-cardinality name for output, logs and the JSON API.
        public var name: String { self.kind.rawValue }
    }
}
