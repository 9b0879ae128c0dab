import MeshLinks

/// Something that a node, or a command beside it, could not do.
///
/// Branch on ``code``. Show ``description`` to people; it is not stable and is never parsed.
package struct NodeError: Error, Sendable {
    /// What kind of failure this is.
    package struct Code: Hashable, Sendable {
        /// Exhaustive inside the package, so that exit codes come from a `switch`.
        package enum Kind: String, CaseIterable, Sendable {
            case alreadyRunning = "already_running"
            case authorityChanged = "authority_changed"
            case authorityUnconfirmed = "authority_unconfirmed"
            case controlFailed = "control_failed"
            case homeExists = "home_exists"
            case homeInvalid = "home_invalid"
            case homeMissing = "home_missing"
            case joinOutdated = "join_outdated"
            case keyChangeUnproven = "key_change_unproven"
            case keyUnknown = "key_unknown"
            case nodeUnnamed = "node_unnamed"
            case notNeighbour = "not_neighbour"
            case notPermitted = "not_permitted"
            case notReachable = "not_reachable"
            case passphraseNeeded = "passphrase_needed"
            case requestRefused = "request_refused"
            case siteForbids = "site_forbids"
            case wrongNode = "wrong_node"
        }

        package let kind: Kind

        /// A stable name for logs, metrics and the JSON API.
        package var name: String { self.kind.rawValue }

        /// Another daemon has this home.
        package static let alreadyRunning = Self(kind: .alreadyRunning)
        /// What is to be joined comes from another authority than the home trusts.
        package static let authorityChanged = Self(kind: .authorityChanged)
        /// Nobody has said yet that this authority is the right one.
        package static let authorityUnconfirmed = Self(kind: .authorityUnconfirmed)
        /// The daemon answered in a way that cannot be understood, or hung up.
        package static let controlFailed = Self(kind: .controlFailed)
        /// Something is there already, and nothing is overwritten.
        package static let homeExists = Self(kind: .homeExists)
        /// A file of the home is damaged, or does not fit the others.
        package static let homeInvalid = Self(kind: .homeInvalid)
        /// There is no home at this path, or a file of it is missing.
        package static let homeMissing = Self(kind: .homeMissing)
        /// What is to be joined is older than what the home has.
        package static let joinOutdated = Self(kind: .joinOutdated)
        /// A node asks for other keys, and its old ones do not agree.
        package static let keyChangeUnproven = Self(kind: .keyChangeUnproven)
        /// A peer shows another key than the index has for it.
        package static let keyUnknown = Self(kind: .keyUnknown)
        /// A home that has not been told which node it is.
        package static let nodeUnnamed = Self(kind: .nodeUnnamed)
        /// A peer of the mesh that the topology does not link with this node.
        package static let notNeighbour = Self(kind: .notNeighbour)
        /// The operating system said no.
        package static let notPermitted = Self(kind: .notPermitted)
        /// No daemon answers.
        package static let notReachable = Self(kind: .notReachable)
        /// The authority's key is under a passphrase, and none was given.
        package static let passphraseNeeded = Self(kind: .passphraseNeeded)
        /// A request for a certificate that does not fit the topology or the other requests.
        package static let requestRefused = Self(kind: .requestRefused)
        /// The mesh declares what the site's administrator has not allowed.
        package static let siteForbids = Self(kind: .siteForbids)
        /// Something that is for another node, or for other keys.
        package static let wrongNode = Self(kind: .wrongNode)
    }

    /// The kind of failure, to branch on.
    package let code: Code
    /// What happened, with the values involved.
    package let message: String
    /// What an operator can do about it, when there is something to do.
    package let hint: String?
    /// The failure underneath, when there is one.
    package let cause: (any Error)?

    /// Gathers an error.
    package init(
        _ code: Code,
        _ message: String,
        hint: String? = nil,
        cause: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
    }
}

extension NodeError: CustomStringConvertible {
    /// One line for people: name, message, cause and hint.
    package var description: String {
        let hint = self.hint.map { " Hint: \($0)" } ?? ""
        let cause = self.cause.map { " (\($0))" } ?? ""
        return "\(self.code.name): \(self.message)\(cause)\(hint)"
    }
}

extension NodeError: LinkRefusal {
    /// The code.
    package var refusalCode: String { self.code.name }
}
