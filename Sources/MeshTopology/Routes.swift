import MeshModel

/// The links of a mesh as a graph; a link carries data both ways, whoever dials.
struct Routes: Sendable, Hashable {
    struct Edge: Hashable {
        let to: Int
        let prefer: UInt32
    }

    /// What a way costs: compared by the sum of `prefer`, then by the number of links.
    struct Cost: Hashable, Comparable {
        var prefer: UInt64
        var hops: Int

        static func < (left: Self, right: Self) -> Bool {
            (left.prefer, left.hops) < (right.prefer, right.hops)
        }

        func over(_ edge: Edge) -> Self {
            Self(prefer: self.prefer + UInt64(edge.prefer), hops: self.hops + 1)
        }
    }

    private let names: [NodeName]
    private let numbers: [NodeName: Int]
    /// The links at each node by its number, ordered by the name of the node at the other end.
    private let edges: [[Edge]]

    /// Gathers the graph; links to nodes that are not among `nodes` do not count.
    ///
    /// Of several links between two nodes the one that is preferred counts.
    init(nodes: [NodeName], links: [(NodeName, NodeName, prefer: UInt32)]) {
        // Numbers follow names, so that equal meshes choose equal ways.
        let names = Set(nodes).sorted()
        let numbers = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
        var edges = [[Int: UInt32]](repeating: [:], count: names.count)
        for (one, other, prefer) in links {
            guard let one = numbers[one], let other = numbers[other], one != other else { continue }
            edges[one][other] = min(prefer, edges[one][other] ?? .max)
            edges[other][one] = min(prefer, edges[other][one] ?? .max)
        }
        self.names = names
        self.numbers = numbers
        self.edges = edges.map { edges in
            edges.sorted { $0.key < $1.key }.map { Edge(to: $0.key, prefer: $0.value) }
        }
    }

    /// The neighbours of a node.
    func neighbours(of node: NodeName) -> Set<NodeName> {
        guard let number = self.numbers[node] else { return [] }
        return Set(self.edges[number].map { self.names[$0.to] })
    }

    /// Every node that has a way to `start`, itself included; O(nodes + links).
    func reached(from start: NodeName, without avoided: NodeName? = nil) -> Set<NodeName> {
        guard let start = self.numbers[start], self.names[start] != avoided else { return [] }
        let avoided = avoided.flatMap { self.numbers[$0] }
        var reached: Set<Int> = [start]
        var open = [start]
        while let node = open.popLast() {
            for edge in self.edges[node]
            where edge.to != avoided && reached.insert(edge.to).inserted {
                open.append(edge.to)
            }
        }
        return Set(reached.map { self.names[$0] })
    }

    /// The neighbours of `node` that have a way to `target` not through `node`, best first.
    func nextHops(from node: NodeName, to target: NodeName) -> [NodeName] {
        guard let from = self.numbers[node], let to = self.numbers[target], from != to else {
            return []
        }
        let costs = self.costs(from: to, without: from)
        let ways = self.edges[from].compactMap { edge in
            costs[edge.to].map { (cost: $0.over(edge), next: edge.to) }
        }
        return ways.sorted { ($0.cost, $0.next) < ($1.cost, $1.next) }.map { self.names[$0.next] }
    }

    /// For each node that has a way to `target`, the next one on the best way.
    func ways(to target: NodeName) -> [NodeName: NodeName] {
        guard let to = self.numbers[target] else { return [:] }
        let costs = self.costs(from: to, without: nil)
        var next: [NodeName: NodeName] = [:]
        for (node, name) in self.names.enumerated() where node != to {
            let ways = self.edges[node].compactMap { edge in
                costs[edge.to].map { (cost: $0.over(edge), next: edge.to) }
            }
            if let best = ways.min(by: { ($0.cost, $0.next) < ($1.cost, $1.next) }) {
                next[name] = self.names[best.next]
            }
        }
        return next
    }

    /// What the best way from each node to `start` costs; `nil` where no way leads.
    ///
    /// Dijkstra's search.
    private func costs(from start: Int, without avoided: Int?) -> [Cost?] {
        var costs = [Cost?](repeating: nil, count: self.names.count)
        var open = MinHeap<OpenNode>()
        open.insert(OpenNode(cost: Cost(prefer: 0, hops: 0), node: start))
        while let nearest = open.removeLeast() {
            guard costs[nearest.node] == nil else { continue }
            costs[nearest.node] = nearest.cost
            for edge in self.edges[nearest.node]
            where edge.to != avoided && costs[edge.to] == nil {
                open.insert(OpenNode(cost: nearest.cost.over(edge), node: edge.to))
            }
        }
        return costs
    }

    private struct OpenNode: Comparable {
        let cost: Cost
        let node: Int

        static func < (left: Self, right: Self) -> Bool {
            (left.cost, left.node) < (right.cost, right.node)
        }
    }
}

/// A binary heap: the least of many is at hand.
struct MinHeap<Element: Comparable> {
    private var elements: [Element] = []

    mutating func insert(_ element: Element) {
        self.elements.append(element)
        var child = self.elements.count - 1
        while child > 0, self.elements[child] < self.elements[(child - 1) / 2] {
            self.elements.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeLeast() -> Element? {
        guard let least = self.elements.first else { return nil }
        self.elements.swapAt(0, self.elements.count - 1)
        self.elements.removeLast()
        var parent = 0
        while true {
            let children = [2 * parent + 1, 2 * parent + 2].filter { $0 < self.elements.count }
            guard let lesser = children.min(by: { self.elements[$0] < self.elements[$1] }),
                self.elements[lesser] < self.elements[parent]
            else { return least }
            self.elements.swapAt(lesser, parent)
            parent = lesser
        }
    }
}
