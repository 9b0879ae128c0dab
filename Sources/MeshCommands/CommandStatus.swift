/// How a command ended, as scripts see it; throw one when stderr has the reason already.
enum CommandStatus: Int32, Error, CaseIterable {
    case done = 0
    case failed = 1
    case usage = 2
    /// Finished, but something is left; the reason is on stderr.
    case left = 3
    case notReachable = 4
    case notPermitted = 5
    case notFound = 6
    case refused = 7
    case damaged = 8
    case tryLater = 75

    /// The status for an error's code; codes without one of their own are plain failures.
    init(code: String) {
        switch code {
        case "usage", "node_unnamed", "passphrase_needed": self = .usage
        case "gaps", "not_taken_up": self = .left
        case "not_reachable": self = .notReachable
        case "not_permitted", "private_file_exposed", "passphrase_wrong": self = .notPermitted
        case "not_found", "source_missing", "file_missing", "home_missing": self = .notFound
        case "site_forbids", "path_refused", "standing_still", "nothing_to_adopt",
            "not_dialled_here", "authority_changed", "authority_unconfirmed", "join_outdated",
            "key_change_unproven", "request_refused", "wrong_node":
            self = .refused
        case "damaged", "disk_failed": self = .damaged
        case "try_later", "stopping", "no_room": self = .tryLater
        default: self = .failed
        }
    }

    /// What the number says.
    var meaning: String {
        switch self {
        case .done: "done"
        case .failed: "failed"
        case .usage: "the command line is wrong"
        case .left: "finished, but something is left"
        case .notReachable: "the daemon is not reachable"
        case .notPermitted: "not permitted"
        case .notFound: "not found"
        case .refused: "refused by policy"
        case .damaged: "damage found"
        case .tryLater: "try later"
        }
    }

    /// All of them, on a line of the help.
    static var summary: String {
        Self.allCases.map { "\($0.rawValue) \($0.meaning)" }.joined(separator: " · ")
    }
}
