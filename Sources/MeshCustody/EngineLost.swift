import Logging
import MeshFiles
import MeshIdentity
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

// What somebody else no longer has, or must not go on with, begins again here.
extension Engine {
    // MARK: A neighbour that has forgotten

    /// Declares lost what a neighbour had taken in a life of which it has forgotten something.
    ///
    /// The origin makes such parcels again from their files; a relay takes them again when they
    /// are offered again. Signed with the next batch.
    func voidCustody(of call: Call) {
        let hello = call.hello
        let kept = Dictionary(hello.keptLives.map { ($0.incarnation, $0.batch) }) { max($0, $1) }
        func stands(_ word: KeptLife) -> Bool {
            word.incarnation.number >= hello.incarnation.number
                || word.batch <= kept[word.incarnation] ?? 0
        }
        var leaves: [Destination: [StatementLeaf]] = [:]
        var count = 0
        var cursor: Int64 = 0
        while true {
            let batch = self.ask([]) { try $0.passed(to: call.peer, after: cursor, limit: 1_024) }
            guard let last = batch.last else { break }
            cursor = last.row.number
            for parcel in batch where !parcel.custody.contains(where: stands) {
                count += 1
                leaves[Destination(neighbour: nil, stream: parcel.row.stream), default: []]
                    .append(self.leaf(parcel.row, passage: nil, detail: "\(call.peer)"))
            }
        }
        guard count > 0 else { return }
        self.parts.logger.warning(
            "Neighbour has lost parcels",
            metadata: ["peer.node": "\(call.peer)", "parcel.count": "\(count)"]
        )
        for (destination, leaves) in leaves {
            self.draft(.lost, reason: "incarnation", leaves, to: destination)
        }
        self.signDrafts()
    }

    /// A parcel that had left this node's hands is wanted again.
    func isLost(_ parcel: ParcelID) {
        self.healing.insert(parcel)
        self.stopGiving(parcel)
        self.recapture(parcel)
    }

    /// Answers for a parcel that a giver repeats *again*, if what was said before is not enough.
    ///
    /// Our custody is stated anew, because the old word moves nothing at the giver any more. What
    /// was passed on is taken again: whoever has it further on answers in the same way.
    ///
    /// - Returns: Whether that was to be done.
    func takesAgain(_ row: ParcelRow, from call: Call) -> Bool {
        switch row.state {
        case .held where row.giver != nil:
            self.draft(
                .custody,
                reason: "",
                [self.leaf(row, passage: Passage(lines: row.passage))],
                to: Destination(neighbour: call.peer, stream: row.stream)
            )
            if !row.isSmall {
                call.session.send(.answer(row.id, .later(until: nil, why: "stating")))
            }
            return true
        case .passed:
            // Told by its closing, it is complete again as soon as every blob is.
            self.log(
                [
                    try .admission(
                        row.id,
                        reserved: ByteCount(Self.reservation(row.size)),
                        giver: call.peer,
                        at: self.now
                    )
                ]
            ) {
                guard let row = self.ask(nil, { try $0.parcel(row.id) }), row.state == .arriving,
                    let call = self.calls[call.peer]
                else { return }
                self.resume(row, from: call)
            }
            return true
        default: return false
        }
    }

    /// The bytes of a parcel of this node's own cannot be made any more: it is given up.
    ///
    /// Unless it was made again only because the collector did not know it: then it may still be on
    /// its way, and whoever has custody of it must not hear that it has ended.
    func cannotMake(_ parcel: ParcelID, reason: String, detail: String = "") {
        let row = self.ask(nil) { try $0.parcel(parcel) }
        guard row?.unknownAt != nil else {
            return self.end(parcel, .abandoned, reason: reason, detail: detail)
        }
        self.parts.logger.warning(
            "Parcel cannot be offered again",
            metadata: ["parcel.id": "\(parcel)", "error.code": "\(reason)", "error": "\(detail)"]
        )
        self.healing.remove(parcel)
        self.log([try .leave(parcel, at: self.now)]) {}
    }

    // MARK: Files that are opened anew

    /// Abandons what this node opened in a life and has not seen end; the files are opened anew.
    func abandonAll(in life: Incarnation, reason: String) {
        var leaves: [FlowStream: [StatementLeaf]] = [:]
        var cursor: Int64 = 0
        while true {
            let rows = self.ask([]) { try $0.ownParcels(in: life, after: cursor, limit: 1_024) }
            guard let last = rows.last else { break }
            cursor = last.number
            for row in rows {
                leaves[row.stream, default: []].append(self.leaf(row, passage: nil))
            }
        }
        for (stream, leaves) in leaves {
            self.draft(
                .abandoned,
                reason: reason,
                leaves,
                to: Destination(neighbour: nil, stream: stream)
            )
        }
    }

    /// Has files opened anew whose parcels ended only because of their numbers.
    ///
    /// Whoever waits for such a parcel waits for the file's next one.
    func openAnew(after statement: SignedStatement) {
        guard statement.stream.origin == self.parts.node,
            statement.isDoubled || statement.reason == "renumbered"
        else { return }
        let flow = statement.stream.flow
        let rows = statement.leaves.compactMap { leaf in
            self.ask(nil) { try $0.parcel(leaf.parcel) }
        }
        for send in self.sends.values { for row in rows { send.opensAnew(row.id, flow) } }
        self.scanSources()
        self.handOverAgain(rows, of: flow)
    }

    /// Has the files of parcels sent anew, where no scan finds them: they were handed over by command.
    func handOverAgain(_ rows: [ParcelRow], of flow: FlowName) {
        guard self.parts.view.sends.contains(where: { $0.flow == flow && $0.doneWhen == .sent }),
            let root = self.parts.sources[flow]
        else { return }
        self.promise(
            SendTask(
                id: self.random.next() >> 1,
                paths: rows.map { Array("\(root.path)/".utf8) + $0.path },
                flow: flow,
                wait: nil,
                progress: { _ in },
                reply: { _ in }
            )
        )
    }
}
