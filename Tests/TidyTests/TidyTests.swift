import Testing

/// What reviews should not have to look for.
@Suite struct TidyTests {
    private let repository = Repository.here

    @Test func filesStayShort() throws {
        expectNone(try self.repository.swiftFiles().flatMap(Rules.length))
    }

    @Test func filesAreNamedForWhatTheyHold() throws {
        expectNone(try self.repository.swiftFiles().flatMap(Rules.name))
    }

    @Test func bannedCallsAreNotMade() throws {
        expectNone(try self.repository.swiftFiles().flatMap(Rules.calls))
    }

    @Test func importsGoDownOnly() throws {
        expectNone(try self.repository.swiftFiles().flatMap(Layers.imports))
    }

    @Test func targetsAreListedLowestFirst() throws {
        expectNone(Layers.manifest(try self.repository.file("Package.swift")))
    }

    @Test func linksInPagesLeadSomewhere() throws {
        let offences = try self.repository.pages().flatMap { page in
            Rules.links(page, exists: self.repository.has)
        }
        expectNone(offences)
    }

    @Test func theTopHoldsOnlyWhatBelongsThere() throws {
        let allowed: Set = [
            ".ci", ".gitignore", ".swift-format", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE",
            "Makefile", "Package.swift", "README.md", "SECURITY.md", "Sources", "Tests", "docker",
            "docs", "topologies",
        ]
        #expect(try self.repository.topLevelNames().filter { !allowed.contains($0) } == [])
    }
}

/// Fails with one line for each offence.
private func expectNone(_ offences: [Offence], at location: SourceLocation = #_sourceLocation) {
    let list = offences.map(\.description).joined(separator: "\n")
    #expect(offences.isEmpty, "\(list)", sourceLocation: location)
}
