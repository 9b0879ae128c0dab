import Dispatch
import Logging
import MeshContent
import MeshFiles
import MeshModel
import MeshProtocol
import MeshSpool
import MeshTopology

/// What of a parcel is in the file that its landing writes, and nowhere else here.
struct Placed {
    /// Came and is to be written, or is not durable yet, by number.
    var blobs: [UInt64: StoredBlob] = [:]
    /// Entries before it are in the log, in the file, or among the blobs.
    var front: UInt64 = 0
    /// Entries before it are durable in the file, and a record that says so is on its way.
    var recorded: UInt64 = 0
    /// The log knows the file.
    var isBegun = false
}

// A landing that keeps no copy: blobs that come in their order are written where they land, and not
// into the log. The giver stays custodian until the file is whole and durable; whatever happens to it
// before, its blobs are wanted again, and take the way through the log.
extension Engine {
    /// Takes a blob for the file of its parcel; `false` if it is to go into the log.
    func place(_ blob: StoredBlob, _ number: UInt64, of parcel: ParcelID) -> Bool {
        guard let arrival = self.arrivals[parcel], !arrival.isCopied,
            arrival.opening.collector == self.parts.node,
            self.parts.view.receives[arrival.opening.flow]?.isCopied == false,
            var ahead = self.landings.ahead[parcel] ?? self.beginAhead(arrival)
        else { return false }
        var placed = ahead.placed ?? Placed()
        placed.pass(arrival.had)
        guard number == placed.front else { return placed.blobs[number] != nil }
        placed.blobs[number] = blob
        ahead.placed = placed
        self.landings.ahead[parcel] = ahead
        self.placeAhead(parcel)
        return true
    }

    /// Writes what is here from the front on, in the log or in memory.
    func placeAhead(_ parcel: ParcelID) {
        guard let arrival = self.arrivals[parcel], var ahead = self.landings.ahead[parcel],
            var placed = ahead.placed
        else { return }
        placed.pass(arrival.had)
        ahead.placed = placed
        let end = placed.front
        let runs = !ahead.isRunning && end > ahead.reached
        if runs { (ahead.isRunning, ahead.reached) = (true, end) }
        self.landings.ahead[parcel] = ahead
        if runs { self.runPlacing(ahead, of: parcel) }
    }

    private func runPlacing(_ ahead: LandingAhead, of parcel: ParcelID) {
        let (assembly, end, mailbox) = (ahead.assembly, ahead.reached, self.mailbox)
        let blobs = ahead.placed?.blobs ?? [:]
        LandingWork.queue.async {
            let outcome = Result { try assembly.place(blobs, upTo: end) }
            mailbox.yield(.landing(.placed(parcel, outcome)))
        }
    }

    func placed(_ outcome: Result<OpenLanding, any Error>, of parcel: ParcelID) {
        guard var ahead = self.landings.ahead[parcel], var placed = ahead.placed, ahead.isRunning
        else { return }
        ahead.isRunning = false
        self.landings.ahead[parcel] = ahead
        let landing: OpenLanding
        switch outcome {
        case .success(let written): landing = written
        case .failure(let error): return self.startOver(parcel, why: "\(error)")
        }
        let new = placed.recorded..<ahead.reached
        if !new.isEmpty {
            let begun = placed.isBegun ? [] : [landing]
            (placed.recorded, placed.isBegun) = (new.upperBound, true)
            ahead.placed = placed
            self.landings.ahead[parcel] = ahead
            let assembly = ahead.assembly
            self.log(
                try begun.map { try .begun($0, at: self.now) }
                    + [
                        .release(
                            parcel,
                            RunSet([new.lowerBound...new.upperBound - 1]),
                            why: .placed,
                            at: self.now
                        )
                    ]
            ) {
                self.arePlaced(new, of: parcel, by: assembly)
            }
        }
        self.placeAhead(parcel)
    }

    private func arePlaced(
        _ numbers: Range<UInt64>,
        of parcel: ParcelID,
        by assembly: LandingAssembly
    ) {
        for number in numbers {
            guard self.landings.ahead[parcel]?.assembly === assembly else { return }
            guard self.landings.ahead[parcel]?.placed?.blobs.removeValue(forKey: number) != nil
            else { continue }
            self.blobIsDurable(number, of: parcel, in: .file)
        }
    }

    /// How many of a parcel's entries, from the first on, are in the file that its landing writes.
    func placedEntries(of row: ParcelRow) -> UInt64 {
        guard row.state == .arriving,
            self.landings.ahead[row.id]?.placed != nil || self.landings.busy[row.id] != nil
        else { return 0 }
        return self.ask(0) { try $0.placedEntries(of: row.number) }
    }

    /// Whether something of a parcel that this node is not custodian of is in its file only.
    func isInPlace(_ row: ParcelRow) -> Bool {
        self.landings.ahead[row.id]?.placed?.isBegun ?? (self.placedEntries(of: row) > 0)
    }

    /// Whether a parcel that this node is not custodian of yet is whole in its file, but for the file's
    /// own digest.
    func isWholeInPlace(_ row: ParcelRow) -> Bool {
        row.state == .arriving && self.landings.ahead[row.id]?.placed?.isBegun == true
            && self.arrivals[row.id]?.isChecked == true
    }

    /// Whether a landing that keeps no copy begins anew after what came of it.
    func startsOver(_ job: LandingJob, after result: LandingOutcome.Result) -> Bool {
        let why: String
        switch result {
        case .damaged: why = "what was written is not there"
        case .waits(_, let detail): why = detail
        // What was written before a restart may have changed since.
        case .digestDiffers where job.assembly.written != nil: why = "the digest differs"
        default: return false
        }
        self.startOver(job.row.id, why: why)
        return true
    }

    /// What was written is lost: all of it is wanted again, and goes through the log.
    private func startOver(_ parcel: ParcelID, why: String) {
        self.parts.logger.warning(
            "Landing begins anew, through the spool",
            metadata: ["parcel.id": "\(parcel)", "error": "\(why)"]
        )
        self.landings.forget(parcel)
        // Nothing follows from what it was believed to have.
        self.arrivals[parcel]?.isComplete = true
        self.arrivals[parcel]?.check = nil
        self.arrivals[parcel]?.isCopied = true
        self.log([try .lost(parcel, at: self.now)]) {
            guard let old = self.arrivals[parcel],
                let row = self.ask(nil, { try $0.parcel(parcel) }),
                var arrival = self.arrival(of: row, giver: old.giver)
            else { return }
            arrival.isCopied = true
            self.arrivals[parcel] = arrival
            self.roomTaken[parcel] = self.roomOwed(to: arrival)
            for entry in old.wanted.values { self.blobsWanted.remove(entry.blob) }
            guard let call = self.calls[old.giver] else { return }
            call.session.unwant(parcel)
            call.pendingBytes -= old.wantedBytes
            self.fillWants(call)
            self.checkComplete(parcel)
        }
    }

    /// Takes up a file that was being written when the node stopped.
    func reopen(_ landing: OpenLanding) {
        guard let row = self.ask(nil, { try $0.parcel(landing.parcel) }), row.state == .arriving,
            let opening = try? Opening(encoded: row.opening),
            let root = self.parts.landings[opening.flow], let final = Self.finalPath(of: opening)
        else { return self.log([try .lost(landing.parcel, at: self.now)]) {} }
        let entries = self.ask(0) { try $0.placedEntries(of: row.number) }
        let written = LandingAssembly.Written(landing: landing, entries: entries)
        var ahead = LandingAhead(
            assembly: self.assembly(opening, row, final, root, goingOnWith: written)
        )
        ahead.placed = Placed(front: entries, recorded: entries, isBegun: true)
        // Looked at and hashed at once: if it is not there, its blobs are to be asked for.
        (ahead.reached, ahead.isRunning) = (entries, true)
        self.landings.ahead[row.id] = ahead
        self.runPlacing(ahead, of: row.id)
    }
}

extension Placed {
    /// Moves the front over what is in the log or has come.
    mutating func pass(_ had: RunSet) {
        while true {
            if let run = had.runs.first(where: { $0.contains(self.front) }) {
                self.front = run.upperBound + 1
            } else if self.blobs[self.front] != nil {
                self.front += 1
            } else {
                return
            }
        }
    }
}
