import MeshModel
import MeshTopology
import Testing

@Suite struct SitePermissionsTests {
    static let topology = """
        mesh: m
        nodes:
          a: {sends: {f: /data/f, g: "it's here"}, spool: 20 GiB}
          b: {receives: {f: /srv/in, g: /srv/in}, listens: "b:1"}
        links: [a -> b]
        """

    private static func view(_ name: String) throws -> View {
        let topology = try Topology.parse(Self.topology, file: "t")
        return try View(of: node(name), in: topology, serial: 1)
    }

    private static func messages(_ site: String, _ name: String) throws -> [String] {
        let permissions = try SitePermissions.parse(site, file: "site.yaml")
        return try permissions.findings(for: Self.view(name)).map { finding in
            #expect(finding.code.name == "site_forbids")
            #expect(finding.severity == .error)
            return "\(finding.line):\(finding.column) \(finding.message)"
        }
    }

    @Test(arguments: ["a", "b"])
    func theFileWrittenForAViewAllowsJustThat(name: String) throws {
        let view = try Self.view(name)
        let permissions = try SitePermissions.parse(
            SitePermissions.yaml(allowing: view),
            file: "site.yaml"
        )
        #expect(permissions.findings(for: view).isEmpty)
        #expect(permissions.spool == view.spool)
        let other = try Self.view(name == "a" ? "b" : "a")
        #expect(permissions.findings(for: other).isEmpty == false)
    }

    @Test func theFileWrittenForAViewExplainsItself() throws {
        #expect(
            SitePermissions.yaml(allowing: try Self.view("a")) == """
                # What the mesh m may do on this host as its node a.
                # This file belongs to the site: the mesh never changes it. What the mesh asks for and
                # this file does not list is left undone, with `site_forbids`; `tributary status` shows
                # it. The daemon reads this file when it starts. Paths without a slash in front count
                # from the home of the node.

                # Directories beneath which files may be read.
                sources:
                  - '/data/f'
                  - 'it''s here'

                # Directories beneath which files may be written.
                landings: []

                # The most disk that the spool may take.
                spool: 20 GiB

                """
        )
    }

    @Test func anEmptyFileAllowsNothing() throws {
        #expect(
            try Self.messages("", "a") == [
                "1:1 a may not read /data/f, the source of `f`.",
                "1:1 a may not read it's here, the source of `g`.",
            ]
        )
    }

    @Test func pathsAreComparedByComponents() throws {
        let site = "landings: [/srv/i, /srv/inn, srv/in]\nsources: [/]\n"
        #expect(
            try Self.messages(site, "b") == [
                "1:1 b may not write to /srv/in, where `f` lands.",
                "1:1 b may not write to /srv/in, where `g` lands.",
            ]
        )
        #expect(try Self.messages("landings: [/srv//./in/]\n", "b").isEmpty)
        #expect(try Self.messages("landings: [/srv]\n", "b").isEmpty)
        // The root of the file system does not allow what is relative to an unknown home.
        #expect(
            try Self.messages("sources: [/]\n", "a") == [
                "1:1 a may not read it's here, the source of `g`."
            ]
        )
    }

    @Test func resolvedRootsMeetResolvedPaths() throws {
        let permissions = try SitePermissions.parse(
            "sources: [./it's here, /data]\n",
            file: "site.yaml"
        )
        let view = try Self.view("a").resolvingPaths(beneath: "/home/a")
        #expect(permissions.resolvingPaths(beneath: "/home/a").findings(for: view).isEmpty)
    }

    @Test func theCeilingOfTheSpoolHolds() throws {
        #expect(
            try Self.messages("sources: [/data, \"it's here\"]\nspool: 10 GiB\n", "a") == [
                "2:8 a wants a spool of 20 GiB; the site allows 10 GiB."
            ]
        )
    }

    @Test func mistakesInTheFileAreTold() {
        let error = #expect(throws: TopologyFindings.self) {
            try SitePermissions.parse(
                "source: [/data]\nlandings: /srv\nspool: much\n",
                file: "site.yaml"
            )
        }
        #expect(
            error?.description == """
                site.yaml:1:1: error: A site file has no key `source`. [unknown_key]
                  source: [/data]
                  ^
                  hint: Did you mean `sources`?
                site.yaml:2:11: error: `landings` is a list. [wrong_shape]
                  landings: /srv
                            ^
                  hint: Write a line such as `- /data`.
                site.yaml:3:8: error: `much` is no size. [invalid_size]
                  spool: much
                         ^
                  hint: Write a number and a unit: KiB, MiB, GiB, TiB, or KB, MB, GB, TB.
                3 errors
                """
        )
    }
}
