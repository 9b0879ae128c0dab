import ArgumentParser
import MeshContent
import MeshCustody
import MeshFiles
import MeshIdentity
import MeshLinks
import MeshModel
import MeshNode
import MeshPolicy
import MeshProtocol
import MeshSpool
import MeshTopology
import Testing

@testable import MeshCommands

/// `tributary explain` knows every code, and none that nobody says.
@Suite struct CodeTests {
    private static let life: [NodeLife] = [.whole, .fresh, .doubled, .rolledBack]

    /// Codes that are listed as types, with where people meet them; `nil` means in any place.
    static let listed: [(area: CodeText.Area?, codes: [String])] = [
        (.command, NodeError.Code.Kind.allCases.map(\.rawValue)),
        (.command, IdentityError.Code.allCases.map(\.rawValue)),
        (.command, SpoolError.Code.allCases.map(\.rawValue)),
        (.command, ContentError.Code.Kind.allCases.map(\.rawValue)),
        (nil, TopologyError.Code.Kind.allCases.map(\.rawValue)),
        (.topology, Finding.Code.Kind.allCases.map(\.rawValue)),
        (.call, LinkError.Code.allCases.filter { $0 != .stopped }.map(\.rawValue)),
        (.call, ProtocolError.Code.allCases.map(\.rawValue)),
        (.neighbour, PeerWord.allCases.map(\.rawValue)),
        (.node, Self.life.map(\.rawValue)),
        (.parcel, ParcelState.allCases.map(\.rawValue)),
        (.parcel, StatementKind.allCases.map(\.rawValue)),
        (nil, FilesError.Code.allCases.map(\.rawValue)),
        (.why, WhyCode.allCases.map(\.rawValue)),
        (.source, SkipReason.allCases.map(\.rawValue)),
        (.source, WaitReason.allCases.map(\.rawValue)),
    ]

    @Test func everyListedCodeIsExplained() {
        for (area, codes) in Self.listed {
            for code in codes {
                let texts = CodeText.of(code).filter { area == nil || $0.area == area }
                #expect(
                    !texts.isEmpty,
                    "add `\(code)` (\(area?.rawValue ?? "any area")) to Sources/MeshCommands/Codes"
                )
            }
        }
    }

    /// What is logged of a reservation or a body, and shown to nobody.
    private static let inward: Set = ["gone", "refused", "withdrawn", "damaged", "forgotten"]

    @Test func everyCodeInTheSourcesIsExplained() throws {
        let known = Set(CodeText.all.map(\.code))
        for (path, text) in try Page.sources() {
            let codes = text.matches(of: /\b(?:code|why|reason): "([a-z][a-z_-]+)"/).map { $0.1 }
            for code in Set(codes) where !Self.inward.contains(String(code)) {
                #expect(known.contains(String(code)), "\(path): `\(code)`")
            }
        }
    }

    @Test func nothingIsExplainedThatNobodySays() throws {
        let listed = Set(Self.listed.flatMap(\.codes))
        let sources = try Page.sources().filter { !$0.path.contains("/Codes/") }
        let text = sources.map(\.text).joined()
        for code in CodeText.all.map(\.code) where !listed.contains(code) {
            // What the node behind said has a prefix, and is its own code.
            let base = code.hasPrefix("next_hop_") ? String(code.dropFirst(9)) : code
            #expect(text.contains("\"\(base)\"") || text.contains("[\(base)]"), "\(code)")
        }
    }

    @Test func aCodeHasOneTextInAPlace() {
        let places = CodeText.all.map { "\($0.area) \($0.code)" }
        #expect(Set(places).count == places.count)
        #expect(CodeText.all.count > 200)
    }

    @Test(arguments: CodeText.all)
    func textsAreSentences(text: CodeText) {
        for part in [text.meaning, text.cause, text.advice] where !part.isEmpty {
            #expect(part.hasSuffix(".") || part.hasSuffix("`"), "\(part)")
            #expect(part.first?.isLowercase == false || part.hasPrefix("`"), "\(part)")
            #expect(!part.contains("|"), "\(part)")
        }
        #expect(!text.meaning.isEmpty)
    }

    @Test func adviceNamesCommandsThatThereAre() {
        let commands = TributaryCommand.configuration.subcommands.map {
            $0.configuration.commandName ?? ""
        }
        for text in CodeText.all {
            for command in (text.cause + text.advice).matches(of: /`tributary ([a-z]+)/) {
                #expect(commands.contains(String(command.1)) || command.1 == "help", "\(text.code)")
            }
        }
    }

    @Test func exitCodesAreThoseOfErrorsThatThereAre() {
        #expect(CodeText.of("not_found").compactMap(\.status) == [.notFound])
        #expect(CodeText.of("gaps").compactMap(\.status) == [.left])
        let statuses = Set(CodeText.all.compactMap(\.status))
        #expect(statuses == Set(CommandStatus.allCases).subtracting([.done]))
    }

    @Test func whatIsTypedIsFound() {
        #expect(CodeText.found("[no_call: backing-off]").map(\.code) == ["no_call"])
        #expect(CodeText.found("backing-off").map(\.area) == [.neighbour])
        #expect(CodeText.found("next_hop_quota_origin").map(\.code) == ["quota_origin"])
        #expect(CodeText.found("next_hop_nothing") == [])
        #expect(
            CodeText.found("not_dialled_here").map(\.text) == [
                """
                not_dialled_here (errors of commands and of the daemon)
                  The topology says that the neighbour dials this node.
                  Do:  Run `tributary call` at the other end.
                  Commands end with 7: refused by policy.
                """
            ]
        )
    }

    @Test func anErrorWithoutAdviceNamesExplain() {
        let failure = CommandFailure(code: "home_exists", message: "It is there.")
        #expect(
            failure.description == """
                tributary: It is there. [home_exists]
                  `tributary explain home_exists` says more.
                """
        )
    }
}
