/// Whether a version honours something that the language knows.
package enum Support: Hashable, Sendable {
    /// This version does.
    case works
    /// A later one will: it is checked, and refused with `not_yet_supported`.
    case later
}

/// The shape of what can stand behind a key.
package indirect enum Form: Sendable {
    /// One value.
    case scalar(Scalar)
    /// One value, or a list of them.
    case scalars(Scalar)
    /// A list of elements.
    case list(Form)
    /// A table whose keys are fixed.
    case table(LanguageTable)
    /// A table whose keys are names that somebody chose.
    case named(String, Form)
    /// A short form of one value, or a long form.
    case either(Scalar, Form)
}

/// A key of the language.
///
/// The list of them is the one source for the reader, for `docs/reference/topology.md` and for the
/// JSON Schema that editors use.
package struct LanguageKey: Sendable {
    /// The word.
    package let name: String
    /// What can stand behind it.
    package let form: Form
    /// What holds where it is left out; `required`, or `none` if nothing does.
    package let usual: String
    /// A value, as YAML in one line.
    package let example: String
    /// What it means, in one sentence without its full stop.
    package let summary: String
    /// Whether this version honours it.
    package let support: Support

    init(
        _ name: String,
        _ form: Form,
        usual: String = "none",
        example: String,
        _ summary: String,
        _ support: Support = .works
    ) {
        self.name = name
        self.form = form
        self.usual = usual
        self.example = example
        self.summary = summary
        self.support = support
    }
}

/// A table whose keys are fixed.
package enum LanguageTable: String, CaseIterable, Sendable {
    /// The whole of a file.
    case topology
    case flow
    case expect
    case node
    case source
    case fetch
    case landing
    case quota
    case run
    case pause
    case link
    /// Not of a topology: what a site allows.
    case site

    /// Those that are of topologies.
    static let topologies = Self.allCases.filter { $0 != .site }

    /// What the table describes, for messages.
    package var subject: String {
        switch self {
        case .topology: "a topology"
        case .flow: "a flow"
        case .expect: "`expect`"
        case .node: "a node"
        case .source: "a source"
        case .fetch: "a fetch"
        case .landing: "a landing"
        case .quota: "a quota"
        case .run: "`run`"
        case .pause: "`pause-when`"
        case .link: "a link"
        case .site: "a site file"
        }
    }

    /// Its keys, in the order of the reference.
    package var keys: [LanguageKey] {
        switch self {
        case .topology: Self.topologyKeys
        case .flow: Self.flowKeys
        case .expect: Self.expectKeys
        case .node: Self.nodeKeys
        case .source: Self.sourceKeys
        case .fetch: Self.fetchKeys
        case .landing: Self.landingKeys
        case .quota: Self.quotaKeys
        case .run: Self.runKeys
        case .pause: Self.pauseKeys
        case .link: Self.linkKeys
        case .site: Self.siteKeys
        }
    }
}
