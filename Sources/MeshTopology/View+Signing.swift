import Foundation
package import MeshIdentity
import MeshModel
import SwiftProtobuf

extension View {
    private static let signingContext = "tributary view 1"

    /// The view as it is handed to its node, with the authority's signature.
    package func signed(by authority: Authority) throws -> [UInt8] {
        let bytes: [UInt8] = try self.message().serializedBytes()
        var signed = ProtoSignedView()
        signed.view = Data(bytes)
        signed.signature = Data(try authority.sign(bytes, context: Self.signingContext))
        return try signed.serializedBytes()
    }

    private func message() -> ProtoView {
        var view = ProtoView()
        view.mesh = self.mesh.text
        view.node = self.node.text
        view.serial = self.serial
        view.listens = self.listens?.description ?? ""
        view.sends = self.sends.map { source in
            ProtoSourceDeclaration.with {
                $0.flow = source.flow.text
                $0.path = source.path
                $0.collector = source.collector.text
                $0.first = source.first.rawValue
                $0.doneWhen = source.doneWhen.description
                $0.profile = source.profile
                // What is usual is left out.
                $0.digest = source.digest == .sha256 ? "" : source.digest.rawValue
                $0.backlogLast = source.backlogLast
                $0.latestOnly = source.latestOnly
                $0.class = UInt32(source.parcelClass)
                $0.largest = UInt64(source.largest?.rawValue ?? 0)
                $0.inSource = !source.isCopied
            }
        }
        view.receives = self.receives.sorted { $0.key < $1.key }.map { flow, landing in
            ProtoLandingDeclaration.with {
                $0.flow = flow.text
                $0.path = landing.path
                $0.again = landing.again.rawValue
                $0.inPlace = !landing.isCopied
            }
        }
        view.spool = UInt64(self.spool.rawValue)
        view.cache = UInt64(self.cache.rawValue)
        view.quotaPerOrigin = UInt64(self.quotaPerOrigin?.rawValue ?? 0)
        view.quotaPerNeighbour = UInt64(self.quotaPerNeighbour?.rawValue ?? 0)
        view.neighbours = self.neighbours.map { neighbour in
            ProtoNeighbour.with {
                $0.name = neighbour.name.text
                $0.dial = neighbour.dial?.description ?? ""
                $0.speed = UInt64(neighbour.speed?.bitsPerSecond ?? 0)
                $0.keepalive =
                    switch neighbour.keepalive {
                    case .every(let seconds): UInt64(seconds)
                    case .off: 0
                    }
            }
        }
        return view
    }

    /// Reads what ``signed(by:)`` made.
    ///
    /// - Throws: ``TopologyError`` with code `too_large`, `malformed` or `signature_invalid`.
    package init(
        verifying bytes: [UInt8],
        authority: StatementPublicKey
    ) throws(TopologyError) {
        let what = "view"
        let signed: ProtoSignedView = try Signed.parse(bytes, what)
        let viewBytes = [UInt8](signed.view)
        guard
            authority.isValid(
                [UInt8](signed.signature),
                context: Self.signingContext,
                over: viewBytes
            )
        else { throw .signatureInvalid(what) }
        let view: ProtoView = try Signed.parse(viewBytes, what)
        var sends: [Source] = []
        for source in view.sends { sends.append(try Source(source)) }
        var receives: [FlowName: LandingDeclaration] = [:]
        for landing in view.receives {
            let flow: FlowName = try Signed.name(landing.flow, what)
            let declaration = LandingDeclaration(
                path: try Self.path(landing.path),
                again: try Signed.choice(landing.again, what),
                isCopied: !landing.inPlace
            )
            guard receives.updateValue(declaration, forKey: flow) == nil else {
                throw .malformed(what, "the flow \(flow) lands twice")
            }
        }
        var neighbours: [Neighbour] = []
        for neighbour in view.neighbours {
            neighbours.append(try Neighbour(neighbour))
        }
        guard Set(neighbours.map(\.name)).count == neighbours.count else {
            throw .malformed(what, "a neighbour is there twice")
        }
        self.init(
            mesh: try Signed.name(view.mesh, what),
            node: try Signed.name(view.node, what),
            serial: view.serial,
            listens: try Self.endpoint(view.listens),
            sends: sends,
            receives: receives,
            spool: try Self.size(view.spool),
            cache: try Self.size(view.cache),
            quotaPerOrigin: try Self.bound(view.quotaPerOrigin),
            quotaPerNeighbour: try Self.bound(view.quotaPerNeighbour),
            neighbours: neighbours
        )
    }

    /// Reads an endpoint; nothing is none.
    fileprivate static func endpoint(_ text: String) throws(TopologyError) -> Endpoint? {
        if text.isEmpty { return nil }
        guard let endpoint = Endpoint(text) else {
            throw .malformed("view", "`\(PathBytes.printable(Array(text.utf8)))` is no address")
        }
        return endpoint
    }

    /// Reads a number of bytes.
    private static func size(_ bytes: UInt64) throws(TopologyError) -> ByteCount {
        guard let size = Int64(exactly: bytes) else {
            throw .malformed("view", "a size of \(bytes) bytes")
        }
        return ByteCount(size)
    }

    /// Reads a number of bytes that bounds something; 0 is no bound.
    fileprivate static func bound(_ bytes: UInt64) throws(TopologyError) -> ByteCount? {
        bytes == 0 ? nil : try Self.size(bytes)
    }

    fileprivate static func path(_ text: String) throws(TopologyError) -> String {
        if let problem = DeclaredPath.problem(with: text) {
            throw .malformed("view", "a path cannot be used: \(problem)")
        }
        return text
    }
}

extension View.Source {
    fileprivate init(_ source: ProtoSourceDeclaration) throws(TopologyError) {
        guard let doneWhen = DoneWhen(source.doneWhen) else {
            throw Signed.unknown(source.doneWhen, "view")
        }
        self.init(
            flow: try Signed.name(source.flow, "view"),
            path: try View.path(source.path),
            collector: try Signed.name(source.collector, "view"),
            first: try Signed.choice(source.first, "view"),
            doneWhen: doneWhen,
            backlogLast: source.backlogLast,
            latestOnly: source.latestOnly,
            parcelClass: try Signed.flowClass(source.class, "view").number,
            largest: try View.bound(source.largest),
            profile: source.profile,
            digest: source.digest.isEmpty ? .sha256 : try Signed.choice(source.digest, "view"),
            isCopied: !source.inSource
        )
    }
}

extension View.Neighbour {
    fileprivate init(_ neighbour: ProtoNeighbour) throws(TopologyError) {
        guard let speed = Int64(exactly: neighbour.speed),
            let seconds = Int64(exactly: neighbour.keepalive)
        else {
            throw .malformed("view", "a number for \(neighbour.name) is too high")
        }
        self.init(
            name: try Signed.name(neighbour.name, "view"),
            dial: try View.endpoint(neighbour.dial),
            speed: speed == 0 ? nil : LineSpeed(bitsPerSecond: speed),
            keepalive: seconds == 0 ? .off : .every(seconds: seconds)
        )
    }
}
