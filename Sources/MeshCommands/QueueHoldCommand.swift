import ArgumentParser
import MeshCustody
import MeshNode

/// What is held or released.
struct QueueTargetOptions: ParsableArguments {
    @Option(help: "A whole flow, with what comes later.")
    var flow: String?

    @Argument(help: "A parcel's id, at least the first 8 digits of it, or a path.")
    var file: String?

    func validate() throws {
        guard (self.flow == nil) != (self.file == nil) else {
            throw ValidationError("Name a parcel, a path, or a flow with --flow.")
        }
    }

    /// Asks the daemon to hold it, or to let it go.
    func ask(_ home: HomeOption, isHeld: Bool) throws -> JSONValue {
        var arguments = try self.file.map { try FileArgument.arguments($0) } ?? [:]
        arguments["flow"] = self.flow.map { .string($0) }
        arguments["held"] = .bool(isHeld)
        return try home.ask(ControlRequest("queue-hold", arguments))
    }
}

/// `tributary queue hold`: has parcels wait here.
struct QueueHoldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract: "Have a parcel, or a flow, wait at this node.",
        discussion: """
            What is held is neither handed on nor landed, whatever happens to the node, until it \
            is released. What was begun before finishes. Parcels still come in while there is room.

            Examples:
              tributary queue hold 1be91258
              tributary queue hold --flow sonar
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions
    @OptionGroup var target: QueueTargetOptions

    func run() throws {
        let value = try self.target.ask(self.home, isHeld: true)
        try self.output.write(value) { try value.decode(HoldReport.self).text(isHeld: true) }
    }
}

/// `tributary queue release`: lets parcels go on.
struct QueueReleaseCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "release",
        abstract: "Let a parcel, or a flow, go on.",
        discussion: """
            With --flow, parcels of it that were held one by one go on, too.

            Examples:
              tributary queue release 1be91258
              tributary queue release --flow sonar
            """
    )

    @OptionGroup var home: HomeOption
    @OptionGroup var output: OutputOptions
    @OptionGroup var target: QueueTargetOptions

    func run() throws {
        let value = try self.target.ask(self.home, isHeld: false)
        try self.output.write(value) { try value.decode(HoldReport.self).text(isHeld: false) }
    }
}

extension HoldReport {
    /// The report as a line.
    func text(isHeld: Bool) -> String {
        let parcels = Wording.count(self.parcels, "parcel")
        if let flow = self.flow {
            return isHeld
                ? "All of flow \(flow) waits here until it is released."
                : "Flow \(flow) goes on" + (self.parcels > 0 ? ", with \(parcels)." : ".")
        }
        guard self.parcels > 0 else {
            return isHeld ? "It was held before." : "Nothing of it was held."
        }
        guard isHeld else { return "Released: \(parcels)." }
        return "Held: \(parcels)."
            + (self.begun > 0 ? " \(Wording.number(self.begun)) begun before: these finish." : "")
    }
}
