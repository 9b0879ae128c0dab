package import Logging
package import MeshModel
package import MeshProtocol

/// What a node brings to each of its calls.
package struct LinkSide: Sendable {
    /// Makes the hello for a neighbour, afresh for each call.
    package var hello: @Sendable (NodeName) -> Hello
    /// Hears of sessions; see ``SessionEvent`` for what it may do.
    package var events: @Sendable (SessionEvent) -> Void
    /// What is declared of the line to a neighbour.
    package var line: @Sendable (NodeName) -> LinkLine = { _ in LinkLine() }
    /// How long things may take.
    package var times = LinkTimes()
    /// Where bytes are counted.
    package var wires = WireBook()
    /// Where faults go that end nothing.
    package var logger: Logger

    /// Names what is needed.
    package init(
        hello: @escaping @Sendable (NodeName) -> Hello,
        events: @escaping @Sendable (SessionEvent) -> Void,
        logger: Logger = Logger(label: "tributary.link")
    ) {
        self.hello = hello
        self.events = events
        self.logger = logger
    }
}

/// What is declared of the line to a neighbour.
package struct LinkLine: Hashable, Sendable {
    /// Bits per second; `nil` where nothing is declared.
    package var speed: Int64?
    /// The silence after which the dialler pings; `nil`: it never does.
    package var keepalive: Duration?

    /// Describes a line; nothing is declared of it by default.
    package init(speed: Int64? = nil, keepalive: Duration? = .seconds(60)) {
        self.speed = speed
        self.keepalive = keepalive
    }
}

/// How long things may take on a link.
///
/// Tests shorten them.
package struct LinkTimes: Hashable, Sendable {
    /// The silence that ends a call while anything is outstanding.
    package var silence: Duration = .seconds(60)
    /// How long the answer to ``Session/probe()`` may take.
    package var probe: Duration = .seconds(10)
    /// How long a bye may wait for its answer.
    package var bye: Duration = .seconds(5)
    /// How long a handshake with its hello may take.
    package var handshake: Duration = .seconds(Limits.handshakeSecondsMax)

    /// The times of real links.
    package init() {}

    /// The same, so many times shorter.
    package func divided(by divisor: Int) -> Self {
        var times = self
        for path in [\Self.silence, \.probe, \.bye, \.handshake] {
            times[keyPath: path] = self[keyPath: path] / divisor
        }
        return times
    }
}
