import MeshModel
import MeshSpool
import MeshTopology

/// Over which neighbours a note goes to a node.
///
/// Only a step that leads nearer is taken at once: it cannot lead in a circle.
struct NoteWays {
    private let destination: NodeName
    /// Neighbours that are nearer to the destination than this node, best first.
    private let nearer: [NodeName]
    /// The others with a way to it that does not come back, and how many links theirs is long.
    private let others: [(neighbour: NodeName, hops: Int)]
    /// The neighbours that may ever be chosen, best first.
    let neighbours: [NodeName]

    /// Looks the ways up, in O(nodes + links).
    init(from node: NodeName, to destination: NodeName, in index: PublicIndex) {
        self.destination = destination
        var distances = [destination: 0]
        var edge = [destination]
        while !edge.isEmpty {
            var next: [NodeName] = []
            for near in edge {
                for neighbour in index.neighbours(of: near) where distances[neighbour] == nil {
                    distances[neighbour] = distances[near, default: 0] + 1
                    next.append(neighbour)
                }
            }
            edge = next
        }
        let own = distances[node] ?? 0
        let ways = index.nextHops(from: node, to: destination)
        let isNearer = { (way: NodeName) in distances[way, default: .max] < own }
        self.nearer = ways.filter(isNearer)
        self.others = ways.filter { !isNearer($0) }.map { ($0, distances[$0] ?? 0) }
        self.neighbours = self.nearer + self.others.map(\.neighbour)
    }

    /// The neighbour that takes a note now; `nil`: it waits.
    ///
    /// The destination itself; else the first choice, which is the way that the parcel came, as long
    /// as half of the hops are left; else a neighbour that is nearer. After a long wait a way round
    /// is taken, back to where it came from at last, but never with the hops that the way needs.
    ///
    /// - Parameters:
    ///   - note: The note.
    ///   - isLate: Whether it has waited for long.
    ///   - isUp: Whether a call with a neighbour is up.
    /// - Returns: One of the neighbours that are up.
    func choose(for note: WaitingNote, isLate: Bool, isUp: (NodeName) -> Bool) -> NodeName? {
        func isUsable(_ way: NodeName) -> Bool { way != note.cameFrom && isUp(way) }
        if self.nearer.contains(self.destination), isUp(self.destination) {
            return self.destination
        }
        if let first = note.firstChoice, isUsable(first), note.hops > UInt32(Limits.hopsMax / 2) {
            return first
        }
        if let way = self.nearer.first(where: isUsable) { return way }
        guard isLate else { return nil }
        let round = self.others.filter { isUp($0.neighbour) && Int(note.hops) > $0.hops + 2 }
        return (round.first { $0.neighbour != note.cameFrom } ?? round.first)?.neighbour
    }
}
