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
        public let receives: [FlowName: String]
        /// The most that its spool may take from the disk.
        public let spool: ByteCount

        /// The size of a spool where the topology names none.
        public static let spoolByDefault = ByteCount.gibibytes(10)
    }

    /// A directory whose files belong to a flow.
    public struct Source: Hashable, Sendable {
        /// The flow.
        public let flow: FlowName
        /// The directory; a relative path counts from the home of the node.
        public let path: String
    }

    /// Two nodes that may talk; data goes both ways whoever dials.
    public struct Link: Hashable, Sendable {
        /// The node that opens calls.
        public let dialler: NodeName
        /// The node that is called.
        public let listener: NodeName
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
        /// When a file counts as complete.
        public let doneWhen: DoneWhen
        /// What a newer version of a landed file does.
        public let again: LandingAgain
        /// The number of the cut profile.
        public let profile: UInt32

        /// The cut profile where the topology names none.
        public static let profileByDefault: UInt32 = 1
    }
}

/// Which of several waiting files goes first.
public enum FileOrder: String, CaseIterable, Hashable, Sendable {
    /// The one modified last.
    case newest
    /// The one modified first.
    case oldest
    /// The shortest.
    case smallest
    /// The longest.
    case largest
    /// The one whose path sorts first, byte by byte.
    case name
}

/// When a file in a source counts as complete.
public enum DoneWhen: String, CaseIterable, Hashable, Sendable {
    /// As soon as it is there: producers write elsewhere and rename into the source.
    case renamed
    /// When a command hands it over; scans do not take it.
    case sent
}

/// What a newer version of a file that has landed does.
public enum LandingAgain: String, CaseIterable, Hashable, Sendable {
    /// Takes the place of the older.
    case replace
}
