import MeshCustody
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshTesting
import MeshTopology
import Synchronization
import Testing

/// What a hostile origin signs ends with a statement that says why, and touches nothing.
@Suite(.timeLimit(.minutes(5))) struct HostilePathTests {
    @Test(arguments: [
        "../../escaped", "/etc/escaped", "a/../../escaped", "a//b", "", "a/./b",
        String(repeating: "x", count: 256), "nul\u{0}byte", ".tributary-x.part",
    ])
    func aPathThatWouldLeaveTheRootEndsAsRefused(path: String) async throws {
        let scratch = try Scratch()
        let mesh = try TestMesh(WalkThroughTests.line, directory: scratch.path)
        try await mesh.start("collector")
        let origin = try await mesh.home("origin")
        let relay = try await mesh.home("relay").view.node
        let view = origin.view
        let content = noise(100, seed: 1)
        let opening = Opening(
            mesh: view.mesh,
            origin: view.node,
            flow: view.sends[0].flow,
            collector: view.sends[0].collector,
            incarnation: Incarnation(number: 1, random: 1),
            sequence: SequenceNumber(1),
            size: ByteCount(content.count),
            opened: UnixMilliseconds(1_800_000_000_000),
            path: Array(path.utf8),
            modified: 0,
            mode: 0o644
        )
        let draft = try SmallDraft(
            opening: opening,
            size: content.count,
            digest: .sha256(content),
            codec: 0,
            content: content,
            key: origin.key
        )
        let small = try SmallParcel.signed([draft], key: origin.key)[0]
        let at = UnixMilliseconds(1_800_000_000_000)
        let first = try #require(
            Passage.empty.appending(PassageLine(node: view.node, arrived: at, held: at))
        )
        let passage = try #require(
            first.appending(
                PassageLine(node: relay, arrived: at, held: at, previous: first.digest)
            )
        )

        let (statements, said) = AsyncStream<SignedStatement>.makeStream()
        let session = ScriptedSession(peer: relay) { message in
            guard case .note(_, _, _, .statement(let bytes)) = message,
                let statement = try? SignedStatement(trusted: bytes)
            else { return }
            said.yield(statement)
        }
        let engine = try await mesh.node("collector").engine
        engine.post(
            .session(
                .opened(
                    session,
                    hello: Hello(
                        mesh: view.mesh,
                        node: relay,
                        runID: 1,
                        incarnation: Incarnation(number: 1, random: 1),
                        clock: at
                    )
                )
            )
        )
        engine.post(.session(.message(session, .small(small, passage, again: false))))

        var refusal: SignedStatement?
        for await statement in statements where statement.kind.isTerminal {
            refusal = statement
            break
        }
        #expect(refusal?.kind == .refused)
        #expect(refusal?.reason == "path_refused")
        #expect(refusal?.leaves.first?.parcel == small.id)
        #expect(mesh.landings.renames == 0)
        await mesh.stop()
    }
}
