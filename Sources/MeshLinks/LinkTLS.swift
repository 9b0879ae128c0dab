import MeshIdentity
package import MeshModel
import NIOCore
import NIOSSL
import Synchronization

/// Judges the certificates that a peer shows, as DER with the peer's own first.
///
/// Gives the name of the node that they prove, or throws what is wrong with them.
package typealias LinkPeerCheck = @Sendable (_ chainDER: [[UInt8]]) async throws -> NodeName

/// Mutual TLS 1.3 for both ends of a call.
struct LinkTLS: Sendable {
    /// The one protocol that is spoken inside (ALPN).
    static let applicationProtocol = "tributary/1"

    private let client: NIOSSLContext
    private let server: NIOSSLContext
    private let check: LinkPeerCheck

    /// Takes up this node's identity.
    init(_ identity: TLSIdentity, check: @escaping LinkPeerCheck) throws(LinkError) {
        do {
            let chain = try NIOSSLCertificate.fromPEMBytes(Array(identity.certificatePEM.utf8))
            let key = try NIOSSLPrivateKey(bytes: Array(identity.keyPEM.utf8), format: .pem)
            self.client = try NIOSSLContext(
                configuration: Self.common(
                    .makeClientConfiguration(),
                    chain: chain,
                    key: key
                )
            )
            self.server = try NIOSSLContext(
                configuration: Self.common(
                    .makeServerConfiguration(
                        certificateChain: chain.map { .certificate($0) },
                        privateKey: .privateKey(key)
                    ),
                    chain: chain,
                    key: key
                )
            )
        } catch {
            throw LinkError(
                .badIdentity,
                "This node's TLS key or certificate cannot be used.",
                cause: error
            )
        }
        self.check = check
    }

    private static func common(
        _ base: TLSConfiguration,
        chain: [NIOSSLCertificate],
        key: NIOSSLPrivateKey
    ) -> TLSConfiguration {
        var tls = base
        tls.certificateChain = chain.map { .certificate($0) }
        tls.privateKey = .privateKey(key)
        tls.minimumTLSVersion = .tlsv13
        // Demands a certificate of the peer; `check` overrides how it is judged. Without roots of
        // ours, those of the system would be loaded.
        tls.certificateVerification = .noHostnameVerification
        tls.trustRoots = .certificates([])
        tls.applicationProtocols = [Self.applicationProtocol]
        return tls
    }

    /// The handler of a dialling end; asks for `node` by name.
    func clientHandler(
        expecting node: NodeName,
        verdict: PeerVerdict
    ) throws -> NIOSSLClientHandler {
        let callback = self.callback(verdict, expecting: node)
        do {
            return try NIOSSLClientHandler(
                context: self.client,
                serverHostname: node.text,
                customVerificationCallback: callback
            )
        } catch is NIOSSLExtraError {
            // A name that looks like an address cannot be asked for: it is checked all the same.
            return try NIOSSLClientHandler(
                context: self.client,
                serverHostname: nil,
                customVerificationCallback: callback
            )
        }
    }

    /// The handler of a listening end.
    func serverHandler(verdict: PeerVerdict) -> NIOSSLServerHandler {
        NIOSSLServerHandler(
            context: self.server,
            customVerificationCallback: self.callback(verdict, expecting: nil)
        )
    }

    private func callback(
        _ verdict: PeerVerdict,
        expecting node: NodeName?
    ) -> NIOSSLCustomVerificationCallback {
        { [check] chain, promise in
            promise.completeWithTask {
                await verdict.reach(check: check, chain: chain, expecting: node)
                    ? .certificateVerified : .failed
            }
        }
    }
}

/// What was found out about the peer of one connection.
final class PeerVerdict: Sendable {
    private let result = Mutex<Result<NodeName, LinkError>?>(nil)

    /// The peer's proven name; `nil` before the check and when it failed.
    var name: NodeName? { try? self.result.withLock { $0 }?.get() }

    /// Why the peer was refused, if it was.
    var failure: LinkError? {
        if case .failure(let error) = self.result.withLock({ $0 }) { error } else { nil }
    }

    func reach(
        check: LinkPeerCheck,
        chain: [NIOSSLCertificate],
        expecting node: NodeName?
    ) async -> Bool {
        let result = await Self.judge(check: check, chain: chain, expecting: node)
        self.result.withLock { $0 = result }
        return self.name != nil
    }

    private static func judge(
        check: LinkPeerCheck,
        chain: [NIOSSLCertificate],
        expecting node: NodeName?
    ) async -> Result<NodeName, LinkError> {
        do {
            let name = try await check(try chain.map { try $0.toDERBytes() })
            guard let node, node != name else { return .success(name) }
            return .failure(
                LinkError(
                    .wrongNode,
                    "\(name) answers where \(node) was expected.",
                    hint: "Check the address of \(node) in the topology."
                )
            )
        } catch {
            return .failure(
                LinkError(.notTrusted, "The peer's certificate is refused.", cause: error)
            )
        }
    }
}
