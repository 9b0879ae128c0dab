import ArgumentParser
import Logging
import MeshNode

/// `tributary run`: the daemon in the foreground.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Run the node, until SIGTERM or SIGINT.",
        discussion: """
            Examples:
              tributary run
              tributary run --home mesh/dmz --log-level debug 2>dmz.log
            """
    )

    @OptionGroup var home: HomeOption

    @Option(help: "The least severe messages to log to stderr.")
    var logLevel = LogLevel.info

    func run() async throws {
        let level = self.logLevel.level
        LoggingSystem.bootstrap { label in
            var handler = StreamLogHandler.standardError(label: label)
            handler.logLevel = level
            return handler
        }
        try await Daemon.run(home: self.home.path, logger: Logger(label: "tributary"))
    }
}

/// What `--log-level` takes.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case trace, debug, info, notice, warning, error, critical

    /// The logger's own word for it.
    var level: Logger.Level {
        switch self {
        case .trace: .trace
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        case .critical: .critical
        }
    }
}
