import Testing

@testable import MeshCommands

/// `docs/reference/errors.md` and `exit-codes.md` say what the program says.
@Suite struct CodeReferenceTests {
    @Test func everyCodeIsInTheReference() throws {
        let parts = CodeText.Area.allCases.map { area in
            let rows = CodeText.all.filter { $0.area == area }.sorted { $0.code < $1.code }.map {
                "| `\($0.code)` | \($0.meaning) | \($0.cause) | \($0.advice) |"
            }
            let head = [
                "| Code | Meaning | How it comes about | What to do |", "|---|---|---|---|",
            ]
            return "## \(area.title)\n\n\(area.place)\n\n" + (head + rows).joined(separator: "\n")
        }
        try Page("reference/errors.md").expect(parts.joined(separator: "\n\n"), after: "codes")
    }

    @Test func everyExitCodeIsInTheReference() throws {
        let codes = CodeText.all.filter { $0.area == .command }
        let rows = CommandStatus.allCases.map { status in
            let errors = codes.filter { $0.status == status }.map { "`\($0.code)`" }.sorted()
            let others = status == .failed ? "all others" : ""
            let list = status == .failed ? others : errors.joined(separator: ", ")
            return "| \(status.rawValue) | \(status.meaning) | \(list) |"
        }
        let head = ["| Exit code | Meaning | Errors |", "|---|---|---|"]
        try Page("reference/exit-codes.md")
            .expect((head + rows).joined(separator: "\n"), after: "exit codes")
    }
}
