import ArgumentParser

/// `tributary queue` and its subcommands.
struct QueueCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "Show what is under way at this node, hold it, let it go, try it again.",
        subcommands: [
            QueueListCommand.self, QueueAgeCommand.self, QueueHoldCommand.self,
            QueueReleaseCommand.self, QueueRetryCommand.self,
        ]
    )
}
