import Dispatch
import MeshCustody
import MeshLinks
import MeshModel
import MeshTopology
import NIOCore
import NIOPosix

/// Names, ports and neighbours.
struct DoctorNetwork: Sendable {
    typealias Check = DoctorReport.Check

    private let home: Home
    private let status: StatusReport?

    /// A name or a connection that takes longer is given up, in seconds.
    private static let patience: Int64 = 5
    private static let queue = DispatchQueue(label: "tributary.doctor", attributes: .concurrent)
    /// Words for a neighbour that a call is up with.
    private static let up: Set = [PeerWord.ok, .idle, .full].reduce(into: Set<String>()) {
        $0.insert($1.rawValue)
    }

    init(_ home: Home, _ status: StatusReport?) {
        self.home = home
        self.status = status
    }

    /// The own port, then the neighbours in order, all looked at side by side.
    func all() async -> [Check] {
        let neighbours = self.home.view.neighbours
        let found = await withTaskGroup(of: (Int, [Check]).self) { group in
            group.addTask { (-1, await self.listening()) }
            for (number, neighbour) in neighbours.enumerated() {
                group.addTask { (number, await self.neighbour(neighbour)) }
            }
            return await group.reduce(into: [Int: [Check]]()) { $0[$1.0] = $1.1 }
        }
        return found.sorted { $0.key < $1.key }.flatMap(\.value)
    }

    // MARK: The own port

    private func listening() async -> [Check] {
        guard let endpoint = self.home.view.listens else { return [] }
        let (host, port) = (endpoint.host, Int(endpoint.port))
        if self.status != nil {
            do {
                try await Self.connect(host, port)
                return [.init("listen", about: "\(endpoint)", .ok, "The daemon answers there.")]
            } catch {
                return [
                    .init(
                        "listen",
                        about: "\(endpoint)",
                        .warning,
                        "Nobody answers there, seen from here: \(Self.word(error)).",
                        hint: "If neighbours reach it by that address from outside, all is well; "
                            + "otherwise see the daemon's log."
                    )
                ]
            }
        }
        do {
            let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .bind(host: host, port: port).get()
            try? await channel.close()
            return [.init("listen", about: "\(endpoint)", .ok, "The port is free.")]
        } catch {
            return [
                .init(
                    "listen",
                    about: "\(endpoint)",
                    .error,
                    "The node cannot listen there: \(Self.word(error)).",
                    hint: "Another program may use the port, ports below 1024 may need a right, or "
                        + "the address is not this machine's."
                )
            ]
        }
    }

    // MARK: Neighbours

    private func neighbour(_ neighbour: View.Neighbour) async -> [Check] {
        let name = neighbour.name.text
        let said = self.status?.neighbours.first { $0.name == name }
        if let said, Self.up.contains(said.state) {
            return [
                .init(
                    "neighbour",
                    about: name,
                    said.state == PeerWord.full.rawValue ? .warning : .ok,
                    said.state == PeerWord.full.rawValue
                        ? "A call is up; it has no room for what it is offered."
                        : "A call is up."
                )
            ]
        }
        let last = said?.lastError.map { " The last call: \($0.message) [\($0.code)]" } ?? ""
        guard let endpoint = neighbour.dial else {
            return [
                .init(
                    "neighbour",
                    about: name,
                    said == nil ? .ok : .warning,
                    said == nil ? "It dials this node." : "It dials this node, and has not.\(last)",
                    hint: said == nil ? nil : "Look at it there: `tributary doctor`."
                )
            ]
        }
        do {
            _ = try await Self.resolve(endpoint.host, Int(endpoint.port))
        } catch {
            return [
                .init(
                    "dns",
                    about: name,
                    .error,
                    "\(endpoint.host) has no address here: \(Self.word(error)).",
                    hint: "Correct `listens` of \(name), or this machine's resolver."
                )
            ]
        }
        do {
            try await Self.connect(endpoint.host, Int(endpoint.port))
        } catch {
            return [
                .init(
                    "neighbour",
                    about: name,
                    .error,
                    "Nobody answers at \(endpoint): \(Self.word(error)).\(last)",
                    hint: "Is its daemon running? `tributary topology firewall` lists what must be "
                        + "open."
                )
            ]
        }
        guard said != nil else {
            return [
                .init(
                    "neighbour",
                    about: name,
                    .ok,
                    "Somebody answers at \(endpoint); whether it is \(name), a call will tell."
                )
            ]
        }
        return [
            .init(
                "neighbour",
                about: name,
                .warning,
                "Somebody answers at \(endpoint), and no call is up.\(last)",
                hint: "`tributary call \(name)` dials now and says why not."
            )
        ]
    }

    // MARK: The system

    /// Asks the system's resolver, on a thread of its own since it may take long.
    private static func resolve(_ host: String, _ port: Int) async throws -> SocketAddress {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let found = eventLoop.makePromise(of: SocketAddress.self)
        Self.queue.async {
            found.completeWith(
                Result { try SocketAddress.makeAddressResolvingHost(host, port: port) }
            )
        }
        // What comes first counts; the other is dropped.
        let deadline = eventLoop.scheduleTask(in: .seconds(Self.patience)) {
            found.fail(Overdue())
        }
        defer { deadline.cancel() }
        return try await found.futureResult.get()
    }

    /// Opens a connection and closes it again; nothing is said over it.
    private static func connect(_ host: String, _ port: Int) async throws {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(Self.patience))
            .connect(host: host, port: port).get()
        try? await channel.close()
    }

    private struct Overdue: Error {}

    /// What the system says of a failure, in few words.
    private static func word(_ error: any Error) -> String {
        error is Overdue
            ? "the resolver did not answer within \(Self.patience) s" : LinkError.words(for: error)
    }
}
