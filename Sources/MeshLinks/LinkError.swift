import Glibc
import MeshIdentity
import MeshModel
import MeshProtocol
import NIOCore
import NIOPosix

/// A call that did not come about.
///
/// Branch on ``code``. Show ``description`` to people; it is not stable and is never parsed.
package struct LinkError: Error, Sendable {
    /// What kind of failure this is.
    package enum Code: String, CaseIterable, Sendable {
        /// The address could not be listened on.
        case cannotListen = "cannot_listen"
        /// Nobody answers at the address.
        case unreachable
        /// The system knows no way to the address, or no address of the host: the line is down.
        case noRoute = "no_route"
        /// The peer's certificate does not convince us.
        case notTrusted = "not_trusted"
        /// Another node than the one that was dialled answers at the address.
        case wrongNode = "wrong_node"
        /// The peer closed before it said hello; often because it does not trust our certificate.
        case refused
        /// TLS, the protocol's version or its first message do not fit.
        case incompatible
        /// Handshake and hello took too long.
        case timedOut = "timed_out"
        /// Too many callers are in their handshakes; this one was turned away.
        case tooManyHandshakes = "too_many_handshakes"
        /// Our own key or certificate cannot be used.
        case badIdentity = "bad_identity"
        /// The service is being shut down.
        case stopped

        /// A stable, low-cardinality name for logs and metrics.
        package var name: String { self.rawValue }
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
    package init(_ code: Code, _ message: String, hint: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    /// The most specific code: that of the cause where the cause is what matters.
    package var detailCode: String {
        switch self.cause {
        case let error as IdentityError: error.code.name
        case let error as ProtocolError: error.code.name
        case let error as any LinkRefusal: error.refusalCode
        default: self.code.name
        }
    }
}

/// An error of a ``LinkPeerCheck`` that has a stable code of its own.
package protocol LinkRefusal: Error {
    /// The code.
    var refusalCode: String { get }
}

extension LinkError: CustomStringConvertible {
    /// One line for people: name, message, cause and hint.
    package var description: String {
        let hint = self.hint.map { " Hint: \($0)" } ?? ""
        let cause = self.cause.map { " (\($0))" } ?? ""
        return "\(self.code.name): \(self.message)\(cause)\(hint)"
    }
}

extension LinkError {
    /// Tells a line that is down from a peer that does not answer.
    static func unreached(
        _ node: NodeName,
        host: String,
        port: Int,
        _ cause: any Error
    ) -> Self {
        Self(
            Self.isNoRoute(cause) ? .noRoute : .unreachable,
            "\(node) cannot be reached at \(host):\(port): \(Self.words(for: cause))."
        )
    }

    /// What a connection failed with, in few words and without those of the library around them.
    package static func words(for error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            if let name = error.dnsAError ?? error.dnsAAAAError, error.connectionErrors.isEmpty {
                return Self.words(for: name)
            }
            var reasons: [String] = []
            for failure in error.connectionErrors.map({ Self.words(for: $0.error) })
            where !reasons.contains(failure) { reasons.append(failure) }
            return reasons.isEmpty ? "no address answers" : reasons.joined(separator: ", ")
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case is SocketAddressError.UnknownHost: return "the name is not known"
        case ChannelError.connectTimeout(let time):
            return "no answer within \(time.nanoseconds / 1_000_000_000) s"
        default: return "\(error)"
        }
    }

    private static func isNoRoute(_ error: any Error) -> Bool {
        switch error {
        case let error as NIOConnectionError:
            // Every address that there is lies beyond a line that is down, or there is none.
            error.connectionErrors.allSatisfy { Self.isNoRoute($0.error) }
        case let error as IOError:
            [ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, EADDRNOTAVAIL]
                .contains(error.errnoCode)
        case is SocketAddressError.UnknownHost: true
        default: false
        }
    }
}
