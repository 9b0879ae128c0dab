import ArgumentParser

/// `tributary keys`: what proves who a node is.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make, show, certify and renew keys.",
        discussion: """
            At the node: `keys request`. At the authority: `keys issue`. At the node again: `join`.
            """,
        subcommands: [
            KeysRequestCommand.self, KeysIssueCommand.self, KeysShowCommand.self,
            KeysRenewCommand.self,
        ]
    )
}
