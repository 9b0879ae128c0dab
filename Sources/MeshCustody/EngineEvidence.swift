import Logging
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// Who is behind is shown its own signature; nothing else counts against a node.
extension Engine {
    // MARK: Showing

    /// Shows a neighbour what is held here of it, and its hello does not know.
    ///
    /// When it asks, it is shown all the same.
    func showEvidence(to call: Call, isWanted: Bool = false) {
        let hello = call.hello
        guard let held = self.ask(nil, { try $0.peer(call.peer) }) else { return }
        let isSame = held.incarnation == hello.incarnation && !isWanted
        guard isSame || held.incarnation.number >= hello.incarnation.number else { return }
        if let statement = self.ask(
            nil,
            {
                try $0.lastStatement(
                    of: call.peer,
                    in: held.incarnation,
                    beyond: isSame ? hello.lastBatch : 0
                )
            }
        ) {
            call.session.send(.evidence(.statement(statement)))
        }
        for flow in self.parts.index.flows where flow.origins.contains(call.peer) {
            let stream = FlowStream(
                origin: call.peer,
                flow: flow.name,
                incarnation: held.incarnation
            )
            guard let row = self.ask(nil, { try $0.lastParcel(of: stream) }) else { continue }
            if isSame, row.sequence <= hello.lastOpenings[flow.name] ?? SequenceNumber(0) {
                continue
            }
            self.show(row, to: call)
        }
    }

    /// Shows a parcel's origin its opening.
    func show(_ row: ParcelRow, to call: Call) {
        call.session.send(
            .evidence(
                .opening(
                    row.opening,
                    closing: row.isSmall ? row.closing ?? [] : [],
                    signature: row.openingSignature
                )
            )
        )
    }

    // MARK: Being shown

    /// Looks at this node's own word, as a neighbour has it.
    func examine(_ evidence: Evidence, from call: Call) {
        let index = self.parts.index
        if case .wanted = evidence { return self.showEvidence(to: call, isWanted: true) }
        if case .statement(let bytes) = evidence {
            let statement = try? SignedStatement(verifying: bytes, mesh: self.parts.mesh) {
                index.statementKey($0, $1)
            }
            guard let statement, statement.signer == self.parts.node else {
                return self.cut(call, why: "statement_invalid", "evidence that proves nothing")
            }
            return self.learn(fromOwn: statement, shownBy: call.peer)
        }
        guard let (opening, id) = evidence.opening(key: { index.statementKey($0, $1) }),
            opening.origin == self.parts.node, opening.mesh == self.parts.mesh
        else { return self.cut(call, why: "signature_invalid", "evidence that proves nothing") }
        guard self.ask(nil, { try $0.parcel(id) }) == nil else { return }
        let isAhead = opening.sequence > self.lastOpening(of: opening.flow)
        self.judge(
            opening.incarnation,
            state: isAhead ? .rolledBack : .doubled,
            "\(call.peer) has number \(opening.sequence) of \(opening.flow), which this node has "
                + (isAhead ? "not opened." : "opened for another file.")
        )
    }

    /// This node's own statement came back: it may say more than this node remembers.
    func learn(fromOwn statement: SignedStatement, shownBy peer: NodeName) {
        let last = self.lastBatch?.number ?? 0
        let isSame = statement.signerIncarnation == self.incarnation
        let (number, digest) = (statement.batch.number, statement.batch.digest)
        if isSame, number <= last {
            let own = Self.batchDigest(
                of: self.parts.node,
                in: self.incarnation,
                number,
                self.store
            )
            // Signed here and not yet in the index: it cannot have left this node.
            guard let own, own != digest else { return }
        }
        self.judge(
            statement.signerIncarnation,
            state: number > last ? .rolledBack : .doubled,
            "\(peer) has batch \(number) of this node, which "
                + (number > last ? "remembers \(last)." : "has signed another.")
        )
    }

    /// What follows from a signature of this node's own that it does not know.
    private func judge(_ life: Incarnation, state: NodeLife, _ detail: String) {
        guard !self.standsStill else { return }
        if life == self.incarnation { return self.standStill(as: state, detail) }
        guard life.number >= self.incarnation.number else { return }
        if self.life.life == .fresh { return self.moveUp(above: life.number) }
        self.life.highest = max(self.life.highest, life.number)
        self.standStill(
            as: .doubled,
            "This node has signed as incarnation \(life.number). \(detail)"
        )
    }

    // MARK: One number, two parcels

    /// Answers an offer whose number another parcel has: the collector's signed word ends it.
    func refuseDoubled(_ opening: SignedOpening, closing: ClosingID?, by call: Call) {
        let stream = opening.opening.stream
        let other = self.ask(nil) { try $0.parcel(of: stream, opening.opening.sequence) }
        if opening.opening.collector == self.parts.node {
            self.draft(
                .refused,
                reason: "doubled",
                [
                    StatementLeaf(
                        sequence: opening.opening.sequence,
                        parcel: opening.id,
                        closing: closing,
                        detail: "its number belongs to another parcel"
                    )
                ],
                to: Destination(neighbour: call.peer, stream: stream)
            )
            // The statement is the answer, once it is durable; a small parcel has no other.
            guard closing == nil else { return }
            return call.session.send(.answer(opening.id, .later(until: nil, why: "doubled")))
        }
        if call.peer == stream.origin, let other,
            let row = self.ask(nil, { try $0.parcel(other) })
        {
            self.show(row, to: call)
        }
        let detail = other.map { "its number belongs to \($0)" } ?? "its number is taken"
        call.session.send(.answer(opening.id, .never(why: "doubled", detail: detail)))
    }

    /// A neighbour says that the number of a parcel captured here is taken.
    ///
    /// In this life that is the neighbour's to prove, and the parcel waits; in an earlier one it
    /// is why there is a next, and the file is opened anew.
    ///
    /// - Returns: Whether it is such a parcel.
    func isNumberTaken(of parcel: ParcelID, by call: Call) -> Bool {
        guard let row = self.ask(nil, { try $0.parcel(parcel) }), row.giver == nil else {
            return false
        }
        call.gifts[parcel] = nil
        self.refusals[parcel, default: [:]][call.peer] = "doubled"
        if row.stream.incarnation != self.incarnation, row.state == .held || row.state == .arriving
        {
            self.end(parcel, .abandoned, reason: "doubled")
        }
        self.reroute()
        return true
    }

    /// Somebody has refused parcels because others have their numbers.
    ///
    /// The word goes back the way that they came, from giver to giver: two nodes may have the
    /// origin's name, and the nearest need not be the one that is meant.
    func isDoubled(_ statement: SignedStatement) {
        guard statement.isDoubled, statement.kind == .refused else { return }
        let givers = statement.leaves.compactMap { leaf in
            self.ask(nil) { try $0.parcel(leaf.parcel) }?.giver
        }
        let digest = Digest.sha256(statement.bytes)
        self.log(
            try Set(givers).filter { $0 != statement.signer }.sorted()
                .map { try .forward(digest, to: $0, at: self.now) }
        ) {}
        guard statement.stream.origin == self.parts.node,
            statement.stream.incarnation == self.incarnation, !self.standsStill
        else { return }
        if self.life.life == .fresh { return self.moveUp(above: self.incarnation.number) }
        let number = statement.leaves.first?.sequence.rawValue ?? 0
        self.standStill(
            as: .doubled,
            "\(statement.signer) has two files with number \(number) of \(statement.stream.flow)."
        )
    }
}
