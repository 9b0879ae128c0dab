import MeshModel

/// What the files of a topology say, before it is checked whether the parts fit together.
struct TopologyDraft {
    /// A value with the place where it is written.
    struct Placed<Value> {
        var value: Value
        var at: Place
    }

    struct Node {
        var name: NodeName
        var at: Place
        var sends: [Source] = []
        var listens: Placed<Endpoint>?
        /// The landing root for every flow that no node names.
        var receivesAll: Placed<String>?
        var receives: [Landing] = []
        var spool = Placed(value: Topology.Node.spoolByDefault, at: .start)
        var cache = Placed(value: DeclaredShare.percent(25), at: .start)
        var quotaPerOrigin: Placed<DeclaredShare>?
        var quotaPerNeighbour: Placed<DeclaredShare>?
    }

    struct Source {
        var flow: FlowName
        var at: Place
        /// `nil` for what is fetched from elsewhere.
        var path: String?
        var isCopied = true
        /// Where it says that files are deleted or moved, and the word for it.
        var removes: Placed<String>?
    }

    struct Landing {
        var flow: FlowName
        var path: String
        var isCopied = true
        var at: Place
    }

    struct Link {
        var dialler: NodeName
        var listener: NodeName
        var at: Place
        var speed: Placed<LineSpeed>?
        var keepalive: Keepalive?
        var prefer = Topology.Link.preferByDefault
        /// A courier goes between the two; nobody dials.
        var isCarried = false
    }

    struct Flow {
        var name: FlowName
        var at: Place
        var first = FileOrder.oldest
        var backlog = Backlog.first
        var doneWhen = DoneWhen.renamed
        var versions = Versions.all
        var flowClass = FlowClass.usual
        var largest: Placed<ByteCount>?
        var again = LandingAgain.replace
        var profile = Topology.Flow.profileByDefault
        var digest = DigestAlgorithm.sha256
        var hasRelease = false
    }

    var mesh: MeshName?
    var nodes: [Node] = []
    var links: [Link] = []
    var flows: [Flow] = []
    /// A node, or what it receives, could not be read: then nothing can be said of what is missing.
    var hasUnreadNodes = false
    /// A link could not be read: then nothing can be said of ways.
    var hasUnreadLinks = false
}
