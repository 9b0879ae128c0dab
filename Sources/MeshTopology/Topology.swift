public import MeshModel

/// What the authority of a mesh declares: its nodes, the links between them, the flows over them.
///
/// A value that exists has passed every check of ``parse(_:file:)``: names are unique, each link's
/// listener listens, each flow has exactly one collector, and its origins have a way there.
public struct Topology: Hashable, Sendable {
    /// The name of the mesh.
    public let mesh: MeshName
    /// The nodes, in the order in which they are declared.
    public let nodes: [Node]
    /// The links, in the order in which they are declared.
    public let links: [Link]
    /// The flows: first those under `flows`, then those that only `sends` and `receives` name.
    public let flows: [Flow]
    /// What is permitted and yet looks like a slip.
    public let warnings: [Finding]

    /// The node of that name.
    public func node(_ name: NodeName) -> Node? { self.nodes.first { $0.name == name } }

    /// The flow of that name.
    public func flow(_ name: FlowName) -> Flow? { self.flows.first { $0.name == name } }
}

extension Topology {
    /// One running daemon with one identity.
    public struct Node: Hashable, Sendable {
        /// Its name.
        public let name: NodeName
        /// The directories whose files it sends, in the order in which they are declared.
        public let sends: [Source]
        /// Where it waits for calls; `nil` when it only dials.
        public let listens: Endpoint?
        /// The landing root of each flow that this node collects.
        ///
        /// Files land beneath it as `{origin}/{flow}/{path}`. A relative path counts from the home
        /// of the node.
        public let receives: [FlowName: Landing]
        /// The most that its spool may take from the disk.
        public let spool: ByteCount
        /// How much of the spool released blobs may keep, to spare sending them again.
        public let cache: ByteCount
        /// The most that the spool holds for one origin; `nil` sets no bound.
        public let quotaPerOrigin: ByteCount?
        /// The most that the spool holds of what one neighbour gave; `nil` sets no bound.
        public let quotaPerNeighbour: ByteCount?

        /// The size of a spool where the topology names none.
        public static let spoolByDefault = ByteCount.gibibytes(10)
    }

    /// A directory whose files belong to a flow.
    public struct Source: Hashable, Sendable {
        /// The flow.
        public let flow: FlowName
        /// The directory; a relative path counts from the home of the node.
        public let path: String
        /// Whether long files are copied into the spool when they are captured; if not, they are
        /// read from the directory until a neighbour has custody of them.
        public let isCopied: Bool
    }

    /// Where files of a flow land.
    public struct Landing: Hashable, Sendable {
        /// The directory; a relative path counts from the home of the node.
        public let path: String
        /// Whether long files are kept in the spool until they have landed; if not, they are written
        /// where they land as they come.
        public let isCopied: Bool

        /// Declares a landing.
        public init(path: String, isCopied: Bool) { (self.path, self.isCopied) = (path, isCopied) }
    }

    /// Two nodes that may talk; data goes both ways whoever dials.
    public struct Link: Hashable, Sendable {
        /// The node that opens calls.
        public let dialler: NodeName
        /// The node that is called.
        public let listener: NodeName
        /// How fast the line is; `nil` when the topology does not say.
        public let speed: LineSpeed?
        /// How silent calls are kept alive.
        public let keepalive: Keepalive
        /// What a parcel's way over this link costs: ways with the least sum are preferred.
        public let prefer: UInt32

        /// What ``prefer`` is where the topology names none.
        public static let preferByDefault: UInt32 = 100
    }

    /// A named stream of files from origins to exactly one collector.
    public struct Flow: Hashable, Sendable {
        /// Its name.
        public let name: FlowName
        /// The nodes that send it, in the order in which they are declared.
        public let origins: [NodeName]
        /// The node that lands it.
        public let collector: NodeName
        /// Which file goes first when several wait.
        public let first: FileOrder
        /// When the files go that were there when a source was first seen.
        public let backlog: Backlog
        /// When a file counts as complete.
        public let doneWhen: DoneWhen
        /// Which versions of a path travel.
        public let versions: Versions
        /// How urgent the flow is.
        public let flowClass: FlowClass
        /// The longest file that it takes; `nil` sets no bound.
        public let largest: ByteCount?
        /// What a newer version of a landed file does.
        public let again: LandingAgain
        /// The number of the cut profile.
        public let profile: UInt32
        /// How digests of its files are made.
        public let digest: DigestAlgorithm

        /// The cut profile where the topology names none.
        public static let profileByDefault: UInt32 = 1
        /// The cut profile that suits slow lines.
        public static let profileForThinLines: UInt32 = 2
    }
}
