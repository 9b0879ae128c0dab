import MeshIdentity
import MeshModel
import MeshProtocol
import MeshTesting
import MeshTopology
import Synchronization

/// Signs custody of closings that nobody has made, in the relay's name and in place of its word.
final class Forger: Sendable {
    private let signer = Mutex<StatementSigner?>(nil)

    func arm(_ home: TestHome) {
        let signer = StatementSigner(
            mesh: home.view.mesh,
            node: home.view.node,
            incarnation: Incarnation(number: 1, random: 1),
            key: home.key
        )
        self.signer.withLock { $0 = signer }
    }

    func disarm() { self.signer.withLock { $0 = nil } }

    func forge(_ node: NodeName, _ event: SessionEvent) -> SessionEvent {
        guard let signer = self.signer.withLock({ $0 }),
            case .message(
                let session,
                .note(let number, let destination, let hops, .statement(let bytes))
            ) = event,
            let statement = try? SignedStatement(trusted: bytes), statement.kind == .custody,
            let batch = try? signer.sign(
                [
                    StatementDraft(
                        kind: .custody,
                        stream: statement.stream,
                        leaves: statement.leaves.map {
                            StatementLeaf(
                                sequence: $0.sequence,
                                parcel: $0.parcel,
                                closing: ClosingID(.sha256([1])),
                                passage: $0.passage
                            )
                        }
                    )
                ],
                after: nil,
                at: statement.at
            ), let forged = batch.statements.first
        else { return event }
        let note = Message.note(
            number: number,
            destination: destination,
            hops: hops,
            .statement(forged.bytes)
        )
        return .message(session, note)
    }
}
