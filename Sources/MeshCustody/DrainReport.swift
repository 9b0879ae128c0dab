package import MeshModel

/// How a drain goes: the events and the answer of `drain`.
package struct DrainReport: Hashable, Sendable, Codable {
    /// A parcel that is still here, with why.
    package struct Left: Hashable, Sendable, Codable {
        /// The first digits of its id.
        package var id: String
        /// The path as ``PathBytes/printable(_:)`` shows it.
        package var path: String
        /// Its flow.
        package var flow: String
        /// Bytes of the file.
        package var size: Int64
        /// Where it stands, in a word.
        package var state: String
        /// Gathers what is said of a parcel.
        package init(id: ParcelID, path: [UInt8], flow: FlowName, size: ByteCount, state: String) {
            self.id = String("\(id)".prefix(12))
            self.path = PathBytes.printable(path)
            self.flow = flow.text
            self.size = size.rawValue
            self.state = state
        }
    }

    /// `progress` in an event, absent in the answer.
    package var event: String?
    /// Parcels in this node's custody that are to go.
    package var parcels: UInt64
    /// Their bytes.
    package var bytes: Int64
    /// Parcels on their way here, in somebody else's custody.
    package var arriving: UInt64
    /// Statements that others have not noted.
    package var statements: UInt64
    /// Bytes that are kept though nothing here needs them.
    package var cached: Int64
    /// Parcels that have gone since the drain began.
    package var gone: UInt64
    /// The first of those that are left; in the answer only.
    package var left: [Left]?

    /// Gathers what is left.
    package init(
        parcels: UInt64,
        bytes: Int64,
        arriving: UInt64,
        statements: UInt64,
        cached: Int64,
        gone: UInt64
    ) {
        self.parcels = parcels
        self.bytes = bytes
        self.arriving = arriving
        self.statements = statements
        self.cached = cached
        self.gone = gone
    }

    /// Whether nothing is left.
    package var isEmpty: Bool {
        self.parcels == 0 && self.arriving == 0 && self.statements == 0 && self.cached == 0
    }
}
