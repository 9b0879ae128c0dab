import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// Homes that are copied, restored and wiped.
extension TestMesh {
    /// Copies a home as it is now, running or not: the copy is the same node in another place.
    ///
    /// It goes by `copy` in this mesh and by the node's name to all others; its source and its
    /// landing are directories of its own.
    package func copy(_ name: String, as copy: String) throws {
        let (name, copy) = (try Self.name(name), try Self.name(copy))
        guard var home = self.homes[name], let disk = self.disks[name] as? FaultyDisk else {
            throw UnknownNode(name: name.text)
        }
        let directory = home.directory
        home.directory += "-\(copy)"
        home.view = try View(of: home.view.node, in: self.topology, serial: 1)
            .resolvingPaths(beneath: home.directory)
        self.homes[copy] = home
        let copied = disk.crash(.everything, seed: 1)
        copied.move(from: directory, to: home.directory)
        self.disks[copy] = copied
    }

    /// A copy of a node's spool as it is now.
    package func backUp(_ name: String) throws -> FaultyDisk {
        guard let disk = try self.disk(name) as? FaultyDisk else { throw UnknownNode(name: name) }
        return disk.crash(.everything, seed: 1)
    }

    /// Puts a backup in the place of a stopped node's spool; without one, wipes it.
    package func restore(_ name: String, from backup: FaultyDisk = FaultyDisk()) throws {
        let node = try Self.name(name)
        guard self.nodes[node] == nil else { throw UnknownNode(name: name) }
        self.disks[node] = backup
        let index = "\(try self.home(name).directory)/spool/index.sqlite"
        for suffix in ["", "-wal", "-shm"] { try? RealDisk().unlink(index + suffix) }
    }

    /// Calls again after an end that asks for it, as a daemon does.
    func redial(_ pair: Pair) async throws {
        guard self.nodes[pair.dialler] != nil, self.nodes[pair.listener] != nil else { return }
        try await self.connect(pair.dialler.text, pair.listener.text)
    }
}

extension SessionEvent {
    /// Whether a node ended a call so that the next one begins with another hello.
    var endsForANewHello: Bool {
        guard case .closed(_, let reason, _) = self else { return false }
        return ["new_incarnation", "standing_still"].contains(reason)
    }
}
