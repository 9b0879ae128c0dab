/// How the digest is made that a closing has of its file.
public enum DigestAlgorithm: String, CaseIterable, Hashable, Sendable {
    /// SHA-256 of the file's bytes, as `sha256sum` prints it.
    case sha256 = "sha-256"
    /// SHA-256 over the digests of the file's pieces, most of which are known already: they name
    /// the blobs. Costs no second pass, and is comparable only where the pieces are the same.
    case tree

    /// As closings carry it.
    public var number: UInt8 {
        switch self {
        case .sha256: 1
        case .tree: 2
        }
    }

    /// The algorithm of that number; `nil` if there is none.
    public init?(number: some BinaryInteger) {
        guard let found = Self.allCases.first(where: { $0.number == number }) else { return nil }
        self = found
    }
}
