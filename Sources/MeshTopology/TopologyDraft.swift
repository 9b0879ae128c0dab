import MeshModel

/// What a topology file says, before it is checked whether the parts fit together.
struct TopologyDraft {
    struct Node {
        var name: NodeName
        var at: Place
        var sends: [(flow: FlowName, path: String, at: Place)] = []
        var listens: (endpoint: Endpoint, at: Place)?
        /// The landing root for every flow that no node names.
        var receivesAll: (path: String, at: Place)?
        var receives: [(flow: FlowName, path: String, at: Place)] = []
        var spool = Topology.Node.spoolByDefault
        var cache = (share: DeclaredShare.percent(25), at: Place.start)
        var quotaPerOrigin: (share: DeclaredShare, at: Place)?
        var quotaPerNeighbour: (share: DeclaredShare, at: Place)?
    }

    struct Link {
        var dialler: NodeName
        var listener: NodeName
        var at: Place
        var speed: LineSpeed?
        var keepalive: Keepalive?
        var prefer = Topology.Link.preferByDefault

    }

    struct Flow {
        var name: FlowName
        var at: Place
        var first = FileOrder.oldest
        var backlog = Backlog.first
        var doneWhen = DoneWhen.renamed
        var versions = Versions.all
        var flowClass = FlowClass.usual
        var largest: ByteCount?
        var again = LandingAgain.replace
        var profile = Topology.Flow.profileByDefault
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
