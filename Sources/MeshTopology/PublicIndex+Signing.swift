import Foundation
package import MeshIdentity
import MeshModel
import SwiftProtobuf

extension PublicIndex {
    private static let signingContext = "tributary index 1"

    /// The index as it travels: entries, their root, and the authority's signature on it.
    package func signed(by authority: Authority) throws -> [UInt8] {
        let entries: [Data] = try self.entries().map { try $0.serializedData() }
        var head = ProtoIndexHead()
        head.mesh = self.mesh.text
        head.serial = self.serial
        head.signedAt = self.signedAt.rawValue
        head.size = UInt64(entries.count)
        head.root = Data(MerkleTree.root(entries.map { [UInt8]($0) }).bytes)
        let bytes: [UInt8] = try head.serializedBytes()
        var signed = ProtoSignedIndex()
        signed.head = Data(bytes)
        signed.signature = Data(try authority.sign(bytes, context: Self.signingContext))
        signed.entries = entries
        return try signed.serializedBytes()
    }

    private func entries() -> [ProtoIndexEntry] {
        let nodes = self.nodes.map { node in
            ProtoIndexEntry.with {
                $0.node.name = node.name.text
                $0.node.statementKeys = node.statementKeys.map { period in
                    ProtoKeyEntry.with {
                        $0.key = Data(period.key.bytes)
                        $0.fromSerial = period.fromSerial
                        $0.toSerial = period.toSerial ?? 0
                    }
                }
                $0.node.tlsFingerprints = node.tlsFingerprints.map { Data($0.bytes) }
            }
        }
        let flows = self.flows.map { flow in
            ProtoIndexEntry.with {
                $0.flow.name = flow.name.text
                $0.flow.origins = flow.origins.map(\.text)
                $0.flow.collector = flow.collector.text
                $0.flow.first = flow.first.rawValue
                $0.flow.latestOnly = flow.latestOnly
                $0.flow.class = UInt32(flow.parcelClass)
            }
        }
        let links = self.links.map { link in
            ProtoIndexEntry.with {
                $0.link.dialler = link.dialler.text
                $0.link.listener = link.listener.text
                $0.link.prefer = link.prefer
            }
        }
        return nodes + flows + links
    }

    /// Reads what ``signed(by:)`` made, from anybody's hands.
    ///
    /// Checks the signature before it believes anything else, then the root over the entries and
    /// that these fit together. Entries of kinds that this version does not know are skipped.
    ///
    /// - Throws: ``TopologyError`` with code `too_large`, `malformed` or `signature_invalid`.
    package init(
        verifying bytes: [UInt8],
        authority: StatementPublicKey
    ) throws(TopologyError) {
        let what = "index"
        let signed: ProtoSignedIndex = try Signed.parse(bytes, what)
        let headBytes = [UInt8](signed.head)
        guard
            authority.isValid(
                [UInt8](signed.signature),
                context: Self.signingContext,
                over: headBytes
            )
        else { throw .signatureInvalid(what) }
        let head: ProtoIndexHead = try Signed.parse(headBytes, what)
        let entries = signed.entries.map { [UInt8]($0) }
        guard head.size == UInt64(entries.count),
            MerkleTree.root(entries).bytes == [UInt8](head.root)
        else { throw .malformed(what, "its entries are not those that were signed") }
        var nodes: [NodeEntry] = []
        var flows: [FlowEntry] = []
        var links: [LinkEntry] = []
        for entry in entries {
            let parsed: ProtoIndexEntry = try Signed.parse(entry, what)
            switch parsed.entry {
            case .node(let node): nodes.append(try NodeEntry(node))
            case .flow(let flow): flows.append(try FlowEntry(flow))
            case .link(let link): links.append(try LinkEntry(link))
            case nil: break
            }
        }
        try self.init(
            mesh: Signed.name(head.mesh, what),
            serial: head.serial,
            signedAt: UnixMilliseconds(head.signedAt),
            nodes: nodes,
            flows: flows,
            links: links
        )
    }
}

extension PublicIndex.NodeEntry {
    fileprivate init(_ node: ProtoNodeEntry) throws(TopologyError) {
        var periods: [PublicIndex.KeyPeriod] = []
        for entry in node.statementKeys {
            guard let key = StatementPublicKey(bytes: [UInt8](entry.key)) else {
                throw .malformed("index", "a key of \(node.name) is no point of P-256")
            }
            let last = entry.toSerial == 0 ? nil : entry.toSerial
            periods.append(.init(key: key, fromSerial: entry.fromSerial, toSerial: last))
        }
        var fingerprints: [Digest] = []
        for bytes in node.tlsFingerprints {
            guard let digest = Digest([UInt8](bytes)) else {
                throw .malformed("index", "a fingerprint of \(node.name) is not 32 bytes long")
            }
            fingerprints.append(digest)
        }
        self.init(
            name: try Signed.name(node.name, "index"),
            statementKeys: periods,
            tlsFingerprints: fingerprints
        )
    }
}

extension PublicIndex.FlowEntry {
    fileprivate init(_ flow: ProtoFlowEntry) throws(TopologyError) {
        var origins: [NodeName] = []
        for origin in flow.origins { origins.append(try Signed.name(origin, "index")) }
        self.init(
            name: try Signed.name(flow.name, "index"),
            origins: origins,
            collector: try Signed.name(flow.collector, "index"),
            first: try Signed.choice(flow.first, "index"),
            latestOnly: flow.latestOnly,
            parcelClass: try Signed.flowClass(flow.class, "index").number
        )
    }
}

extension PublicIndex.LinkEntry {
    fileprivate init(_ link: ProtoLinkEntry) throws(TopologyError) {
        self.init(
            dialler: try Signed.name(link.dialler, "index"),
            listener: try Signed.name(link.listener, "index"),
            prefer: link.prefer
        )
    }
}

/// What reading an index and reading a view have in common.
enum Signed {
    /// Parses a message that is not longer than anything of ours may be.
    static func parse<Message: SwiftProtobuf.Message>(
        _ bytes: [UInt8],
        _ what: String
    ) throws(TopologyError) -> Message {
        guard bytes.count <= Limits.topologyBytesMax else {
            throw .tooLarge(what, bytes: bytes.count, max: Limits.topologyBytesMax)
        }
        do {
            return try Message(serializedBytes: bytes)
        } catch {
            throw .malformed(what, "it cannot be parsed", cause: error)
        }
    }

    /// Reads a name.
    static func name<Name: MeshWord>(
        _ text: String,
        _ what: String
    ) throws(TopologyError) -> Name {
        guard let name = Name(text) else {
            throw .malformed(what, "`\(PathBytes.printable(Array(text.utf8)))` is no name")
        }
        return name
    }

    /// Reads one of the words of an enumeration.
    static func choice<Choice: RawRepresentable<String>>(
        _ text: String,
        _ what: String
    ) throws(TopologyError) -> Choice {
        guard let choice = Choice(rawValue: text) else { throw Self.unknown(text, what) }
        return choice
    }

    /// Reads the number of a class.
    static func flowClass(_ number: UInt32, _ what: String) throws(TopologyError) -> FlowClass {
        guard let found = FlowClass(number: number) else { throw Self.unknown("\(number)", what) }
        return found
    }

    static func unknown(_ text: String, _ what: String) -> TopologyError {
        .malformed(what, "`\(PathBytes.printable(Array(text.utf8)))` is unknown to this version")
    }
}
