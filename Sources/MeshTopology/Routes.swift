import MeshModel

/// The links of a mesh as a graph; a link carries data both ways, whoever dials.
///
/// Searches cost O(nodes + links).
struct Routes: Sendable, Hashable {
    private let names: [NodeName]
    private let numbers: [NodeName: Int]
    /// The neighbours of each node by number, ordered by name.
    private let adjacent: [[Int]]

    /// Gathers the graph; links to nodes that are not among `nodes` do not count.
    init(nodes: [NodeName], links: [(NodeName, NodeName)]) {
        // Numbers follow names, so that equal meshes choose equal ways.
        let names = Set(nodes).sorted()
        let numbers = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
        var adjacent = [Set<Int>](repeating: [], count: names.count)
        for (one, other) in links {
            guard let one = numbers[one], let other = numbers[other], one != other else { continue }
            adjacent[one].insert(other)
            adjacent[other].insert(one)
        }
        self.names = names
        self.numbers = numbers
        self.adjacent = adjacent.map { $0.sorted() }
    }

    /// The neighbours of a node.
    func neighbours(of node: NodeName) -> Set<NodeName> {
        guard let number = self.numbers[node] else { return [] }
        return Set(self.adjacent[number].map { self.names[$0] })
    }

    /// Every node that has a way to `start`, itself included.
    func reached(from start: NodeName, without avoided: NodeName? = nil) -> Set<NodeName> {
        guard let start = self.numbers[start] else { return [] }
        let hops = self.hops(from: start, without: avoided.flatMap { self.numbers[$0] })
        return Set(zip(self.names, hops).compactMap { $1 == nil ? nil : $0 })
    }

    /// The neighbours of `node` that have a way to `target` not through `node`, nearest first.
    func nextHops(from node: NodeName, to target: NodeName) -> [NodeName] {
        guard let from = self.numbers[node], let to = self.numbers[target], from != to else {
            return []
        }
        let hops = self.hops(from: to, without: from)
        let ways = self.adjacent[from].compactMap { next in hops[next].map { ($0, next) } }
        return ways.sorted { $0 < $1 }.map { self.names[$1] }
    }

    /// How many links each node is away from `start`; `nil` where no way leads.
    private func hops(from start: Int, without avoided: Int?) -> [Int?] {
        var hops = [Int?](repeating: nil, count: self.names.count)
        guard start != avoided else { return hops }
        hops[start] = 0
        var edge = [start]
        var distance = 0
        while !edge.isEmpty {
            distance += 1
            var next: [Int] = []
            for node in edge {
                for neighbour in self.adjacent[node]
                where neighbour != avoided && hops[neighbour] == nil {
                    hops[neighbour] = distance
                    next.append(neighbour)
                }
            }
            edge = next
        }
        return hops
    }
}
