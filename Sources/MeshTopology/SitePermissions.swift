package import MeshModel

/// What the administrator of a site allows a mesh to do there: `<home>/site.yaml`.
///
/// Written at the site and never by the mesh. What is not listed is not allowed.
package struct SitePermissions: Hashable, Sendable {
    /// Directories beneath which files may be read.
    package let sources: [String]
    /// Directories beneath which files may be written.
    package let landings: [String]
    /// The most that a spool may take; `nil` sets no ceiling.
    package let spool: ByteCount?

    private let file: String
    /// Where the file says what it says, for findings.
    private let places: Places

    private struct Places: Hashable, Sendable {
        var sources = Place.start
        var landings = Place.start
        var spool = Place.start
    }
}

extension SitePermissions {
    /// Reads what ``yaml(allowing:)`` wrote, or a person.
    ///
    /// - Throws: Every finding in the text, if one of them is an error.
    package static func parse(_ yaml: String, file: String) throws(TopologyFindings) -> Self {
        let isTooLarge = yaml.utf8.count > Limits.topologyBytesMax
        var findings = FindingList(file: file, text: isTooLarge ? "" : yaml)
        if isTooLarge {
            findings.error(
                .tooLarge,
                at: .start,
                "A site file has at most \(ByteCount(Limits.topologyBytesMax))."
            )
        }
        let root = isTooLarge ? nil : YAMLDocument.read(0, in: &findings)?.root
        var values = ElementReader(findings: findings)
        let fields = root.flatMap { values.table($0, .site) }
        let permissions = Self(
            sources: fields?.texts("sources") ?? [],
            landings: fields?.texts("landings") ?? [],
            spool: fields?.placed("spool", ByteCount.init(declared:))?.value,
            file: file,
            places: Places(
                sources: fields?["sources"]?.at ?? .start,
                landings: fields?["landings"]?.at ?? .start,
                spool: fields?["spool"]?.value.at ?? .start
            )
        )
        guard !values.findings.hasErrors else {
            throw TopologyFindings(findings: values.findings.sorted)
        }
        return permissions
    }

    /// Whether files at or beneath a path may be read.
    package func allowsReading(_ path: String) -> Bool {
        self.sources.contains { DeclaredPath.isPath(path, atOrBeneath: $0) }
    }

    /// Whether files at or beneath a path may be written.
    package func allowsWriting(_ path: String) -> Bool {
        self.landings.contains { DeclaredPath.isPath(path, atOrBeneath: $0) }
    }

    /// What the view wants and the site forbids; empty when it allows everything.
    ///
    /// Compares paths as they are written, component by component. Resolve both sides beneath the
    /// same home first where one of them may be relative; links in the file system are not seen.
    package func findings(for view: View) -> [Finding] {
        var list = FindingList(file: self.file, text: "")
        for source in view.sends where !self.allowsReading(source.path) {
            list.error(
                .siteForbids,
                at: self.places.sources,
                "\(view.node) may not read \(source.path), the source of `\(source.flow)`.",
                hint: "If it may, list the directory under `sources`."
            )
        }
        for (flow, landing) in view.receives.sorted(by: { $0.key < $1.key })
        where !self.allowsWriting(landing.path) {
            list.error(
                .siteForbids,
                at: self.places.landings,
                "\(view.node) may not write to \(landing.path), where `\(flow)` lands.",
                hint: "If it may, list the directory under `landings`."
            )
        }
        if let ceiling = self.spool, view.spool > ceiling {
            list.error(
                .siteForbids,
                at: self.places.spool,
                "\(view.node) wants a spool of \(view.spool.declared); the site allows \(ceiling.declared).",
                hint: "Raise `spool` here, or lower it in the topology."
            )
        }
        return list.sorted
    }

    /// The same permissions with every relative root replaced by the one beneath `home`.
    package func resolvingPaths(beneath home: String) -> Self {
        Self(
            sources: self.sources.map { DeclaredPath.resolve($0, beneath: home) },
            landings: self.landings.map { DeclaredPath.resolve($0, beneath: home) },
            spool: self.spool,
            file: self.file,
            places: self.places
        )
    }

    /// A file, with comments, that allows what the view needs and no more.
    package static func yaml(allowing view: View) -> String {
        let sources = Set(view.sends.map(\.path)).sorted()
        let landings = Set(view.receives.values.map(\.path)).sorted()
        return """
            # What the mesh \(view.mesh) may do on this host as its node \(view.node).
            # This file belongs to the site: the mesh never changes it. What the mesh asks for and
            # this file does not list is left undone, with `site_forbids`; `tributary status` shows
            # it. The daemon reads this file when it starts. Paths without a slash in front count
            # from the home of the node.

            # Directories beneath which files may be read.
            \(Self.list("sources", sources))

            # Directories beneath which files may be written.
            \(Self.list("landings", landings))

            # The most disk that the spool may take.
            spool: \(view.spool.declared)

            """
    }

    private static func list(_ key: String, _ paths: [String]) -> String {
        if paths.isEmpty { return "\(key): []" }
        return ([key + ":"] + paths.map { "  - \(Self.quoted($0))" }).joined(separator: "\n")
    }

    private static func quoted(_ path: String) -> String {
        "'" + path.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''")
            + "'"
    }
}
