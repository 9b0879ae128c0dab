import Logging
package import MeshModel
package import MeshSpool
import Synchronization

extension Engine {
    /// Opens a node's spool and puts an engine on it.
    ///
    /// An empty log begins an incarnation, and so does one whose history is damaged.
    ///
    /// `SpoolError` or `DatabaseError` comes out when the spool cannot be opened.
    package static func open(
        _ parts: EngineParts,
        spool directory: String,
        disk: any Disk,
        options: SpoolOptions,
        random: any RandomSource
    ) throws -> (Engine, Spool) {
        let mailbox = EngineMailbox()
        let made = Mutex<Index?>(nil)
        let (spool, recovery) = try Spool.open(
            directory,
            disk: disk,
            index: { path in
                let index = try Index(path: path, node: parts.node)
                made.withLock { $0 = index }
                return index
            },
            options: options,
            events: { mailbox.yield(.spool($0)) }
        )
        guard let store = made.withLock({ $0 }) else {
            preconditionFailure("A spool that is open has made its index.")
        }
        if !recovery.damage.isEmpty || recovery.rebuiltIndex {
            parts.logger.warning(
                "Spool recovered",
                metadata: [
                    "spool.damage": "\(recovery.damage.count)",
                    "spool.rebuilt": "\(recovery.rebuiltIndex)",
                    "spool.replayed": "\(recovery.replayed)",
                ]
            )
        }
        let known = try store.incarnation()
        let incarnation: Incarnation
        if let known, !recovery.isHistoryDamaged {
            incarnation = known
        } else {
            incarnation = Incarnation(number: (known?.number ?? 0) + 1, random: random.next())
            // A neighbour may know a later life: see Engine.meet.
            let position = try spool.append([
                try .incarnation(
                    incarnation,
                    mesh: parts.mesh,
                    node: parts.node,
                    at: parts.clock.now()
                ), try Engine.lifeRecord(.fresh, at: parts.clock.now()),
            ])
            try spool.wait(for: position)
        }
        let engine = try Engine(
            parts,
            spool: spool,
            store: store,
            incarnation: incarnation,
            random: random,
            mailbox: mailbox
        )
        return (engine, spool)
    }
}
