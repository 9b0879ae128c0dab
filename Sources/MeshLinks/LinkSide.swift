package import Logging
package import MeshModel
package import MeshProtocol

/// What a node brings to each of its calls.
package struct LinkSide: Sendable {
    /// Makes the hello for a neighbour, afresh for each call.
    package var hello: @Sendable (NodeName) -> Hello
    /// Hears of sessions; see ``SessionEvent`` for what it may do.
    package var events: @Sendable (SessionEvent) -> Void
    /// The silence after which the dialler pings, and so does whoever is owed something.
    ///
    /// Three times that ends a call.
    package var keepaliveMilliseconds: Int64 = 60_000
    /// How long a bye may wait for its answer.
    package var byeMilliseconds: Int64 = 5_000
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
