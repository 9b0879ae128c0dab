import Dispatch
import MeshFiles
import MeshModel
import MeshProtocol
import MeshSpool

/// A file that is assembled while its parcel arrives.
struct LandingAhead {
    let assembly: LandingAssembly
    /// Entries that were asked for.
    var reached: UInt64 = 0
    var isRunning = false
    /// What is only there, of a landing that keeps no copy.
    var placed: Placed?

    func discard() {
        let assembly = self.assembly
        LandingWork.queue.async { assembly.discard() }
    }
}

// Landing overlaps with arrival: what is here from the front on is written and hashed at once.
extension Engine {
    /// How many files are assembled ahead at a time; each holds a file open.
    private static let aheadMax = 8

    /// Assembles a parcel as far as it is here; does nothing that its landing could not do again.
    func landAhead(_ parcel: ParcelID) {
        if self.landings.ahead[parcel]?.placed != nil { return self.placeAhead(parcel) }
        guard let arrival = self.arrivals[parcel], arrival.opening.collector == self.parts.node,
            let front = arrival.had.runs.first, front.lowerBound == 0
        else { return }
        let ready = min(front.upperBound + 1, arrival.entriesKnown)
        var ahead: LandingAhead
        if let known = self.landings.ahead[parcel] {
            ahead = known
        } else {
            guard let begun = self.beginAhead(arrival) else { return }
            ahead = begun
        }
        guard !ahead.isRunning, ready > ahead.reached, !ahead.assembly.hasFailed else { return }
        ahead.isRunning = true
        ahead.reached = ready
        self.landings.ahead[parcel] = ahead
        let (assembly, mailbox) = (ahead.assembly, self.mailbox)
        LandingWork.queue.async {
            // What fails here fails again when the parcel lands, and is told then.
            try? assembly.run(upTo: ready)
            mailbox.yield(.landing(.advanced(parcel)))
        }
    }

    func beginAhead(_ arrival: Arrival) -> LandingAhead? {
        let opening = arrival.opening
        guard self.landings.ahead.count < Self.aheadMax, self.healing.isEmpty,
            let root = self.parts.landings[opening.flow], let final = Self.finalPath(of: opening),
            let row = self.ask(nil, { try $0.parcel(arrival.id) }), row.state == .arriving
        else { return nil }
        return LandingAhead(assembly: self.assembly(opening, row, final, root))
    }

    /// Where a file lands beneath its root; `nil` if its origin gave it no path that can be there.
    static func finalPath(of opening: Opening) -> PathBytes? {
        guard PathBytes(opening.path) != nil else { return nil }
        return PathBytes(Array("\(opening.origin)/\(opening.flow)/".utf8) + opening.path)
    }

    func assembly(
        _ opening: Opening,
        _ row: ParcelRow,
        _ final: PathBytes,
        _ root: LandingRoot,
        goingOnWith written: LandingAssembly.Written? = nil
    ) -> LandingAssembly {
        self.landings.assemblies += 1
        // A file of an earlier run may still be there.
        let run = String(self.parts.runID & 0xFFFF_FFFF, radix: 36)
        return LandingAssembly(
            LandingAssembly.Parts(
                parcel: row.id,
                number: row.number,
                final: final,
                tag: "\("\(row.id)".prefix(24))-\(run)-\(self.landings.assemblies)",
                root: root,
                algorithm: opening.digest,
                spool: self.spool,
                store: self.store
            ),
            goingOnWith: written
        )
    }
}
