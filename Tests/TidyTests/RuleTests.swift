import Testing

/// The rules themselves, on files that break them and files that only look as if they did.
@Suite struct RuleTests {
    private static func file(
        _ text: String,
        path: String = "Sources/MeshNode/Example.swift"
    ) -> Repository.File {
        Repository.File(path: path, text: text)
    }

    @Test(arguments: [
        "let a = try! b()", "Task.detached { }", "try await Task.sleep(for: .seconds(1))",
        "sleep(1)", "usleep(1)", "Thread.sleep(forTimeInterval: 1)", "print(a)", "Swift.print(a)",
        "let s = \"a\"; print(s)", "let s = \"\\\"\"; sleep(1)",
    ])
    func bannedCallsAreFound(text: String) {
        #expect(Rules.calls(Self.file(text)).count == 1)
    }

    @Test(arguments: [
        "// try! is not for us", "let a = \"try! print(a)\"", "blueprint(a)", "func sleep() {}",
        "/// sleep(1)", "let a = \"\"\"\n    print(\"x\")\n    \"\"\"",
        "let a = #\"print(\"x\")\"#",
        "printable(a)", "let isAsleep = asleep(a)", "func print(_ a: Int) {}",
    ])
    func whatOnlyLooksLikeABannedCallIsNot(text: String) {
        #expect(Rules.calls(Self.file(text)) == [])
    }

    @Test func commandsMayPrint() {
        let path = "Sources/MeshCommands/Example.swift"
        #expect(Rules.calls(Self.file("print(a)", path: path)) == [])
    }

    @Test func anOffenceNamesItsLine() {
        let offences = Rules.calls(Self.file("let a = \"\"\"\n  x\n  \"\"\"\n\nprint(a)\n"))
        #expect(offences.map(\.line) == [5])
    }

    @Test func lengthCountsLines() {
        let limit = Rules.linesPerFileMax
        #expect(Rules.length(Self.file(String(repeating: "a\n", count: limit))) == [])
        #expect(Rules.length(Self.file(String(repeating: "a\n", count: limit + 1))).count == 1)
    }

    @Test(arguments: ["Sources/MeshNode/StringUtils.swift", "Sources/MeshNode/Helpers/A.swift"])
    func namesForNothingInParticularAreFound(path: String) {
        #expect(Rules.name(Self.file("", path: path)).count == 1)
    }

    @Test(arguments: ["import MeshCommands", "package import MeshNode", "import struct MeshNode.A"])
    func importsUpwardsAndOfOneselfAreFound(text: String) {
        #expect(Layers.imports(Self.file(text)).count == 1)
    }

    @Test(arguments: [
        "import MeshModel", "import CZstd", "import Crypto", "// import MeshCommands",
    ])
    func importsDownwardsAndOfOthersAreNot(text: String) {
        #expect(Layers.imports(Self.file(text)) == [])
    }

    @Test func testsMayImportAnything() {
        let path = "Tests/MeshModelTests/Example.swift"
        #expect(Layers.imports(Self.file("import MeshNode", path: path)) == [])
    }

    @Test func aFolderThatIsNoLayerIsFound() {
        #expect(Layers.imports(Self.file("", path: "Sources/Stuff/A.swift")).count == 1)
    }

    @Test func theManifestIsRead() {
        let text = """
            static func layer(_ name: String, on lower: [String] = []) {}
            .layer("MeshModel", uses: [.crypto]),  // .layer("MeshNode")
            .layer(  // Keys.
                "MeshIdentity", on: ["MeshModel", "CZstd"],
                uses: [.crypto]),
            """
        #expect(
            Layers.targets(in: text) == [
                .init(name: "MeshModel", on: []),
                .init(name: "MeshIdentity", on: ["MeshModel", "CZstd"]),
            ]
        )
        #expect(Layers.manifest(Self.file(text)) == [])
    }

    @Test(arguments: [
        ".layer(\"MeshNode\"), .layer(\"MeshModel\")",
        ".layer(\"MeshModel\", on: [\"MeshNode\"])", ".layer(\"Stuff\")", "nothing",
    ])
    func aManifestThatPointsUpwardsIsFound(text: String) {
        #expect(Layers.manifest(Self.file(text)).count == 1)
    }

    @Test func deadLinksAreFoundAndOthersLeftAlone() {
        let page = Self.file(
            """
            [a](b.md) [c](../LICENSE) [d](https://example.org/x) [e](#here) [f](b.md#part)
            ```
            [g](gone.md)
            ```
            [h](gone.md)
            """,
            path: "docs/a.md"
        )
        let there: Set = ["docs/b.md", "LICENSE"]
        let offences = Rules.links(page, exists: there.contains)
        #expect(offences.map(\.line) == [5])
    }
}
