/// What a statement says of its parcels.
package enum StatementKind: String, CaseIterable, Sendable {
    /// The signer can reproduce all of the parcel and has the duty to deliver it.
    case custody
    /// The file stands on the collector's disk.
    case landed
    /// The collector's archive has confirmed the file.
    case secured
    /// A newer version of the file had landed before this one came.
    case landedLate = "landed-late"
    /// No way is left to land the parcel; the reason says why.
    case refused
    /// A newer parcel of the same series took its place before it landed.
    case superseded
    /// Its lifetime ended on the way.
    case expired
    /// The origin's operator took it back.
    case recalled
    /// The file changed or vanished at the origin before all of it was captured.
    case abandoned
    /// A custodian's bytes went bad and could not be repaired.
    case damaged
    /// A node that had custody has lost its log.
    case lost

    /// Whether the parcel has ended: nothing of it needs to be kept or offered any more.
    package var isTerminal: Bool {
        switch self {
        case .landed, .landedLate, .refused, .superseded, .expired, .recalled, .abandoned: true
        case .custody, .secured, .damaged, .lost: false
        }
    }

    var proto: ProtoStatementKind {
        switch self {
        case .custody: .custody
        case .landed: .landed
        case .secured: .secured
        case .landedLate: .landedLate
        case .refused: .refused
        case .superseded: .superseded
        case .expired: .expired
        case .recalled: .recalled
        case .abandoned: .abandoned
        case .damaged: .damaged
        case .lost: .lost
        }
    }

    init?(_ proto: ProtoStatementKind) {
        guard let kind = Self.allCases.first(where: { $0.proto == proto }) else { return nil }
        self = kind
    }
}
